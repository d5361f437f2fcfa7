// The ways through the page in Chromium: to a finding, a gap, a moment, a request, and back, by keys and by hand.

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
const judged = (tab) => tab.page.waitForFunction(() => document.querySelector('.verdict').textContent.includes('must') && !document.querySelector('.verdict').textContent.includes('…'));
/** What has the focus. */
const focused = (tab) => tab.page.evaluate(() => document.activeElement.textContent);
const done = async (tab) => {
  assert.deepEqual(tab.wrong, []);
  await tab.close();
};

describe('the ways through the demo', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  before(async () => {
    browser = await launch();
    replayer = await new Replayer(path.join(REPOSITORY, 'sessions/demo'), path.join(LOGS, 'page-ways')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });
  const open = async (fragment = '', options = {}) => {
    const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment, ...options });
    await judged(tab);
    return tab;
  };
  const isSeen = (tab, selector) => tab.page.evaluate((wanted) => {
    const element = document.querySelector(wanted);
    const box = element?.getBoundingClientRect();
    return Boolean(box && box.height) && document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 8))?.closest(wanted) === element;
  }, selector);

  it('has one tab stop for all findings, and keys lead to what is open and back', async () => {
    const tab = await open();
    assert.equal(await tab.page.locator('.finding[tabindex="0"]').count(), 1);
    await tab.page.focus('.finding[tabindex="0"]');
    const first = await focused(tab);
    await tab.press('ArrowDown');
    assert.notEqual(await focused(tab), first);
    assert.match(await focused(tab), /T07.*0:00:34\.033/);
    await tab.press('Enter');
    await tab.until('Enter', (seen) => seen.rev !== undefined && seen.at === '34.033');
    await tab.page.waitForSelector('#revision:not([hidden]) .text-line');
    assert.match(await tab.page.textContent('.finding[aria-current]'), /0:00:34\.033/);
    assert.equal(await tab.page.locator('.finding[aria-current]').count(), 1);
    await tab.press('d');
    assert.match(await focused(tab), /^Playlist 160x90/);
    await tab.press('Escape');
    await tab.until('Escape', (seen) => seen.rev === undefined && seen.r === undefined);
    assert.match(await focused(tab), /T07.*0:00:34\.033/);
    await done(tab);
  });

  it('keeps the player and the chosen finding in sight, whatever is opened', async () => {
    const tab = await open('', { width: 1280, height: 800 });
    await tab.page.click('.finding >> nth=7');
    await tab.until('the finding', (seen) => seen.at !== undefined);
    await tab.page.click('.wf-row[data-id] >> nth=2');
    await tab.page.waitForSelector('#exchange:not([hidden]) .headers');
    await until('it is in sight', () => isSeen(tab, '.finding[aria-current]'));
    await until('the player is in sight', () => isSeen(tab, '#player button'));
    assert.ok(await isSeen(tab, '#exchange h2'));
    await done(tab);
  });

  it('goes to details on a phone', async () => {
    const tab = await open('', { width: 360, height: 740 });
    await tab.page.click('.finding >> nth=0');
    await until('the text is in sight', () => isSeen(tab, '#revision h2'));
    await done(tab);
  });

  it('goes through a lane from the moment that was chosen', async () => {
    const tab = await open('#at=50');
    await tab.page.waitForFunction(() => / 1 gap/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')));
    await tab.page.focus('.lane-media .hands');
    await tab.press('ArrowRight');
    const told = () => tab.page.getAttribute('.lane-media .hands', 'aria-valuenow');
    await until('a thing is told', async () => Number(await told()) > 0);
    assert.ok(Number(await told()) >= 50 && Number(await told()) < 53, await told());
    await done(tab);
  });

  it('goes to a moment that is typed, in the middle of the window, and says what is none', async () => {
    const tab = await open('#t=0&w=20');
    const type = async (text) => {
      await tab.page.fill('.go-to input', text);
      await tab.page.press('.go-to input', 'Enter');
    };
    await type('soon');
    await until('it is explained', async () => /^“soon” is no moment/.test(await tab.page.textContent('.go-to .trouble')));
    await type('9:00');
    await until('it is explained', async () => /^Not in the session/.test(await tab.page.textContent('.go-to .trouble')));
    await type('50');
    await tab.until('the moment', (seen) => seen.at === '50' && seen.t === '40' && seen.w === '20');
    assert.equal(await tab.page.textContent('.go-to .trouble'), '');
    await until('its requests are seen', () => tab.page.evaluate(() => {
      const box = document.querySelector('.wf-scroll').getBoundingClientRect();
      return [...document.querySelectorAll('.wf-row[data-id]')].some((row) => row.getAttribute('aria-description').includes('asked 0:00:50.') && row.getBoundingClientRect().top >= box.top && row.getBoundingClientRect().bottom <= box.bottom);
    }));
    await done(tab);
  });

  it('goes to the request of a link, not to its moment', async () => {
    const tab = await open('#at=10&x=500&r=p2&rev=266');
    await until('its row is seen', () => isSeen(tab, '.wf-row[data-id="500"]'));
    assert.ok(await isSeen(tab, '#exchange h2'));
    await done(tab);
  });

  it('shows a playlist whose answer came after the window had moved, however late', async () => {
    // What is asked for on the way to a text, each of them held until the window is in the fragment.
    for (const late of [/\/-\/v1\/revisions\/\d+$/, /\/difference\?/, /\/revision\/revision\.js/]) {
      const tab = await PageTab.open(browser, `${replayer.url}/`, { fragment: '#t=60&w=5' });
      await judged(tab);
      let held = 0;
      await tab.page.route(late, async (route) => {
        held += 1;
        await tab.until('the window', (seen) => seen.at !== undefined && seen.t !== '60');
        await route.continue();
      });
      await tab.page.click('.finding:has-text("0:00:34.033")');
      await tab.page.waitForFunction(() => /added|No line differs/.test(document.querySelector('#revision .summary')?.textContent ?? ''), null, { timeout: 20_000 });
      assert.match(await tab.page.textContent('#revision h2'), /^Playlist 160x90/);
      assert.ok(held > 0, `${late} was asked for`);
      await done(tab);
    }
  });

  it('goes from event to event of all lanes, until one is chosen', async () => {
    const tab = await open('#t=0&w=20');
    await tab.page.waitForFunction(() => /[1-9]\d* advance/.test(document.querySelector('.lane-media canvas').getAttribute('aria-label')));
    const steps = [];
    for (let step = 0; step < 8; step += 1) {
      const { at } = tab.seen();
      await tab.press('j');
      steps.push(await tab.until(`step ${step}`, (seen) => seen.at !== at));
    }
    assert.ok(new Set(steps.map(({ r }) => r)).size > 1, JSON.stringify(steps));
    await tab.press('k');
    await tab.until('the step before', (seen) => seen.at === steps[6].at);
    // Who chooses a lane stays in it.
    await tab.page.click('[data-lane=p3] .lane-name');
    const chosen = await tab.until('the lane', (seen) => seen.r === 'p3' || seen.r === undefined);
    if (chosen.r === undefined) await tab.page.click('[data-lane=p3] .lane-name');
    await tab.until('the lane', (seen) => seen.r === 'p3');
    for (let step = 0; step < 4; step += 1) {
      const { at } = tab.seen();
      await tab.press('j');
      assert.equal((await tab.until(`step ${step}`, (seen) => seen.at !== at)).r, 'p3');
    }
    await done(tab);
  });

  it('puts what it goes to at a quarter of the window, and shows a request in time', async () => {
    const tab = await open('#t=0&w=8&x=400');
    await tab.page.click('#exchange button:has-text("Show in time")');
    const { at, t } = await tab.until('the moment', (seen) => seen.at !== undefined && seen.t !== '0');
    const { at: requested } = await (await fetch(`${replayer.url}/-/v1/exchanges/400`)).json();
    assert.ok(Math.abs(Number(at) - requested) < 0.001, `${at} ${requested}`);
    assert.ok(Math.abs(Number(at) - Number(t) - 2) < 0.01, `${at} in a window from ${t} on`);
    await done(tab);
  });

  it('says what is no word of the filter, and shows all words that there are', async () => {
    const tab = await open('#f=kind:banana', { width: 1280, height: 800 });
    await until('it is said', async () => /^filter: "banana" is no kind; kinds are main, media/.test(await tab.page.textContent('#filter-error')));
    assert.equal(await tab.page.textContent('.wf-count'), '');
    tab.wrong = tab.wrong.filter((what) => !/status of 400/.test(what));
    await tab.page.click('.wf-help summary');
    await tab.page.waitForSelector('.wf-help dl');
    const last = tab.page.locator('.wf-help dd').last();
    await last.scrollIntoViewIfNeeded();
    assert.ok(await last.evaluate((element) => {
      const box = element.getBoundingClientRect();
      return document.elementFromPoint(box.left + 4, box.top + box.height / 2) === element;
    }), 'the last word is seen');
    const isOpen = () => tab.page.locator('.wf-help').evaluate((element) => element.open);
    await tab.page.focus('#filter');
    await tab.press('Escape');
    assert.equal(await isOpen(), false, 'Escape closes it, wherever the focus is');
    await tab.page.click('.wf-help summary');
    assert.equal(await isOpen(), true);
    await tab.page.click('#filter');
    assert.equal(await isOpen(), false, 'and so does a click elsewhere');
    await tab.page.fill('#filter', '304');
    await until('a status is found', async () => Number(/^(\d+) request/.exec(await tab.page.textContent('.wf-count'))?.[1]) > 0);
    const statuses = await tab.page.$$eval('.wf-row[data-id]', (all) => all.map((row) => `${row.querySelector('.wf-status').textContent} ${row.querySelector('.wf-name').textContent}`));
    assert.ok(statuses.length > 0 && statuses.every((text) => text.includes('304')), statuses.join('; '));
    assert.deepEqual(tab.wrong, []);
    assert.deepEqual((await tab.accessible()).violations, []);
    await tab.close();
  });

  it('leaves the filter by Escape, and what was typed stays', async () => {
    const tab = await open();
    await tab.press('/');
    await tab.page.keyboard.insertText('kind:key');
    await tab.press('Escape');
    assert.equal((await tab.until('Escape', (seen) => seen.f !== undefined)).f, 'kind:key');
    assert.equal(await tab.page.evaluate(() => document.activeElement.id), '');
    await done(tab);
  });
});

