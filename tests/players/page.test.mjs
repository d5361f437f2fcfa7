// The page at `/` in Chromium: what is on it, its keys, its links there and back, whoever looks at it; live, and with names that are scripts.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { REPOSITORY, Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const launch = () => chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });

describe('the page of the demo', { timeout: 240_000 }, () => {
  let browser;
  let replayer;
  let base;
  before(async () => {
    browser = await launch();
    replayer = await new Replayer(path.join(REPOSITORY, 'sessions/demo'), path.join(LOGS, 'page-demo')).listening();
    base = `${replayer.url}/`;
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });
  const open = (options) => PageTab.open(browser, base, options);

  it('says at once when which rendition froze and for how long', async () => {
    const tab = await open();
    await tab.page.waitForFunction(() => document.querySelector('.sort-gap').textContent.includes('1 gap'));
    await tab.page.waitForFunction(() => [...document.querySelectorAll('.lane-media canvas')].every((one) => / 1 gap/.test(one.getAttribute('aria-label'))));
    // In the table, in words: when, and how long.
    await tab.page.click('[aria-label="Table of 256x144 81 kbit/s"]');
    const row = await tab.page.textContent('.lane-media .behind tr.bad:has-text("Gap")');
    assert.match(row, /0:00:34\.032.*Gap: 8\.5 s/);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('goes with its keys where they say', async () => {
    const tab = await open();
    await tab.page.waitForFunction(() => document.querySelector('.sort-gap').textContent.includes('1 gap'));
    await tab.press('g');
    assert.equal((await tab.until('g', (seen) => seen.at !== undefined)).at, '34.032');
    await tab.press('j');
    // The other rendition advanced in the same millisecond.
    const later = await tab.until('j', (seen) => Number(seen.at) >= 34.033);
    await tab.press('k');
    await tab.until('k', (seen) => Number(seen.at) < Number(later.at));
    assert.ok(Number(later.at) <= 42.533, later.at);
    await tab.press('+');
    const near = await tab.until('+', (seen) => Number(seen.w) < 40);
    await tab.press('ArrowRight');
    await tab.until('→', (seen) => Number(seen.t) > Number(near.t));
    await tab.press('-');
    await tab.until('-', (seen) => Number(seen.w) > 60);
    await tab.press('f');
    await tab.until('f', (seen) => seen.t === undefined && seen.w === undefined);
    await tab.press('?');
    await tab.page.waitForSelector('dialog[open]');
    await tab.press('Escape');
    await tab.page.waitForSelector('dialog[open]', { state: 'detached' });
    await tab.press('/');
    await tab.page.waitForFunction(() => document.activeElement.closest('#waterfall') && document.activeElement.tagName === 'INPUT');
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('goes through a lane with arrows, and Enter opens what is there', async () => {
    const tab = await open({ fragment: '#t=30&w=20' });
    await tab.page.waitForFunction(() => / 1 gap/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')));
    await tab.page.focus('.lane-media .hands');
    const told = () => tab.page.getAttribute('.lane-media .hands', 'aria-valuetext');
    for (let step = 0; step < 60 && !(await told()).startsWith('Advance to 22'); step += 1) await tab.press('ArrowRight');
    assert.match(await told(), /^Advance to 22, seen 0:00:34\.032/);
    await tab.press('Enter');
    assert.equal((await tab.until('Enter', (seen) => seen.rev !== undefined)).rev, '266');
    await tab.page.waitForFunction(() => document.querySelector('#revision').textContent.includes('#EXT-X-MEDIA-SEQUENCE'));
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('is the same for who opens its link, and goes back', async () => {
    const tab = await open({ fragment: '#t=30.5&w=12.25&at=34.032&r=p2&f=kind:segment&only=gap' });
    const expected = await tab.window();
    assert.equal(expected, '0:00:30.500 to 0:00:42.750, 12.3 s');
    await tab.page.click('.sort-must');
    const link = (await tab.until('must', (seen) => seen.only === 'gap,must'), tab.page.url());
    const other = await open({ fragment: new URL(link).hash });
    assert.equal(await other.window(), expected);
    assert.equal(await other.page.getAttribute('.sort-must', 'aria-pressed'), 'true');
    assert.equal(await other.page.getAttribute('[data-lane=p2] .lane-name', 'aria-pressed'), 'true');
    assert.equal(await other.page.inputValue('#waterfall input'), 'kind:segment');
    await tab.page.goBack();
    await tab.until('back', (seen) => seen.only === 'gap');
    assert.equal(await tab.page.getAttribute('.sort-must', 'aria-pressed'), 'false');
    assert.deepEqual([...tab.wrong, ...other.wrong], []);
    await other.close();
    await tab.close();
  });

  it('shows what is dragged, zoomed and clicked', async () => {
    const tab = await open();
    await tab.page.waitForFunction(() => / 1 gap/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')));
    const lane = await tab.page.locator('.lane-media .hands').first().boundingBox();
    const [x, y] = [lane.x + lane.width / 2, lane.y + lane.height / 2];
    await tab.page.mouse.move(x, y);
    await tab.page.mouse.wheel(0, -400);
    const near = await tab.until('the wheel', (seen) => Number(seen.w) < 60);
    await tab.page.mouse.down();
    await tab.page.mouse.move(x - 100, y, { steps: 5 });
    await tab.page.mouse.up();
    await tab.until('a drag', (seen) => Number(seen.t) > Number(near.t));
    await tab.page.mouse.click(x, y);
    const clicked = await tab.until('a click', (seen) => seen.at !== undefined && seen.x !== undefined);
    assert.equal(clicked.r, 'p2');
    await tab.page.waitForFunction(() => document.querySelector('#exchange').textContent.includes('.ts'));
    const strip = await tab.page.locator('.overview-row .hands').boundingBox();
    await tab.press('f');
    await tab.until('f', (seen) => seen.t === undefined);
    await tab.page.mouse.move(strip.x + strip.width * 0.2, strip.y + 30);
    await tab.page.mouse.down();
    await tab.page.mouse.move(strip.x + strip.width * 0.4, strip.y + 30, { steps: 5 });
    await tab.page.mouse.up();
    await tab.until('the brush', (seen) => Math.abs(Number(seen.t) - 15) < 0.5 && Math.abs(Number(seen.w) - 15) < 0.5);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('loads no more than 95 KB at first', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const network = await context.newCDPSession(page);
    await network.send('Network.enable');
    const urls = new Map();
    const sizes = new Map();
    network.on('Network.requestWillBeSent', ({ requestId, request }) => urls.set(requestId, request.url));
    network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => sizes.set(urls.get(requestId), encodedDataLength));
    await page.goto(base, { waitUntil: 'networkidle' });
    await page.waitForFunction(() => [...document.querySelectorAll('.lane-media canvas')].every((one) => / 1 gap/.test(one.getAttribute('aria-label'))));
    // With their header fields; what is asked for of the session is not of the page.
    const files = [...sizes].filter(([url]) => !url.includes('/-/v1/'));
    assert.ok(files.some(([url]) => url.endsWith('/-/lanes/picture/draw.js')));
    const sum = files.reduce((all, [, size]) => all + size, 0);
    assert.ok(sum <= 95_000, `${sum} bytes:\n${files.map(([url, size]) => `${size} ${url}`).join('\n')}`);
    await context.close();
  });

  for (const width of [360, 1280, 3840]) {
    for (const colorScheme of ['light', 'dark']) {
      it(`breaks no rule of axe at ${width} px, ${colorScheme}`, async () => {
        const tab = await open({ width, colorScheme, fragment: '#t=20&w=30&at=34.032&r=p2&rev=266&x=266' });
        await tab.page.waitForFunction(() => document.querySelector('#revision').textContent.includes('#EXT-X-MEDIA-SEQUENCE'));
        await tab.page.waitForFunction(() => document.querySelector('.sort-gap').textContent.includes('1 gap'));
        const { looked, violations, wider } = await tab.accessible();
        assert.ok(looked);
        assert.deepEqual(violations, []);
        assert.ok(wider <= 0, `${wider} px wider than the window`);
        await tab.close();
      });
    }
  }
});

describe('the page of a recording', { timeout: 240_000 }, () => {
  const EVIL = '<img src=x onerror=window.hacked=1>';
  let browser;
  let origin;
  let recorder;
  let base;
  let begun;

  /** A live channel of a segment a second whose names, and whatever else it says, are scripts. */
  const answer = (request, response) => {
    const { pathname } = new URL(request.url, 'http://origin');
    const fields = { 'X-Evil': EVIL, 'Content-Type': pathname.endsWith('.m3u8') ? 'application/vnd.apple.mpegurl' : 'text/html' };
    response.writeHead(pathname.endsWith('.m3u8') || Number(/(\d+)\.ts/.exec(pathname)?.[1]) % 5 !== 0 ? 200 : 404, fields);
    if (!pathname.endsWith('.m3u8')) return response.end(`<script>window.hacked=1</script>${EVIL}`);
    const last = Math.floor((Date.now() - begun) / 1000) + 5;
    const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', `#EXT-X-MEDIA-SEQUENCE:${last - 5}`, `#EXT-X-DATERANGE:ID="${EVIL}",START-DATE="2026-01-01T00:00:00Z"`];
    for (let number = last - 5; number < last; number += 1) lines.push('#EXTINF:1,', `${encodeURIComponent(EVIL)}${number}.ts`);
    return response.end(`${lines.join('\n')}\n`);
  };

  before(async () => {
    browser = await launch();
    origin = createServer(answer);
    await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
    begun = Date.now();
    const url = `http://127.0.0.1:${origin.address().port}/${encodeURIComponent(EVIL)}/live.m3u8`;
    const log = path.join(LOGS, 'page-live');
    recorder = new Child(binary('isrecorder'), ['-o', path.join(WORK, `page-${process.pid}`), '-s', 'live', '--poll', '0.25', '--serve', '0', '--bind', '127.0.0.1', `hall=${url}`], log);
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    base = `http://127.0.0.1:${port}/`;
  });
  after(async () => {
    await browser?.close();
    await recorder?.end('SIGINT');
    origin?.closeAllConnections();
    origin?.close();
  });

  it('follows the edge until somebody looks elsewhere, and never jumps', async () => {
    const tab = await PageTab.open(browser, base);
    const live = (text) => tab.page.waitForFunction((wanted) => document.querySelector('.live').textContent.includes(wanted), text);
    await live('following the edge');
    await tab.page.waitForFunction(() => /[3-9] advances/.test(document.querySelector('.lane-media canvas')?.getAttribute('aria-label') ?? ''));
    assert.equal(tab.seen().t, undefined);
    const lane = await tab.page.locator('.lane-media .hands').boundingBox();
    await tab.page.mouse.click(lane.x + lane.width / 2, lane.y + lane.height / 2);
    await live('not following');
    const still = await tab.window();
    const length = await tab.page.getAttribute('.overview-row .hands', 'aria-valuemax');
    await tab.page.waitForFunction((before) => Number(document.querySelector('.overview-row .hands').getAttribute('aria-valuemax')) > Number(before) + 3, length, { timeout: 30_000 });
    assert.equal(await tab.window(), still);
    await tab.press('.');
    await live('Recording, following');
    await tab.until('the edge', (seen) => seen.t === undefined);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('shows names, header fields and texts that are scripts as text', async () => {
    const tab = await PageTab.open(browser, base, { fragment: '#t=0&w=60' });
    await tab.page.waitForFunction((evil) => document.querySelector('#lanes').textContent.includes(evil), EVIL);
    // Each thing that is in the lane, in its table; a request, and a text.
    await tab.page.click('.lane-media .table-button');
    await tab.page.waitForFunction((evil) => document.querySelector('.lane-media .behind').textContent.includes(evil), EVIL);
    await tab.page.click('.lane-media .behind button:has-text("Request") >> nth=0');
    await tab.page.waitForFunction((evil) => document.querySelector('#exchange').textContent.includes(evil), EVIL);
    await tab.page.click('.lane-media .behind button:has-text("Playlist") >> nth=0');
    await tab.page.waitForFunction(() => document.querySelector('#revision').textContent.includes('#EXT-X-DATERANGE:ID="<img'));
    assert.equal(await tab.page.evaluate(() => document.querySelectorAll('img, #page script').length), 0);
    assert.equal(await tab.page.evaluate(() => window.hacked), undefined);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
