// The page at `/` in Chromium: words that are looked for in the text of a playlist, by hand and by keys.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { REPOSITORY, Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const launch = () => chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
const count = (tab) => tab.page.textContent('#find-count');
const counts = (tab, wanted) => until(`it counts ${wanted}`, async () => (await count(tab)) === wanted);
const current = (tab) => tab.page.$eval('#revision mark.current', (mark) => {
  const line = mark.closest('.text-line');
  const [box, pane] = [mark.getBoundingClientRect(), mark.closest('.text-view').getBoundingClientRect()];
  return { text: mark.textContent, number: line.querySelector('.text-number').textContent, kind: line.className, isSeen: box.top >= pane.top - 1 && box.bottom <= pane.bottom + 1 };
});

describe('words in the text of a playlist', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  before(async () => {
    browser = await launch();
    replayer = await new Replayer(path.join(REPOSITORY, 'sessions/demo'), path.join(LOGS, 'page-text')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });
  const open = async (fragment, options) => {
    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment, ...options });
    await tab.page.waitForFunction(() => document.querySelector('#revision .text-line'));
    return tab;
  };
  const done = async (tab) => {
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  };

  it('are found, counted and gone to, round and round, in the text alone (`with` is itself)', async () => {
    const tab = await open('#at=40&r=p2&rev=266&with=266');
    const text = await (await fetch(`${replayer.url}/-/v1/revisions/266`)).json();
    const many = text.lines.filter((line) => /extinf/i.test(line.text)).length;
    assert.ok(many > 3);
    // `/` filters requests, but in the playlist it looks in its text.
    await tab.press('d');
    await tab.press('/');
    assert.equal(await tab.page.evaluate(() => document.activeElement.id), 'find');
    await tab.page.keyboard.type('extinf');
    await counts(tab, `1 of ${many}`);
    assert.equal(await tab.page.locator('#revision mark').count(), many);
    const first = await current(tab);
    assert.equal(first.text, 'EXTINF');
    assert.ok(first.isSeen);
    await tab.press('Enter');
    await counts(tab, `2 of ${many}`);
    const second = await current(tab);
    assert.ok(second.isSeen && Number(second.number) > Number(first.number), `${second.number}`);
    await tab.press('Shift+Enter');
    await tab.press('Shift+Enter');
    await counts(tab, `${many} of ${many}`);
    assert.ok((await current(tab)).isSeen);
    await tab.press('Enter');
    await counts(tab, `1 of ${many}`);
    // It is said to who does not see it.
    await until('it is said', async () => /Match 1 of \d+, line \d+/.test(await tab.page.textContent('[role=status][aria-live]')));
    await tab.page.fill('#find', '(.*[');
    await counts(tab, 'not found');
    assert.equal(await tab.page.locator('#revision mark').count(), 0);
    await tab.press('Escape');
    await counts(tab, '');
    assert.equal(await tab.page.inputValue('#find'), '');
    await tab.press('Escape');
    assert.equal(await tab.page.evaluate(() => document.activeElement.className.includes('text-view')), true);
    assert.equal(await tab.page.isVisible('#revision'), true);
    await done(tab);
  });

  it('are in the link, and in links of the text', async () => {
    const tab = await open('#at=40&r=p2&rev=266&with=266&q=seg0');
    await until('it is found', async () => /^1 of \d+$/.test(await count(tab)));
    // A URI stays a link.
    assert.equal(await tab.page.locator('#revision .text-line a mark.current').textContent(), 'seg0');
    await tab.page.click('#revision .close');
    await tab.until('nothing is looked for any more', (seen) => seen.q === undefined && seen.r === undefined);
    await done(tab);
  });

  it('are found in what was removed, and in what is folded, which opens', async () => {
    const tab = await open('#at=40&r=p2&rev=266');
    await tab.page.fill('#find', 'EXTM3U');
    await counts(tab, '1 of 1');
    assert.equal((await current(tab)).text, 'EXTM3U');
    await tab.page.fill('#find', '#');
    await until('all are found', async () => /^1 of \d\d$/.test(await count(tab)));
    const kinds = new Set();
    const many = Number((await count(tab)).split(' of ')[1]);
    for (let step = 1; step <= many; step += 1) {
      kinds.add((await current(tab)).kind.split(' ')[1]);
      await tab.page.click('#revision button[aria-label^="The next match"]');
      await counts(tab, `${(step % many) + 1} of ${many}`);
    }
    assert.deepEqual([...kinds].sort(), ['added', 'removed', 'same']);
    assert.equal(await tab.page.locator('#revision .fold').count(), 0);
    // The next revision is searched as well.
    await tab.page.click('#revision-title');
    await tab.press(']');
    await until('it counts again', async () => /^\d+ matches$/.test(await count(tab)));
    await done(tab);
  });

  for (const [width, colorScheme] of [[360, 'dark'], [1280, 'light'], [3840, 'dark']]) {
    it(`breaks no rule of axe at ${width} px, ${colorScheme}`, async () => {
      const tab = await open('#at=40&r=p2&rev=266&q=EXTINF', { width, colorScheme });
      await until('it is found', async () => /^1 of \d+$/.test(await count(tab)));
      assert.deepEqual(tab.wrong, []);
      const { violations, wider } = await tab.accessible();
      assert.deepEqual(violations, []);
      assert.ok(wider <= 0, `nothing is wider than the window, but ${wider} px`);
      await tab.close();
    });
  }
});

