// The page at `/` in Chromium: what it asks the server for, and when.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { PageTab } from './page.mjs';
import { until } from './processes.mjs';
import { REPOSITORY, Replayer } from './programs.mjs';
import { LOGS } from './recording.mjs';

describe('what the page asks for', { timeout: 180_000 }, () => {
  let browser;
  let replayer;
  before(async () => {
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    replayer = await new Replayer(path.join(REPOSITORY, 'sessions/demo'), path.join(LOGS, 'page-asks')).listening();
  });
  after(async () => {
    await browser?.close();
    await replayer?.stop();
  });
  /** All that was asked for, as paths, with what came more than once. */
  const asked = (tab) => tab.page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.slice(1)));

  it('the document names all that is loaded at first, and each is asked for once', async () => {
    const document = await (await fetch(`${replayer.url}/`, { headers: { accept: 'text/html' } })).text();
    const named = [...document.matchAll(/<link rel="(?:modulepreload|preload|stylesheet)"[^>]* href="([^"]+)"/g)].map(([, href]) => href);
    const tab = await PageTab.open(browser, `${replayer.url}/`);
    await tab.page.waitForFunction(() => /Findings\s*\d/.test(document.querySelector('#findings').textContent));
    const files = (await asked(tab)).filter((name) => name.startsWith('-/') && !name.startsWith('-/v1/'));
    assert.deepEqual(files.filter((name, index) => files.indexOf(name) !== index), []);
    // What comes with the findings is not for the first picture.
    const later = files.filter((name) => !named.includes(name) && !/^-\/(waits|findings\/group|lanes\/things\/fault-of)\.js$/.test(name));
    assert.deepEqual(later, []);
    assert.deepEqual(named.filter((name) => !(files.includes(name) || name === '-/v1/session')), []);
    const sessions = (await asked(tab)).filter((name) => name === '-/v1/session');
    assert.equal(sessions.length, 1, 'what was asked for ahead is what the page takes');
    const lanes = (await asked(tab)).filter((name) => name === '-/v1/lanes');
    assert.equal(lanes.length, 1);
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });

  it('a window that moves is asked for at once, no more until it rests, and what is stale is ended', async () => {
    const tab = await PageTab.open(browser, `${replayer.url}/`);
    await until('the first picture is there', async () => /advances/.test(await tab.page.getAttribute('.lane-media canvas', 'aria-label')));
    const seen = await tab.page.evaluate(async () => {
      const lanes = [];
      const original = window.fetch;
      window.fetch = (url, options = {}) => {
        const { pathname, searchParams } = new URL(url, location.href);
        if (!pathname.endsWith('/-/v1/lanes')) return original(url, options);
        const one = { from: Number(searchParams.get('from')), to: Number(searchParams.get('to')), signal: options.signal };
        lanes.push(one);
        // The first one never comes.
        if (lanes.length > 1) return original(url, options);
        return new Promise((_, reject) => { options.signal.addEventListener('abort', () => reject(options.signal.reason)); });
      };
      const key = (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
      key('+');
      const atOnce = { many: lanes.length, hash: location.hash, isEnded: lanes[0]?.signal.aborted };
      for (let step = 0; step < 4; step += 1) key('+');
      const inBurst = lanes.length;
      while (!location.hash.includes('w=')) await new Promise((resolve) => { setTimeout(resolve, 10); });
      while (lanes.length < 2) await new Promise((resolve) => { setTimeout(resolve, 10); });
      return { atOnce, inBurst, first: lanes[0].signal.aborted, spans: lanes.map(({ from, to }) => to - from), hash: location.hash };
    });
    assert.deepEqual(seen.atOnce, { many: 1, hash: '', isEnded: false });
    assert.equal(seen.inBurst, 1);
    assert.equal(seen.first, true);
    assert.equal(seen.spans.length, 2);
    // Half of it at once; a thirty-second in the end; and half as much again around that.
    const { length_seconds: length } = await (await fetch(`${replayer.url}/-/v1/session`)).json();
    assert.ok(Math.abs(seen.spans[0] - length * 0.75) < 0.01, `${seen.spans[0]}`);
    const wide = Number(/w=([\d.]+)/.exec(seen.hash)[1]);
    assert.ok(Math.abs(wide - length / 32) < 0.01, seen.hash);
    assert.ok(Math.abs(seen.spans[1] - wide * 1.5) < 0.01, `${seen.spans[1]}`);
    await until('the lanes know it', async () => !/loaded/.test(await tab.page.getAttribute('.lane-media canvas', 'aria-label')));
    assert.deepEqual(tab.wrong, []);
    await tab.close();
  });
});
