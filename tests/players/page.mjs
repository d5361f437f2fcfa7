// The page at `/` in Chromium: a tab of it, and what goes wrong in it meanwhile.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './processes.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const AXE = readFileSync(path.join(HERE, 'node_modules/axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

export class PageTab {
  /** All that no page may do: errors on the console, requests to another host, dialogs. */
  wrong = [];

  /** `base`: the URL of the page, with its `/`. */
  static async open(browser, base, { fragment = '', width = 1280, height = 800, colorScheme = 'light' } = {}) {
    const tab = new PageTab();
    tab.base = base;
    tab.context = await browser.newContext({ viewport: { width, height }, colorScheme });
    tab.page = await tab.context.newPage();
    tab.page.on('console', (message) => message.type() === 'error' && tab.wrong.push(message.text()));
    tab.page.on('pageerror', (error) => tab.wrong.push(error.stack));
    tab.page.on('dialog', (dialog) => (tab.wrong.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
    tab.page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(base) && !url.startsWith('blob:')) tab.wrong.push(`asked for ${url}`);
    });
    await tab.page.goto(`${base}${fragment}`);
    // Each panel comes as soon as its modules are there.
    for (const one of ['.lane', '.wf-grid', '#player button', '#findings h2']) await tab.page.waitForSelector(one, { state: 'attached' });
    return tab;
  }

  /** What the fragment says, as text of each key. */
  seen() {
    return Object.fromEntries(new URLSearchParams(new URL(this.page.url()).hash.slice(1)));
  }

  /** The window, as a screen reader is told. */
  window() {
    return this.page.getAttribute('.overview-row .hands', 'aria-valuetext');
  }

  /** Until the fragment is like this; what it says then. */
  async until(what, is) {
    await until(`${what}: ${this.page.url()}`, () => is(this.seen()), 20);
    return this.seen();
  }

  press(key) {
    return this.page.keyboard.press(key);
  }

  /** What axe says against WCAG 2.2 AA, and by how much the page is too wide. By the debugger: the page allows no other script. */
  async accessible() {
    await this.page.evaluate(AXE);
    const { violations, passes } = await this.page.evaluate((values) => window.axe.run({ runOnly: { type: 'tag', values } }), TAGS);
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    // It has looked at what it is asked for.
    const looked = ['color-contrast', 'target-size'].every((rule) => passes.some(({ id }) => id === rule));
    return { looked, violations: violations.map(({ id, nodes }) => `${id}: ${nodes.length}, ${nodes[0].html}\n${nodes[0].failureSummary}`), wider };
  }

  close() {
    return this.context.close();
  }
}
