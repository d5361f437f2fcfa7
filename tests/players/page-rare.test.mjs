// The page at `/` in Chromium: what is rarely seen of it. Rows that are damaged, what is still being loaded, the end of a recording, another URL of a playlist.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { REPOSITORY, Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const DEMO = path.join(REPOSITORY, 'sessions/demo');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'];
const text = (tab, selector) => tab.page.textContent(selector);
const says = (tab, selector, pattern) => until(`${selector} says ${pattern}`, async () => pattern.test(await text(tab, selector)));
const launch = () => chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });

describe('the page of the demo, where it is rarely looked at', { timeout: 240_000 }, () => {
  let browser;
  let replayer;
  before(async () => {
    browser = await launch();
    replayer = await new Replayer(DEMO, path.join(LOGS, 'page-rare')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });

  it('says that it loads what it does not know yet, to who does not see it as well', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route('**/-/v1/lanes*', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`${replayer.url}/`);
    const lane = page.locator('.lane-media').first();
    const label = () => lane.locator('canvas').getAttribute('aria-label');
    await lane.waitFor();
    await until('the lane says that it is loaded', async () => /: loading…$/.test(await label()));
    // What is not known yet is not told as nothing.
    assert.doesNotMatch(await label(), /0 advances|0 gaps/);
    await lane.locator('.table-button').click();
    await lane.locator('.behind td', { hasText: 'loading…' }).waitFor();
    release();
    await until('the lane says what is in it', async () => /[1-9]\d* advances, 1 gap, .* in what is shown$/.test(await label()));
    await lane.locator('.behind td', { hasText: 'Advance to' }).first().waitFor();
    assert.equal(await lane.locator('.behind td', { hasText: 'loading…' }).count(), 0);
    await context.close();
  });

  it('has a row for what is being loaded, where somebody scrolls to it', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    let release;
    const held = new Promise((resolve) => { release = resolve; });
    await page.route('**/-/v1/exchanges?*after=*', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(`${replayer.url}/`);
    await page.locator('.wf-row[data-id]').first().waitFor();
    await page.$eval('.wf-scroll', (scroller) => { scroller.scrollTop = scroller.scrollHeight; });
    await page.locator('.wf-row.empty', { hasText: 'loading…' }).waitFor();
    release();
    await until('there are no such rows any more', async () => (await page.locator('.wf-row.empty').count()) === 0);
    await context.close();
  });

  it('says behind the end of the recording that it is over, and blames nobody', async () => {
    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment: '#at=68&r=p2' });
    await tab.press(' ');
    await tab.page.waitForFunction(() => document.querySelector('video')?.currentTime > 0.5, null, { timeout: 60_000 });
    await tab.page.click('.player-content details:not(.player-how) summary');
    await says(tab, '#player .facts', /0:01:15\.0: the recording is over/);
    await says(tab, '#player .facts', /before the end/);
    await says(tab, '#player .facts', /empty: nothing more comes/);
    const over = tab.page.locator('.player-events li', { hasText: 'the recording is over' });
    await over.waitFor();
    assert.equal(await over.count(), 1);
    assert.match(await over.textContent(), /0:01:15\.0/);
    assert.doesNotMatch(await over.getAttribute('class') ?? '', /bad/);
    // What is behind the end is no wait of anybody's.
    const times = await tab.page.$$eval('.player-events li.bad-event button', (all) => all.map((one) => one.textContent));
    for (const time of times) assert.ok(time < '0:01:15', `a bad event at ${time}`);
    // Its clock is not drawn where nothing is.
    await tab.page.click('#player button:has-text("Stop")');
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});

