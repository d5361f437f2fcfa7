// The detail side of the page in Chromium: requests, one request, texts of playlists, the player.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { REPOSITORY, Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const HLS_JS = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules/hls.js/dist/hls.min.js');
const DEMO = path.join(REPOSITORY, 'sessions/demo');
/** Requests of the demo, and where 720p of it froze, in session seconds. */
const REQUESTS = 570;
const FREEZE = 34;

describe('the details of the page', { timeout: 300_000 }, () => {
  let browser;
  let plain;
  let withHlsJs;
  before(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required'] });
    plain = await new Replayer(DEMO, path.join(LOGS, 'page-details')).listening();
    withHlsJs = await new Replayer(DEMO, path.join(LOGS, 'page-hlsjs'), ['--hls-js', HLS_JS]).listening();
  });
  after(async () => {
    await browser?.close();
    await plain?.stop();
    await withHlsJs?.stop();
  });
  const open = (fragment, options = {}) => PageTab.open(browser, `${plain.url}/`, { fragment, ...options });
  const done = async (tab) => {
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  };
  const text = (tab, selector) => tab.page.textContent(selector);
  const says = (tab, selector, pattern) => until(`${selector} says ${pattern}`, async () => pattern.test(await text(tab, selector)));

  it('has rows of what is seen only, and all of them by scrolling', async () => {
    const tab = await open('');
    await says(tab, '.wf-count', new RegExp(`^${REQUESTS} requests`));
    const ids = new Set();
    for (;;) {
      const [seen, isEnd] = await tab.page.evaluate(() => {
        const scroller = document.querySelector('.wf-scroll');
        const isEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 1;
        const seen = [...document.querySelectorAll('.wf-row[data-id]')].map((row) => Number(row.dataset.id));
        scroller.scrollTop += scroller.clientHeight;
        return [seen, isEnd];
      });
      assert.ok(seen.length < 100, `${seen.length} rows are in the document`);
      seen.forEach((id) => ids.add(id));
      if (isEnd && ids.size >= REQUESTS) break;
      await tab.page.evaluate(() => new Promise(requestAnimationFrame));
    }
    assert.equal(ids.size, REQUESTS);
    await done(tab);
  });

  it('filters what is typed, says what is wrong with it, and has it in the link', async () => {
    const tab = await open('');
    await says(tab, '.wf-count', /requests/);
    await tab.press('/');
    await tab.page.keyboard.type('kind:key');
    await tab.until('the filter', (seen) => seen.f === 'kind:key');
    await says(tab, '.wf-count', /found/);
    const kinds = await tab.page.$$eval('.wf-row[data-id] .wf-kind', (cells) => [...new Set(cells.map((cell) => cell.textContent))]);
    assert.deepEqual(kinds, ['key']);
    await tab.page.fill('#filter', 'status>=x');
    await says(tab, '#filter-error', /"x" is no status/);
    assert.equal(await tab.page.getAttribute('#filter', 'aria-invalid'), 'true');
    await tab.page.fill('#filter', '');
    await says(tab, '.wf-count', new RegExp(`^${REQUESTS} requests`));
    tab.wrong = tab.wrong.filter((what) => !/status of 400/.test(what));
    await done(tab);
  });

  it('is gone through by keys, and Enter opens a request', async () => {
    const tab = await open('');
    await says(tab, '.wf-count', /requests/);
    await tab.page.focus('.wf-row[tabindex="0"]');
    const focused = () => tab.page.evaluate(() => Number(document.activeElement.dataset.id));
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp']) await tab.press(key);
    assert.equal(await focused(), 3);
    await tab.press('Enter');
    await tab.until('Enter', (seen) => seen.x === '3');
    await says(tab, '#exchange', /http:\/\/localhost:8080\/live\/high\/live\.m3u8/);
    // Far away, and back: the focus is on a row all the time.
    await until('all rows are there', async () => {
      await tab.press('End');
      return (await focused()) === REQUESTS;
    });
    await tab.press('Home');
    assert.equal(await focused(), 1);
    await tab.press('Escape');
    await tab.until('Escape', (seen) => seen.x === undefined);
    await done(tab);
  });

  it('shows a request with its body, who listed it, and the way there', async () => {
    const tab = await open('#x=5');
    await says(tab, '#exchange', /seg005\.ts/);
    const told = await text(tab, '#exchange');
    for (const word of ['21,072, as announced', 'b94e9ca48fb12a69419fb2d581565a11429576c13ef25c8fde067eb9ba9b9c6d', 'chunks/live/low/seg005.ts', 'HTTP/1.1', 'video/mp2t']) {
      assert.ok(told.includes(word), `${word} in ${told}`);
    }
    const replay = await tab.page.$eval('#exchange a[href^="exchange/"]', (link) => link.href);
    assert.equal((await (await fetch(replay)).arrayBuffer()).byteLength, 21072);
    await tab.page.click('#exchange a:has-text("the text of exchange 2")');
    await tab.until('who listed it', (seen) => seen.rev === '2' && seen.r === 'p3');
    await says(tab, '#revision .text-view', /seg005\.ts/);
    // And from the text back to what it names.
    await tab.page.click('#revision .text-view a:has-text("seg004.ts")');
    await tab.until('what is listed', (seen) => seen.x === '7');
    await tab.page.goBack();
    await tab.until('back', (seen) => seen.x === '5');
    await done(tab);
  });

  it('gives a shell nothing but words, whatever a URL is', async () => {
    const tab = await open('');
    const urls = [
      'http://h/a.ts', "http://h/'; touch /tmp/x; echo '", 'http://h/$(id)`id`"\\', 'http://h/[1-9]{a,b}?x=1&y=2#z', 'http://h/a\n\rb\u0007\u202e', 'http://h/é\ud800',
      'file:///etc/passwd', '-o/tmp/x', 'http://h/!! ~ *',
    ];
    const commands = await tab.page.evaluate(async (all) => {
      const { curlOf } = await import(new URL('-/exchange/curl.js', document.baseURI).href);
      return all.map((url) => curlOf({ url, range: [10, 5], headers: [['Content-Encoding', 'gzip']] }));
    }, urls);
    commands.forEach((command, index) => {
      if (!urls[index].startsWith('http')) {
        assert.equal(command, null, urls[index]);
        return;
      }
      assert.match(command, /^[\x20-\x7e]+$/);
      const words = execFileSync('sh', ['-c', `set -- ${command}; printf '%s\\n' "$@"`], { encoding: 'utf8' }).split('\n').slice(0, -1);
      assert.deepEqual(words.slice(0, -1), ['curl', '--globoff', '--path-as-is', '--compressed', '--range', '10-14']);
      // The browser makes the same URL of it.
      assert.equal(encodeURI(decodeURI(words.at(-1))), encodeURI(urls[index].toWellFormed?.() ?? urls[index]), words.at(-1));
    });
    await done(tab);
  });

  it('goes from revision to revision, and shows what changed', async () => {
    const tab = await open('#r=p2&at=30');
    await says(tab, '#revision .summary', /4 added, 4 removed since 0:00:26\.032/);
    const lines = (kind) => tab.page.$$eval(`#revision .text-line.${kind} .text-words`, (all) => all.map((line) => line.textContent));
    assert.ok((await lines('added')).includes('#EXT-X-MEDIA-SEQUENCE:14'));
    assert.ok((await lines('removed')).includes('#EXT-X-MEDIA-SEQUENCE:13'));
    assert.deepEqual([...new Set(await tab.page.$$eval('#revision .text-line.added .text-sign', (all) => all.map((sign) => sign.textContent[0])))], ['+']);
    await tab.press('[');
    await tab.until('[', (seen) => seen.rev === '206' && seen.at === '26.032');
    await says(tab, '#revision .summary', /since 0:00:24\.033/);
    await tab.press(']');
    await tab.until(']', (seen) => seen.rev === '222');
    await says(tab, '#revision .facts', /exchange 222/);
    await tab.page.selectOption('#compare-with', 'none');
    await tab.until('the whole text', (seen) => seen.with === '222');
    await says(tab, '#revision .text-view', /#EXTM3U/);
    await until('nothing is marked', async () => (await lines('added')).length + (await lines('removed')).length === 0);
    // Any other: the first text of all.
    await tab.page.evaluate(() => document.querySelector('#compare-with').focus());
    await until('others are there to choose', () => tab.page.$('#compare-with option[value="3"]'));
    await tab.page.selectOption('#compare-with', '3');
    await tab.until('another one', (seen) => seen.with === '3');
    await says(tab, '#revision .summary', /since 0:00:00\.032 \(exchange 3\)/);
    await done(tab);
  });

  it('plays the moment with the browser itself, and shows that it waits where the origin froze', async () => {
    const tab = await open(`#at=${FREEZE - 6}`);
    await says(tab, '#player button', /Play from 0:00:28/);
    await tab.press(' ');
    await tab.page.waitForFunction(() => document.querySelector('video')?.currentTime > 2, null, { timeout: 60_000 });
    await says(tab, '#player .facts', /behind; by the end of what is loaded/);
    // A viewer has played what there was when the freeze has lasted for as long as the buffer.
    await until('it waits', () => tab.page.evaluate(() => /[1-9] of them bad/.test(document.querySelector('#player details:last-of-type summary').textContent)), 60);
    await tab.page.click('#player details:last-of-type summary');
    await says(tab, '.player-events', /waiting/);
    assert.equal(await tab.page.isVisible('.lane-player'), true);
    // A click in a lane seeks, on the same page.
    const box = await tab.page.locator('.lane-media .hands').first().boundingBox();
    await tab.page.mouse.click(box.x + box.width * 0.2, box.y + box.height - 3);
    await tab.until('the pointer', (seen) => Number(seen.at) < 20);
    await says(tab, '.player-events', /^.*on a clock of 0:00:1[3-6]/);
    await done(tab);
  });

  it('plays with hls.js where the server has it, tells its picture by the segment, and heals faults on a clock of its own', async () => {
    const tab = await PageTab.open(browser, `${withHlsJs.url}/`, { fragment: '#at=20' });
    await tab.press(' ');
    await says(tab, '#player .facts', /by segment \d+, which hls\.js plays/);
    const [clock, picture] = (await tab.page.$$eval('#player .facts dd', (all) => all.slice(0, 2).map((one) => one.textContent))).map((one) => Number(/^0:00:([\d.]+)/.exec(one)[1]));
    assert.ok(clock > 20 && picture < clock && clock - picture < 20, `${clock} ${picture}`);
    const asked = tab.page.waitForRequest((request) => /\/@\d+,none\//.test(request.url()));
    await tab.page.click('.player-how summary');
    await tab.page.selectOption('select[aria-label="Faults"]', 'none');
    await asked;
    await tab.until('the choice', (seen) => seen.faults === 'none');
    // Who opens the link plays it so, by what it says.
    const { hash } = new URL(tab.page.url());
    const other = await PageTab.open(browser, `${withHlsJs.url}/`, { fragment: `${hash}&feed=native` });
    const healed = other.page.waitForRequest((request) => /\/@\d+,none\//.test(request.url()));
    await other.press(' ');
    await healed;
    await says(other, '#player .facts', /the browser's own HLS/);
    await other.page.click('.player-how summary');
    assert.equal(await other.page.inputValue('select[aria-label="Faults"]'), 'none');
    assert.equal(await other.page.inputValue('select[aria-label="Played by"]'), 'native');
    await done(other);
    await tab.page.click('#player button:has-text("Stop")');
    assert.equal(await tab.page.isVisible('video'), false);
    await done(tab);
  });

  for (const width of [360, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      it(`breaks no rule of axe at ${width} px, ${colorScheme}, with all of it open`, async () => {
        const tab = await open('#r=p2&rev=222&x=5&f=kind:segment', { width, colorScheme });
        await says(tab, '#exchange', /seg005\.ts/);
        await says(tab, '#revision .summary', /added/);
        await tab.page.$$eval('details', (all) => all.forEach((one) => one.setAttribute('open', '')));
        const { violations, wider } = await tab.accessible();
        assert.deepEqual(violations, []);
        assert.ok(wider <= 0, `nothing is wider than the window, but ${wider} px`);
        await tab.close();
      });
    }
  }
});

describe('a long text with a fault far down', { timeout: 120_000 }, () => {
  const LINES = 5000;
  let browser;
  let origin;
  let recorder;
  let base;

  /** The key of line `LINES + 4` has no METHOD. */
  const playlist = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:1', ...Array.from({ length: LINES }, (_, index) => `#line ${index + 4}`), '#EXT-X-KEY:IV=0x1', '#EXTINF:2,', 'a.ts', ''].join('\n');

  before(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    origin = createServer((request, response) => {
      const isPlaylist = request.url.includes('.m3u8');
      response.writeHead(200, { 'Content-Type': isPlaylist ? 'application/vnd.apple.mpegurl' : 'video/mp2t' });
      response.end(isPlaylist ? playlist : 'x');
    });
    await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
    const folder = path.join(WORK, `page-long-${process.pid}`);
    recorder = new Child(binary('isrecorder'), ['-o', folder, '-s', 'long', '--serve', '0', '--bind', '127.0.0.1', `http://127.0.0.1:${origin.address().port}/live.m3u8`], path.join(LOGS, 'page-long'));
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    base = `http://127.0.0.1:${port}/`;
    await until('a text is recorded', async () => (await (await fetch(`${base}-/v1/session`)).json()).lanes.length > 0);
  });
  after(async () => {
    await browser?.close();
    await recorder?.end('SIGINT');
    origin?.closeAllConnections();
    origin?.close();
  });

  it('has only the lines that are seen, and a finding leads to its line', async () => {
    const tab = await PageTab.open(browser, base);
    const lane = (await (await fetch(`${base}-/v1/session`)).json()).lanes[0].id;
    await tab.page.goto(`${base}#r=${lane}&at=0`);
    await tab.page.click(`#revision .revision-findings button:has-text("line ${LINES + 4}")`, { timeout: 60_000 });
    const line = tab.page.locator('#revision .text-line', { hasText: '#EXT-X-KEY:IV=0x1' });
    await line.waitFor();
    assert.equal(await line.locator('.text-number').textContent(), String(LINES + 4));
    assert.match(await line.locator('.text-margin [role=img]').getAttribute('aria-label'), /^P10 .*has no METHOD/);
    const shown = await tab.page.locator('#revision .text-line').count();
    assert.ok(shown > 10 && shown < 100, `${shown} lines are in the document`);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
