// hls.js in headless Chromium plays replays, from a page of another origin than the replayer's.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, describeEvent } from './browser.mjs';
import { KINDS } from './channels.mjs';
import { Replayer, REPOSITORY } from './programs.mjs';
import { LOGS, recordings } from './recording.mjs';

const DEMO = path.join(REPOSITORY, 'sessions/demo');
const SECONDS_PLAYED = 6;

const browser = new Browser();
let sessions;

before(async () => {
  sessions = Object.fromEntries((await recordings()).map(({ kind, session }) => [kind, session]));
  await browser.open();
}, { timeout: 180_000 });

after(() => browser.close());

describe('hls.js plays', { timeout: 300_000 }, () => {
  for (const kind of ['ts', 'multivariant', 'fmp4', 'aes']) {
    it(`the replay of ${kind}`, async () => {
      // Not at 0: there, some of the channel's playlists would still be short.
      await plays(kind, sessions[kind], 8, KINDS[kind].levels);
    });
  }
  it('the demo session', () => plays('demo', DEMO, 15, 2));
  it('the demo session with a fault on top', async () => {
    const missing = ['--inject', 'segment sn=+2 from=+0 for=4 status=404'];
    const { events } = await plays('inject', DEMO, 15, 2, missing, { patient: '' });
    // While it waits its buffer may run out, too.
    const failed = events.filter(({ type }) => type === 'networkError');
    const met = new Set(failed.map(({ details, code, url }) => `${details} ${code} ${path.posix.basename(url ?? '')}`));
    // At second 15 segment 7 was the first.
    assert.deepEqual([...met], ['fragLoadError 404 seg009.ts'], JSON.stringify(events));
  });
});

async function plays(name, session, offset, levels, faults = [], options = {}) {
  const replayer = await new Replayer(session, path.join(LOGS, `isreplayer-hlsjs-${name}`), faults).listening();
  const player = await browser.play(`${replayer.url}/stream.m3u8?offset=${offset}`, options);
  try {
    const state = await player.plays(SECONDS_PLAYED);
    const told = `${JSON.stringify(state, null, 1)}\n${replayer.child.output}`;
    assert.equal(state.fatal, null, told);
    assert.ok(state.played >= SECONDS_PLAYED, told);
    assert.ok(state.frames > 0 && state.width > 0 && state.audioBytes > 0, told);
    assert.equal(state.levels, levels, told);
    const events = state.events.map(describeEvent).join('; ') || 'none';
    console.log(`${name}: ${state.played.toFixed(1)} s, ${state.frames} frames, errors: ${events}`);
    return state;
  } catch (error) {
    await player.screenshot(`hlsjs-${name}`);
    throw error;
  } finally {
    await player.close();
    await replayer.stop();
  }
}
