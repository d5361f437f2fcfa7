// The page at `/` in Chromium: what was the recorder's own, and what was good in the end, beside what was the origin's.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

/** For so long the recorder is stopped, in milliseconds: longer than what it notices. */
const STOPPED_MS = 4000;

describe('the page of a recorder that was stopped', { timeout: 120_000 }, () => {
  let browser;
  let origin;
  let recorder;
  let base;
  let begun;
  let folder;
  const asked = new Map();

  /** A live channel of a segment a second; each fifth segment fails when it is asked for first. */
  const answer = (request, response) => {
    const { pathname } = new URL(request.url, 'http://origin');
    const isPlaylist = pathname.endsWith('.m3u8');
    const number = Number(/(\d+)\.ts/.exec(pathname)?.[1] ?? 1);
    asked.set(pathname, (asked.get(pathname) ?? 0) + 1);
    response.writeHead(isPlaylist || number % 5 !== 0 || asked.get(pathname) > 1 ? 200 : 503, { 'Content-Type': isPlaylist ? 'application/vnd.apple.mpegurl' : 'video/mp2t' });
    if (!isPlaylist) return response.end('x');
    const last = Math.floor((Date.now() - begun) / 1000) + 5;
    const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', `#EXT-X-MEDIA-SEQUENCE:${last - 5}`];
    for (let one = last - 5; one < last; one += 1) lines.push('#EXTINF:1,', `${one}.ts`);
    return response.end(`${lines.join('\n')}\n`);
  };

  before(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    origin = createServer(answer);
    await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
    begun = Date.now();
    folder = path.join(WORK, `page-own-${process.pid}`);
    recorder = new Child(binary('isrecorder'), ['-o', folder, '-s', 'own', '--poll', '0.25', '--serve', '0', '--bind', '127.0.0.1', `http://127.0.0.1:${origin.address().port}/live.m3u8`], path.join(LOGS, 'page-own'));
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    base = `http://127.0.0.1:${port}/`;
    const session = async () => (await fetch(`${base}-/v1/session`)).json();
    await until('it has recorded for a while', async () => (await session()).length_seconds > 6);
    recorder.process.kill('SIGSTOP');
    const stopped = Date.now();
    await until('it was stopped for long', () => Date.now() > stopped + STOPPED_MS);
    recorder.process.kill('SIGCONT');
    await until('it has noticed', async () => (await session()).notices.some(({ kind }) => kind === 'stalled'));
  });
  after(async () => {
    await browser?.close();
    await recorder?.end('SIGINT');
    origin?.closeAllConnections();
    origin?.close();
  });

  it('shows that it stood still where it did, in words, and blames nobody for what it did not see', async () => {
    const tab = await PageTab.open(browser, base, { fragment: '#t=0&w=30' });
    await tab.page.waitForFunction(() => /\d troubles? of the recorder/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')));
    assert.match(await tab.page.getAttribute('.overview-row canvas', 'aria-label'), /troubles? of the recorder/);
    await tab.page.click('.lane-media .table-button');
    const row = tab.page.locator('.lane-media .behind tr', { hasText: 'Recorder: stood still' });
    assert.match(await row.textContent(), /nothing that it missed then is the origin's/);
    assert.equal(await row.getAttribute('class'), null);
    // What was not seen meanwhile is told with its reason, and is no gap.
    await tab.page.locator('.lane-media .behind tr', { hasText: /No advance seen.*The recorder then: .*stood still/ }).waitFor();
    assert.equal(await tab.page.locator('.lane-media .behind tr.bad', { hasText: 'Gap:' }).count(), 0);
    await tab.page.click('.overview-row .table-button');
    await tab.page.locator('#overview .behind tr', { hasText: 'stood still' }).first().waitFor();
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('leads to it by keys', async () => {
    const tab = await PageTab.open(browser, base, { fragment: '#t=0&w=30' });
    const { notices } = await (await fetch(`${base}-/v1/session`)).json();
    const { at } = notices.find(({ kind }) => kind === 'stalled');
    await tab.page.waitForFunction(() => / troubles? of the recorder/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')));
    let seen = {};
    for (let step = 0; step < 100 && Math.abs(Number(seen.at ?? 0) - at) > 0.002; step += 1) {
      const before = JSON.stringify(tab.seen());
      await tab.press('j');
      // What happened within a millisecond in two lanes has one moment.
      seen = await tab.until('j', (now) => JSON.stringify(now) !== before);
    }
    assert.ok(Math.abs(Number(seen.at) - at) <= 0.002, `${seen.at} ${at}`);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('shows a segment that failed at first as one that came', async () => {
    const tab = await PageTab.open(browser, base, { fragment: '#t=0&w=30' });
    await tab.page.waitForFunction(() => /failed good in the end/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')), null, { timeout: 20_000 });
    await tab.page.click('.lane-media .table-button');
    const row = tab.page.locator('.lane-media .behind tr', { hasText: 'good in the end' }).first();
    assert.match(await row.textContent(), /failed at first, and good in the end: exchange \d+.*503.*good in the end: exchange \d+/);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('says the same when all has been judged', async () => {
    await recorder.end('SIGINT');
    const replayer = await new Replayer(path.join(folder, 'own'), path.join(LOGS, 'page-own-replayed')).listening();
    try {
      await until('all is judged', async () => (await (await fetch(`${replayer.url}/-/v1/findings`)).json()).state === 'done');
      const tab = await PageTab.open(browser, `${replayer.url}/`);
      await tab.page.waitForFunction(() => /Verdict.*outage/.test(document.querySelector('.verdict').textContent));
      await tab.page.click('.lane-media .table-button');
      await tab.page.locator('.lane-media .behind tr', { hasText: /No advance seen.*The recorder then: .*stood still/ }).waitFor();
      assert.equal(await tab.page.locator('.lane-media .behind tr.bad', { hasText: 'Gap:' }).count(), 0);
      assert.deepEqual(tab.wrong, []);
      await tab.close();
    } finally {
      await replayer.stop();
    }
  });
});
