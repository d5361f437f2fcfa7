// hls.js in headless Chromium plays replays, from a page of another origin than the replayer's.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { KINDS } from './channels.mjs';
import { Origin } from './origin.mjs';
import { Replayer, REPOSITORY } from './programs.mjs';
import { LOGS, recordings, WORK } from './recording.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const DEMO = path.join(REPOSITORY, 'sessions/demo');
const SECONDS_PLAYED = 6;
const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
];

let browser;
let page; // the server of the player's page
let sessions;

before(async () => {
  sessions = Object.fromEntries((await recordings()).map(({ kind, session }) => [kind, session]));
  const folder = path.join(WORK, 'page');
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(HERE, 'player.html'), path.join(folder, 'player.html'));
  copyFileSync(path.join(HERE, 'node_modules/hls.js/dist/hls.min.js'), path.join(folder, 'hls.min.js'));
  page = await new Origin(folder).listen();
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args: FLAGS });
}, { timeout: 180_000 });

after(async () => {
  await browser?.close();
  await page?.close();
});

describe('hls.js plays', { timeout: 300_000 }, () => {
  for (const kind of ['ts', 'multivariant', 'fmp4', 'aes']) {
    it(`the replay of ${kind}`, async () => {
      // Not at 0: there, some of the channel's playlists would still be short.
      await plays(kind, sessions[kind], 8, KINDS[kind].levels);
    });
  }
  it('the demo session', () => plays('demo', DEMO, 15, 2));
});

async function plays(name, session, offset, levels) {
  const replayer = await new Replayer(session, path.join(LOGS, `isreplayer-hlsjs-${name}`)).listening();
  const tab = await browser.newPage({ viewport: { width: 360, height: 220 } });
  try {
    const source = `${replayer.url}/stream.m3u8?offset=${offset}`;
    await tab.goto(`${page.url}/player.html?src=${encodeURIComponent(source)}`);
    const done = (seconds) => {
      const { fatal, played, frames } = window.player.state();
      return fatal !== null || (played >= seconds && frames > 0);
    };
    await tab.waitForFunction(done, SECONDS_PLAYED, { timeout: 40_000, polling: 100 }).catch((error) => {
      if (error.name !== 'TimeoutError') throw error;
    });
    const state = await tab.evaluate(() => window.player.state());
    const told = `${JSON.stringify(state, null, 1)}\n${replayer.child.output}`;
    assert.equal(state.fatal, null, told);
    assert.ok(state.played >= SECONDS_PLAYED, told);
    assert.ok(state.frames > 0 && state.width > 0 && state.audioBytes > 0, told);
    assert.equal(state.levels, levels, told);
    console.log(`${name}: ${state.played.toFixed(1)} s, ${state.frames} frames, errors: ${state.errors.join('; ') || 'none'}`);
  } catch (error) {
    await tab.screenshot({ path: path.join(LOGS, `hlsjs-${name}.png`) });
    throw error;
  } finally {
    await tab.close();
    await replayer.stop();
  }
}
