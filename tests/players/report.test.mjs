// The page of isreport in Chromium: axe finds nothing against WCAG 2.2 AA, and a keyboard reaches each mark and comes back.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { REPOSITORY, binary } from './programs.mjs';
import { WORK } from './recording.mjs';

const run = promisify(execFile);
const HERE = path.dirname(fileURLToPath(import.meta.url));
const AXE = readFileSync(path.join(HERE, 'node_modules/axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

describe('the page of isreport', { timeout: 120_000 }, () => {
  let browser;
  const page = path.join(WORK, `report-${process.pid}.html`);

  before(async () => {
    await run(binary('isreport'), ['--format', 'html', '--severity', 'info', '-o', page, path.join(REPOSITORY, 'sessions/demo')]);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
  });
  after(() => browser?.close());

  /** A tab that shows the page. */
  const shown = async (width, colorScheme) => {
    const tab = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await tab.goto(pathToFileURL(page).href);
    return tab;
  };

  for (const width of [360, 1280]) {
    for (const colors of ['light', 'dark']) {
      it(`breaks no rule of axe at ${width} px, ${colors}`, async () => {
        const tab = await shown(width, colors);
        // By the debugger: the page allows no scripts, and needs none.
        await tab.evaluate(AXE);
        const { violations, passes } = await tab.evaluate((values) => window.axe.run({ runOnly: { type: 'tag', values } }), TAGS);
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.length}, ${nodes[0].html}\n${nodes[0].failureSummary}`);
        assert.deepEqual(told, []);
        assert.ok(passes.some(({ id }) => id === 'color-contrast') && passes.some(({ id }) => id === 'target-size'));
        const wider = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wider <= 0, `nothing is wider than the window, but ${wider} px`);
        await tab.close();
      });
    }
  }

  it('has each mark within reach of a keyboard, and each leads to its finding and back', async () => {
    const tab = await shown(1280, 'light');
    const marks = await tab.$$eval('.marks a', (links) => links.map(({ id }) => id));
    assert.ok(marks.length > 0);
    const reached = new Set();
    let first = null;
    for (;;) {
      await tab.keyboard.press('Tab');
      const at = await tab.evaluate(() => {
        const { activeElement: it } = document;
        it.dataset.tabbed ??= `${document.querySelectorAll('[data-tabbed]').length}`;
        return it === document.body ? null : { id: it.id, number: it.dataset.tabbed };
      });
      if (at === null || at.number === first) break;
      first ??= at.number;
      reached.add(at.id);
    }
    assert.deepEqual(marks.filter((id) => !reached.has(id)), []);
    // Enter on a mark goes to its finding, whose link goes back to the first mark of it.
    for (const mark of marks) {
      await tab.focus(`#${mark}`);
      await tab.keyboard.press('Enter');
      const finding = await tab.evaluate(() => document.querySelector(':target')?.id);
      assert.ok(mark.endsWith(`-${finding}`), `${mark} leads to ${finding}`);
      await tab.focus(`#${finding} a[href^="#p"]`);
      await tab.keyboard.press('Enter');
      const back = await tab.evaluate(() => ({ target: document.querySelector(':target')?.id, active: document.activeElement.id }));
      assert.ok(back.target.endsWith(`-${finding}`) && marks.includes(back.target), `${finding} leads back to ${back.target}`);
    }
    await tab.close();
  });
});