describe('the page of a session with damaged rows', { timeout: 120_000 }, () => {
  const DAMAGED = 7;
  let browser;
  let replayer;
  before(async () => {
    const folder = path.join(WORK, `page-damaged-${process.pid}`);
    cpSync(DEMO, folder, { recursive: true });
    execFileSync('sqlite3', [path.join(folder, 'session.db'), `PRAGMA ignore_check_constraints=ON; UPDATE exchange SET outcome = 'no word' WHERE id = ${DAMAGED};`]);
    browser = await launch();
    replayer = await new Replayer(folder, path.join(LOGS, 'page-damaged')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });

  it('says of them that they are, and shows all others', async () => {
    const tab = await PageTab.open(browser, `${replayer.url}/`);
    const row = tab.page.locator(`.wf-row[data-id="${DAMAGED}"]`);
    await row.waitFor();
    const words = await row.textContent();
    assert.match(words, /exchange 7/);
    assert.match(words, /the row of this request is damaged: `issession check` says more/);
    assert.match(await row.getAttribute('aria-description'), /asked about/);
    assert.equal(await row.locator('.wf-status').textContent(), '?');
    assert.equal(await row.locator('i').count(), 0, 'it has no bar: when it was is not known');
    for (const id of [DAMAGED - 1, DAMAGED + 1]) assert.match(await tab.page.locator(`.wf-row[data-id="${id}"] .wf-status`).textContent(), /^(200|304)$/);
    await row.click();
    await says(tab, '#exchange', /Request 7.*Nothing can be told of it: the row of this request is damaged/);
    await tab.press('ArrowDown');
    await tab.press('Enter');
    await says(tab, '#exchange', /Request 8.*Times/);
    assert.deepEqual(tab.wrong, []);
    const { violations } = await tab.accessible();
    assert.deepEqual(violations, []);
    await tab.close();
  });
});

describe('the page of a playlist that is asked for by another URL', { timeout: 120_000 }, () => {
  let browser;
  let origin;
  let recorder;
  let base;
  let begun;
  /** The multivariant playlist names another path every eight seconds, and an older one is refused. */
  const answer = (request, response) => {
    const { pathname } = new URL(request.url, 'http://origin');
    const seconds = Math.floor((Date.now() - begun) / 1000);
    const token = String(Math.floor(seconds / 8));
    if (pathname.endsWith('/media.m3u8') && pathname !== `/${token}/media.m3u8`) return response.writeHead(403).end();
    response.writeHead(200, { 'Content-Type': pathname.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'video/mp2t' });
    if (pathname === '/main.m3u8') return response.end(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\n${token}/media.m3u8\n`);
    if (!pathname.endsWith('.m3u8')) return response.end('x');
    const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', `#EXT-X-MEDIA-SEQUENCE:${seconds}`];
    for (let one = seconds; one < seconds + 5; one += 1) lines.push('#EXTINF:1,', `${one}.ts`);
    return response.end(`${lines.join('\n')}\n`);
  };
  before(async () => {
    browser = await launch();
    origin = createServer(answer);
    await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
    begun = Date.now();
    const folder = path.join(WORK, `page-url-${process.pid}`);
    recorder = new Child(binary('isrecorder'), ['-o', folder, '-s', 'url', '--poll', '0.5', '--serve', '0', '--bind', '127.0.0.1', `http://127.0.0.1:${origin.address().port}/main.m3u8`], path.join(LOGS, 'page-url'));
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    base = `http://127.0.0.1:${port}/`;
    const marks = async () => (await (await fetch(`${base}-/v1/lanes`)).json()).lanes.flatMap((lane) => lane.marks ?? []);
    await until('a playlist is asked for by another URL', async () => (await marks()).some(({ kind }) => kind === 'url'), 90);
  });
  after(async () => {
    await browser?.close();
    await recorder?.end('SIGINT');
    origin?.closeAllConnections();
    origin?.close();
  });

  it('has a sign in its lane, which says what it is and leads to the text', async () => {
    const tab = await PageTab.open(browser, base, { fragment: '#t=0&w=60' });
    const lane = tab.page.locator('.lane-media');
    await until('the lane knows its marks', async () => /advances/.test(await lane.locator('canvas').getAttribute('aria-label')));
    await lane.locator('.table-button').click();
    const line = lane.locator('.behind tr', { hasText: 'another URL' }).first();
    await line.waitFor();
    assert.match(await line.textContent(), /\d\/media\.m3u8/);
    // The sign is where the table says, and says the same to who points at it.
    const at = await line.locator('time').textContent();
    const [, minutes, seconds] = /^0:(\d+):([\d.]+)$/.exec(at);
    const hands = await lane.locator('.hands').boundingBox();
    await tab.page.mouse.move(hands.x + (hands.width * (Number(minutes) * 60 + Number(seconds))) / 60 + 3, hands.y + 14);
    await until('the tip says what the sign is', async () => /another URL/.test(await text(tab, '.tip')), 10);
    await tab.page.click('.head button:has-text("Signs")');
    await tab.page.locator('dialog dd', { hasText: 'asked for by another URL' }).waitFor();
    await tab.press('Escape');
    await line.locator('button').click();
    await says(tab, '#revision', /The URL is another one than that of the text it is compared with/);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
