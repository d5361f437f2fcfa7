// hls.js plays a low-latency channel and its replay alike, while and after it is recorded.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, describeEvent } from './browser.mjs';
import { LowLatencyOrigin } from './low-latency.mjs';
import { until } from './processes.mjs';
import { query, Recorder, Replayer } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const SECONDS = 30;
const PLAYED = 8;

const browser = new Browser();
const folder = path.join(WORK, 'low-latency');
let origin;

before(async () => {
  mkdirSync(folder, { recursive: true });
  await browser.open();
  origin = await new LowLatencyOrigin(folder, SECONDS).listen();
}, { timeout: 120_000 });

after(async () => {
  await browser.close();
  await origin?.close();
});

/** What hls.js made of it. */
async function plays(name, url) {
  const player = await browser.play(url);
  try {
    const state = await player.plays(PLAYED);
    const told = JSON.stringify(state, null, 1);
    assert.equal(state.fatal, null, told);
    assert.ok(state.played >= PLAYED && state.frames > 0, told);
    const failed = state.events.filter(({ type }) => type === 'networkError');
    assert.deepEqual(failed, [], told);
    assert.ok(state.parts >= 8, `by parts: ${told}`);
    const events = state.events.map(describeEvent).join('; ') || 'none';
    console.log(`${name}: ${state.parts} parts, ${state.latency.toFixed(2)} s behind the live edge, errors: ${events}`);
    return state;
  } catch (error) {
    await player.screenshot(`low-latency-${name}`);
    throw error;
  } finally {
    await player.close();
  }
}

describe('a low-latency channel', { timeout: 240_000 }, () => {
  it('is recorded part by part, and its replay plays by parts as it did', async () => {
    const recorder = new Recorder(WORK, 'low-latency-session', `${origin.url}/live/live.m3u8`, path.join(LOGS, 'isrecorder-low-latency'));
    await plays('origin', `${origin.url}/live/live.m3u8`);
    await until('the channel is over', () => origin.isOver, SECONDS);
    const ended = await recorder.stop();
    assert.equal(ended.code, 0, ended.output);

    const session = recorder.folder;
    const faults = await query(session, "SELECT * FROM timeline WHERE outcome <> 'complete' OR status >= 400");
    assert.deepEqual(faults, [], ended.output);
    const [{ parts, segments }] = await query(session, "SELECT sum(kind = 'part') AS parts, sum(kind = 'segment') AS segments FROM resource");
    console.log(`recorded: ${parts} parts, ${segments} segments`);
    // Those of the first segment were not listed.
    assert.ok(parts >= origin.parts.length - 8, `${parts} of ${origin.parts.length}`);
    assert.equal(segments, Math.floor(origin.parts.length / 4));

    const replayer = await new Replayer(session, path.join(LOGS, 'isreplayer-low-latency')).listening();
    try {
      await plays('replay', `${replayer.url}/stream.m3u8?offset=2`);
    } finally {
      await replayer.stop();
    }
  });
});
