// The waterfall of the page in Chromium, of a window with 100,000 requests: it begins where one looks.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { until } from './processes.mjs';
import { REPOSITORY, Replayer } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const MANY = 100_000;
/** Behind the demo a poll each 10 ms that failed. */
const POLLS = `
  CREATE TEMP TABLE poll AS SELECT * FROM exchange WHERE id = (SELECT max(id) FROM exchange);
  UPDATE temp.poll SET body_id = NULL, confirms_id = NULL, status = 503;
  CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY}) SELECT i FROM n;
  CREATE TEMP TABLE polls AS SELECT n.i, poll.* FROM temp.poll, temp.n;
  UPDATE temp.polls SET id = id + i, from_us = from_us + i * 10000, requested_us = requested_us + i * 10000;
  ALTER TABLE temp.polls DROP COLUMN i;
  INSERT INTO exchange SELECT * FROM temp.polls;
  UPDATE run SET stopped_us = stopped_us + ${MANY} * 10000, seen_us = seen_us + ${MANY} * 10000;`;

describe('a waterfall of 100,000 requests', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  before(async () => {
    const folder = path.join(WORK, `page-many-${process.pid}`);
    cpSync(path.join(REPOSITORY, 'sessions/demo'), folder, { recursive: true });
    // It says what was in it before.
    rmSync(path.join(folder, 'session.sum'));
    execFileSync('sqlite3', [path.join(folder, 'session.db'), POLLS]);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    replayer = await new Replayer(folder, path.join(LOGS, 'page-many')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });

  it('begins at the pointer, goes back row by row, and to the first one', async () => {
    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment: '#at=600' });
    let pages = 0;
    tab.page.on('response', (response) => {
      if (response.url().includes('/-/v1/exchanges?')) pages += 1;
    });
    /** Rows that are seen, from the top. */
    const seen = () => tab.page.evaluate(() => {
      const box = document.querySelector('.wf-scroll').getBoundingClientRect();
      const rows = [...document.querySelectorAll('.wf-row[data-id]')].map((row) => ({ id: Number(row.dataset.id), top: row.getBoundingClientRect().top, words: row.getAttribute('aria-description') }));
      return rows.filter(({ top }) => top > box.top - 1 && top < box.bottom).sort((a, b) => a.top - b.top);
    });
    await until('rows of the pointer are seen', async () => (await seen())[0]?.words.includes('asked 0:10:00.0'), 60);
    await tab.page.waitForFunction(() => /^100,570 requests in the window, rows from 0:\d\d:\d\d\.\d on$/.test(document.querySelector('.wf-count').textContent));
    const [first] = await seen();
    // What comes before it moves nothing: the same row is at the top.
    await until('rows before it have come', () => tab.page.evaluate(() => document.querySelector('.wf-scroll').scrollTop > 200 * 24));
    assert.equal((await seen())[0].id, first.id);
    assert.ok(pages < 20, `${pages} pages`);
    // Each row before is there, in order.
    let last = first.id;
    for (let step = 0; step < 40; step += 1) {
      await tab.page.evaluate(async () => {
        const scroller = document.querySelector('.wf-scroll');
        scroller.scrollTop -= scroller.clientHeight;
        for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
      });
      const ids = (await seen()).map(({ id }) => id);
      assert.ok(ids.length > 3);
      ids.slice(1).forEach((id, index) => assert.equal(id, ids[index] + 1));
      assert.ok(ids[0] < last && ids.at(-1) >= last - 3, `${ids} before ${last}`);
      [last] = ids;
    }
    await tab.page.focus('.wf-row[tabindex="0"]');
    await tab.press('Home');
    await until('the first row is at the top', async () => (await seen())[0]?.id === 1);
    await tab.page.waitForFunction(() => document.querySelector('.wf-count').textContent === '100,570 requests in the window');
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('begins there with a filter, too', async () => {
    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment: '#at=600&f=status:503' });
    await until('rows of the pointer are there', () => tab.page.evaluate(() => [...document.querySelectorAll('.wf-row[data-id]')].some((row) => row.getAttribute('aria-description').includes('asked 0:10:00.0'))), 60);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
