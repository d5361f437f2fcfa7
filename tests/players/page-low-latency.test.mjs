// The page in Chromium, of two low-latency channels whose names are long: parts that were announced, polls that were held, one stream alone.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { Child, until } from './processes.mjs';
import { Replayer, binary } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

/** Seconds of a part, and parts of a segment. */
const PART = 0.3;
const PARTS = 4;
const FOLDER = '/live/event-2026-11-30/hall-of-the-mountain-king-and-his-court/';

/** A channel that holds polls until their part is there, and parts until they are made. */
function channel() {
  const begun = Date.now();
  const made = () => Math.floor((Date.now() - begun) / 1000 / PART) + 30;
  const name = (segment, part) => `mountain_king_hall_camera_1_${String(segment).padStart(9, '0')}${part === undefined ? '' : `.part${part}`}.ts`;
  const until = (part, then) => setTimeout(then, Math.max((part - 30) * PART * 1000 - (Date.now() - begun), 0));
  const text = () => {
    const last = Math.floor(made() / PARTS);
    const lines = ['#EXTM3U', '#EXT-X-VERSION:9', '#EXT-X-TARGETDURATION:2', `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${PART * 3}`, `#EXT-X-PART-INF:PART-TARGET=${PART}`, `#EXT-X-MEDIA-SEQUENCE:${last - 5}`];
    for (let segment = last - 5; segment <= last; segment += 1) {
      const whole = segment < last;
      const parts = segment >= last - 2 ? (whole ? PARTS : made() % PARTS) : 0;
      for (let part = 0; part < parts; part += 1) lines.push(`#EXT-X-PART:DURATION=${PART},URI="${name(segment, part)}"`);
      if (whole) lines.push(`#EXTINF:${PART * PARTS},`, name(segment));
    }
    return `${[...lines, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${name(last, made() % PARTS)}"`].join('\n')}\n`;
  };
  return createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://origin');
    const [, segment, part] = /_(\d{9})(?:\.part(\d+))?\.ts$/.exec(pathname) ?? [];
    const wanted = segment ?? searchParams.get('_HLS_msn');
    const of = segment === undefined ? (searchParams.get('_HLS_part') ?? PARTS - 1) : (part ?? PARTS - 1);
    until(wanted === null ? 0 : Number(wanted) * PARTS + Number(of) + 1, () => {
      response.writeHead(200, { 'Content-Type': segment ? 'video/mp2t' : 'application/vnd.apple.mpegurl' });
      response.end(segment ? 'x' : text());
    });
  });
}

describe('the page of low-latency channels', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  let base;
  before(async () => {
    const origins = [channel(), channel()];
    const urls = [];
    for (const origin of origins) {
      await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
      urls.push(`http://127.0.0.1:${origin.address().port}${FOLDER}index.m3u8`);
    }
    const folder = path.join(WORK, `page-low-latency-${process.pid}`);
    const recorder = new Child(binary('isrecorder'), ['-o', folder, '-s', 'parts', '--serve', '0', '--bind', '127.0.0.1', `hall=${urls[0]}`, `court=${urls[1]}`], path.join(LOGS, 'page-low-latency'));
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    const asked = (filter) => fetch(`http://127.0.0.1:${port}/-/v1/exchanges?limit=1000&filter=${filter}`).then((came) => came.json());
    await until('parts of both are recorded', async () => (await Promise.all(['hall', 'court'].map((name) => asked(`kind:part+stream:${name}`)))).every(({ exchanges }) => exchanges.length > 20), 60);
    await recorder.end('SIGINT');
    for (const origin of origins) {
      origin.closeAllConnections();
      origin.close();
    }
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    replayer = await new Replayer(path.join(folder, 'parts'), path.join(LOGS, 'page-low-latency-replayed')).listening();
    base = `${replayer.url}/`;
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });
  const json = async (what) => (await fetch(`${base}-/v1/${what}`)).json();

  it('tells parts that were announced, and polls that were held', async () => {
    const { exchanges } = await json('exchanges?filter=kind:media+stream:hall&limit=1000');
    const held = exchanges.find(({ directives, wait }) => /_HLS_part/.test(directives ?? '') && wait > 0.1);
    assert.ok(held, 'no poll was held');
    const tab = await PageTab.open(browser, base, { fragment: `#t=${Math.max(held.at - 1, 0)}&w=3&s=hall&x=${held.id}` });
    const [, segment, part] = /_HLS_msn=(\d+)&_HLS_part=(\d+)/.exec(held.directives);
    const row = tab.page.locator(`.wf-row[data-id="${held.id}"]`);
    await row.waitFor();
    assert.match(await row.textContent(), new RegExp(`, for part ${segment}\\.${part}$`));
    assert.equal(await row.locator('i.held').count(), 1);
    assert.equal(await row.locator('i.wait').count(), 0);
    await tab.page.click('.lane-media .table-button');
    await tab.page.locator('.lane-media .behind tr', { hasText: /announced, and asked for \d+ ms before it was listed/ }).first().waitFor();
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('counts one stream alone, where one is chosen', async () => {
    const counts = await Promise.all(['', '&stream=hall', '&stream=court'].map(async (of) => (await json(`overview?cells=1${of}`)).requests[0]));
    assert.equal(counts[1] + counts[2], counts[0]);
    assert.ok(counts[1] > 20 && counts[2] > 20);
    const tab = await PageTab.open(browser, base);
    const says = (sentence) => tab.page.waitForFunction((wanted) => document.querySelector('#overview canvas').getAttribute('aria-label').includes(wanted), sentence);
    await says(`${counts[0]} requests`);
    await tab.page.click('[data-stream=court]');
    await says(`of court, ${counts[2]} requests`);
    assert.match(await tab.page.textContent('.overview-row .lane-label'), /court alone/);
    await tab.page.click('[data-stream=""]');
    await says(`${counts[0]} requests`);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('cuts long names in their middle, and says them whole', async () => {
    const { exchanges } = await json('exchanges?filter=kind:part+stream:hall&limit=1000');
    const { id, name } = exchanges[10];
    const file = name.split('/').pop();
    const tab = await PageTab.open(browser, base, { fragment: `#s=hall&x=${id}` });
    const cell = tab.page.locator(`.wf-row[data-id="${id}"] .wf-name`);
    await cell.waitFor();
    const isSeen = (end) => end.evaluate((element) => {
      const [box, place] = [element.getBoundingClientRect(), element.closest('.wf-label, h2').getBoundingClientRect()];
      return box.width > 20 && box.left >= place.left && box.right <= place.right + 1;
    });
    // It does not fit, and its end is seen.
    assert.ok(await cell.locator('.cut > :first-child').evaluate((element) => element.scrollWidth > element.clientWidth));
    assert.ok(await isSeen(cell.locator('.cut > :last-child')));
    assert.equal(await cell.locator('.cut').textContent(), file);
    assert.match(await cell.getAttribute('aria-label'), new RegExp(`^${file} `));
    const title = tab.page.locator('#exchange h2 .cut');
    await title.waitFor();
    assert.equal(await title.getAttribute('title'), file);
    assert.ok(await isSeen(title.locator(':scope > :last-child')));
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  for (const [width, colorScheme] of [[360, 'light'], [1280, 'dark']]) {
    it(`breaks no rule of axe at ${width} px, ${colorScheme}`, async () => {
      const tab = await PageTab.open(browser, base, { width, colorScheme, fragment: '#t=4&w=3&at=5&r=p1&x=60' });
      await tab.page.waitForFunction(() => document.querySelector('#exchange').textContent.includes('SHA-256'));
      const { looked, violations, wider } = await tab.accessible();
      assert.ok(looked);
      assert.deepEqual(violations, []);
      assert.ok(wider <= 0, `${wider} px wider than the window`);
      await tab.close();
    });
  }
});
