// The page in Chromium, of a session with more findings than are sent at first: those of the window come with it. And a late poll is in its own lane.

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

const MANY = 6000;
/** Behind the demo a poll each 10 s; by turns it fails, and is good: each failure is an outage of its own. One poll was late. */
const POLLS = `
  CREATE TEMP TABLE poll AS SELECT * FROM exchange WHERE resource_id = 3 AND outcome = 'complete' AND confirms_id IS NOT NULL ORDER BY id DESC LIMIT 1;
  CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY}) SELECT i FROM n;
  CREATE TEMP TABLE polls AS SELECT n.i, poll.* FROM temp.poll, temp.n;
  UPDATE temp.polls SET id = (SELECT max(id) FROM main.exchange) + i, from_us = from_us + i * 10000000, requested_us = requested_us + i * 10000000;
  UPDATE temp.polls SET body_id = NULL, confirms_id = NULL, status = 503 WHERE i % 2;
  ALTER TABLE temp.polls DROP COLUMN i;
  INSERT INTO exchange SELECT * FROM temp.polls;
  INSERT INTO event (at_us, length_us, kind, detail) SELECT requested_us - 2000000, 2000000, 'late', 'poll ' || id || ': 2.000 s behind its moment' FROM exchange WHERE resource_id = 3 AND id > 100 ORDER BY id LIMIT 1;
  UPDATE run SET stopped_us = stopped_us + ${MANY} * 10000000, seen_us = seen_us + ${MANY} * 10000000;`;

describe('a session with thousands of findings', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  let end;
  const json = async (what) => (await fetch(`${replayer.url}/-/v1/${what}`)).json();
  before(async () => {
    const folder = path.join(WORK, `page-findings-${process.pid}`);
    cpSync(path.join(REPOSITORY, 'sessions/demo'), folder, { recursive: true });
    // It says what was in it before.
    rmSync(path.join(folder, 'session.sum'));
    execFileSync('sqlite3', [path.join(folder, 'session.db'), POLLS]);
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    replayer = await new Replayer(folder, path.join(LOGS, 'page-findings')).listening();
    end = (await json('session')).length_seconds;
    await until('all is judged', async () => (await json('findings')).state === 'done', 60);
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });

  it('loads those of the window, and says how many it has not', async () => {
    const first = await json('findings');
    const outages = first.findings.filter(({ rule }) => rule === 'H14');
    const last = Math.max(...outages.map(({ last }) => last.session_time));
    assert.ok(first.not_sent.H14 > 100 && outages.length > 500 && last < end - 600, `${outages.length} outages to ${last} of ${end}, ${JSON.stringify(first.not_sent)}`);
    const from = last + 300;
    const there = (await json(`findings?from=${from}&to=${from + 100}`)).findings.filter(({ rule, first }) => rule === 'H14' && first.session_time >= from);
    assert.ok(there.length >= 4);

    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment: `#t=${from}&w=100` });
    const row = () => tab.page.getAttribute('[data-lane=p3] canvas', 'aria-label');
    await until('outages of the window are in its lane', async () => Number(/(\d+) findings/.exec(await row())?.[1] ?? 0) >= there.length, 20);
    const loaded = async () => Number(/([\d,]+) loaded/.exec(await tab.page.textContent('#findings h2'))?.[1].replace(',', '') ?? 0);
    const before = await loaded();
    assert.ok(before >= first.findings.length + there.length, `${before}`);
    // What is counted stays what it is.
    const many = first.not_sent.H14 + outages.length;
    assert.match(await tab.page.textContent('.sort-fault'), new RegExp(many.toLocaleString('en')));
    assert.match(await tab.page.textContent('#findings .finding-note'), /are loaded with the window/);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('draws a late poll in the lane of its playlist, and in no other', async () => {
    const { notices } = await json('session');
    assert.equal(notices.length, 1);
    assert.equal(notices[0].lane, 'p3');
    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment: `#t=${Math.max(notices[0].at - 5, 0)}&w=10` });
    await tab.page.waitForFunction(() => /1 trouble of the recorder/.test(document.querySelector('[data-lane=p3] canvas').getAttribute('aria-label')));
    assert.doesNotMatch(await tab.page.getAttribute('[data-lane=p2] canvas', 'aria-label'), /trouble/);
    assert.match(await tab.page.getAttribute('#overview canvas', 'aria-label'), /1 trouble of the recorder/);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