describe('words in a text of thousands of lines', { timeout: 120_000 }, () => {
  const LINES = 12_000;
  let browser;
  let origin;
  let recorder;
  let base;
  const playlist = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', '#EXT-X-MEDIA-SEQUENCE:1', ...Array.from({ length: LINES }, (_, index) => `#line ${index + 4} ${'x'.repeat(200)}${index % 4000 === 3999 ? ' needle' : ''}`), '#EXTINF:2,', 'a.ts', ''].join('\n');
  before(async () => {
    browser = await launch();
    origin = createServer((request, response) => {
      const isPlaylist = request.url.includes('.m3u8');
      response.writeHead(200, { 'Content-Type': isPlaylist ? 'application/vnd.apple.mpegurl' : 'video/mp2t' });
      response.end(isPlaylist ? playlist : 'x');
    });
    await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
    const folder = path.join(WORK, `page-words-${process.pid}`);
    recorder = new Child(binary('isrecorder'), ['-o', folder, '-s', 'words', '--serve', '0', '--bind', '127.0.0.1', `http://127.0.0.1:${origin.address().port}/live.m3u8`], path.join(LOGS, 'page-words'));
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

  it('are found in lines that were not loaded, and gone to, far to the right', async () => {
    const lane = (await (await fetch(`${base}-/v1/session`)).json()).lanes[0].id;
    const tab = await PageTab.open(browser, base, { fragment: `#t=0&w=60&r=${lane}&at=0&q=needle` });
    await counts(tab, '1 of 3');
    for (const line of [4003, 8003, 12_003]) {
      await tab.page.waitForFunction((number) => document.querySelector('#revision mark.current')?.closest('.text-line').querySelector('.text-number').textContent === number, String(line));
      await tab.page.waitForFunction(() => {
        const [box, pane] = [document.querySelector('#revision mark.current').getBoundingClientRect(), document.querySelector('#revision .text-view').getBoundingClientRect()];
        return box.left >= pane.left && box.right <= pane.right && box.top >= pane.top && box.bottom <= pane.bottom;
      });
      await tab.page.click('#revision button[aria-label^="The next match"]');
    }
    await counts(tab, '1 of 3');
    const shown = await tab.page.locator('#revision .text-line').count();
    assert.ok(shown < 100, `${shown} lines are in the document`);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