describe('gaps that an outage explains', { timeout: 240_000 }, () => {
  let browser;
  let origin;
  let replayer;
  let begun;
  let isBroken = false;

  const answer = (request, response) => {
    const isPlaylist = request.url.includes('.m3u8');
    response.writeHead(isPlaylist && isBroken ? 503 : 200, { 'Content-Type': isPlaylist ? 'application/vnd.apple.mpegurl' : 'video/mp2t' });
    if (!isPlaylist || isBroken) return response.end('x');
    const last = Math.floor((Date.now() - begun) / 1000) + 5;
    const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', `#EXT-X-MEDIA-SEQUENCE:${last - 5}`];
    for (let one = last - 5; one < last; one += 1) lines.push('#EXTINF:1,', `${one}.ts`);
    return response.end(`${lines.join('\n')}\n`);
  };

  before(async () => {
    browser = await launch();
    origin = createServer(answer);
    await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
    begun = Date.now();
    const folder = path.join(WORK, `page-ways-${process.pid}`);
    const recorder = new Child(binary('isrecorder'), ['-o', folder, '-s', 'ways', '--poll', '0.25', '--serve', '0', '--bind', '127.0.0.1', `http://127.0.0.1:${origin.address().port}/live.m3u8`], path.join(LOGS, 'page-ways-live'));
    const port = await until('isrecorder serves', () => (recorder.check(), /http:\/\/127\.0\.0\.1:(\d+)\//.exec(recorder.output)?.[1]));
    const recorded = async () => (await (await fetch(`http://127.0.0.1:${port}/-/v1/session`)).json()).length_seconds;
    for (const [length, broken] of [[4, true], [9, false], [13, false]]) {
      await until(`${length} s are recorded`, async () => (await recorded()) > length);
      isBroken = broken;
    }
    await recorder.end('SIGINT');
    replayer = await new Replayer(path.join(folder, 'ways'), path.join(LOGS, 'page-ways-replayed')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
    origin?.closeAllConnections();
    origin?.close();
  });
  const open = async () => {
    const tab = await PageTab.open(browser, `${replayer.url}/`);
    await judged(tab);
    return tab;
  };

  it('are counted as they are drawn, and the outage stands before other info', async () => {
    const tab = await open();
    const drawn = async () => Number(/ (\d+) gap/.exec(await tab.page.getAttribute('.lane-media canvas', 'aria-label'))[1]);
    await until('it is drawn', async () => (await drawn()) > 0);
    assert.match(await tab.page.textContent('.sort-gap'), new RegExp(` ${await drawn()} gaps?$`));
    assert.match(await tab.page.getAttribute('.overview-row canvas', 'aria-label'), new RegExp(` ${await drawn()} gaps?, [1-9]\\d* outage`));
    const infos = await tab.page.$$eval('.finding', (all) => all.map((one) => one.textContent).filter((text) => / info/.test(text)));
    assert.match(infos[0], /^✕H14/);
    // The verdict shows outages, and leaves the requests as they are.
    await tab.page.click('.sort-fault');
    assert.equal((await tab.until('outages', (seen) => seen.only === 'fault')).f, undefined);
    await done(tab);
  });

  it('open the first request of their playlist that failed', async () => {
    const tab = await open();
    const { findings } = await (await fetch(`${replayer.url}/-/v1/findings`)).json();
    const outage = findings.find(({ rule }) => rule === 'H14');
    const { length_seconds: length } = await (await fetch(`${replayer.url}/-/v1/session`)).json();
    const box = await tab.page.locator('.lane-media .hands').boundingBox();
    const middle = (outage.first.session_time + outage.last.session_time) / 2;
    await tab.page.mouse.click(box.x + (box.width * middle) / length, box.y + 34);
    const { x } = await tab.until('a click', (seen) => seen.x !== undefined);
    assert.equal(Number(x), outage.exchanges[0]);
    await tab.page.waitForFunction(() => document.querySelector('#exchange .facts')?.textContent.includes('503'));
    await done(tab);
  });

  it('open it though the window moves meanwhile', async () => {
    const tab = await open();
    const { findings } = await (await fetch(`${replayer.url}/-/v1/findings`)).json();
    const outage = findings.find(({ rule }) => rule === 'H14');
    const { length_seconds: length } = await (await fetch(`${replayer.url}/-/v1/session`)).json();
    await tab.page.route(/filter=fault/, async (route) => {
      await tab.until('the window', (seen) => seen.w !== undefined);
      await route.continue();
    });
    const box = await tab.page.locator('.lane-media .hands').boundingBox();
    const middle = (outage.first.session_time + outage.last.session_time) / 2;
    const asked = tab.page.waitForRequest(/filter=fault/);
    await tab.page.mouse.click(box.x + (box.width * middle) / length, box.y + 34);
    await asked;
    await tab.press('+');
    assert.equal(Number((await tab.until('its request', (seen) => seen.x !== undefined)).x), outage.exchanges[0]);
    await done(tab);
  });

  it('are why nothing plays, which is said with what the replay answers', async () => {
    const tab = await open();
    const { findings } = await (await fetch(`${replayer.url}/-/v1/findings`)).json();
    const { first } = findings.find(({ rule }) => rule === 'H14');
    await tab.page.goto(`${replayer.url}/#at=${(first.session_time + 1).toFixed(3)}`);
    await tab.page.click('#player button:has-text("Play")');
    await until('it is said', async () => /the replay answers 503/.test(await tab.page.textContent('#player .trouble')), 90);
    tab.wrong = tab.wrong.filter((what) => !/status of 503/.test(what));
    await done(tab);
  });
});
