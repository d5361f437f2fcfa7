// hls.js plays a faulty origin live, while isrecorder records it. Then it plays the replay,
// and must meet the same errors; and the replay without faults, and must meet none.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, describeEvent } from './browser.mjs';
import { Channel, KINDS } from './channels.mjs';
import { FaultyOrigin } from './faults.mjs';
import { until } from './processes.mjs';
import { query, Recorder, Replayer } from './programs.mjs';
import { LOGS, originFolder, WORK } from './recording.mjs';

const KIND = {
  ...KINDS.ts,
  seconds: 1,
  options: '-hls_list_size 16 -hls_flags temp_file -hls_segment_filename seg%d.ts',
};
const SESSIONS = path.join(WORK, 'sessions');
const PLAYLIST = `/faulty/${KIND.entry}`;
/** As many segments as the player wants to be away from the live edge, and one more. */
const SEGMENTS_BEFORE = 10;

const browser = new Browser();
let origin;
/** What the players saw: `live` of the origin, the others of replays. */
const seen = {};

before(async () => {
  // A kept folder may have them from the run before.
  for (const folder of [SESSIONS, originFolder]) rmSync(path.join(folder, 'faulty'), { recursive: true, force: true });
  mkdirSync(originFolder, { recursive: true });
  origin = await new FaultyOrigin(originFolder).listen();
  const { session, offset, ms } = await recordAndPlay();
  [seen.replayed, seen.healed] = await Promise.all([
    replay('replayed', session, offset, ms, ['--network', 'recorded']),
    replay('healed', session, offset, ms, ['--faults', 'none']),
  ]);
  console.table(table(seen));
}, { timeout: 240_000 });

after(async () => {
  await browser.close();
  await origin?.close();
});

describe('hls.js', () => {
  it('meets every fault of the origin', () => {
    const error = (type, details, code, urlPath) => ({ type, details, fatal: false, code, path: urlPath });
    assert.deepEqual(seen.live.story.map(({ what }) => what), [
      error('networkError', 'fragLoadError', 404, origin.segment(PLAYLIST, 'missing')),
      error('networkError', 'fragLoadError', 0, origin.segment(PLAYLIST, 'short')),
      error('networkError', 'levelLoadError', 503, PLAYLIST),
      error('noted', 'playlistStandsStill', undefined, PLAYLIST),
      error('mediaError', 'bufferStalledError', undefined, undefined),
    ], told(seen.live));
  });

  it('meets the same errors in the same order against the replay', () => {
    const what = ({ story }) => story.map((one) => one.what);
    assert.deepEqual(what(seen.replayed), what(seen.live), told(seen.replayed));
  });

  it('plays the same minutes without an error where faults are healed', () => {
    const { events, played, ms } = seen.healed;
    const errors = events.filter(({ type }) => type !== 'noted');
    assert.deepEqual(errors.map(describeEvent), [], told(seen.healed));
    assert.ok(played > 0.75 * ms / 1000, `${played} s of ${ms} ms: ${told(seen.healed)}`);
  });

  it('goes on after the last fault', () => {
    for (const state of Object.values(seen)) {
      assert.ok(state.buffered > 3, told(state));
      assert.ok(state.width > 0 && state.audioBytes > 0, told(state));
    }
  });
});

/** The first player and the recorder, at the same time, until the last fault is over. */
async function recordAndPlay() {
  const channel = new Channel(origin, 'faulty', KIND, LOGS);
  let recorder;
  try {
    channel.start();
    await browser.open();
    await until('the channel has a window', () => channel.ffmpeg.check() ?? origin.length >= SEGMENTS_BEFORE);
    recorder = new Recorder(SESSIONS, 'faulty', channel.url, path.join(LOGS, 'isrecorder-faulty'));
    await until('it is recorded', () => origin.log.some((one) => one.path.endsWith('.ts')));
    const player = await browser.play(channel.url, { patient: '' });
    await player.plays(1);
    origin.arm();
    await until('the faults are over', () => channel.ffmpeg.check() ?? origin.isOver(), 90);
    const state = await player.state();
    const ms = Date.now() - state.loaded;
    await player.close();
    seen.live = { ...state, ms, story: story(state.events) };
    const ended = await recorder.stop();
    assert.equal(ended.code, 0, ended.output);
    const [{ started_us: zero }] = await query(recorder.folder, 'SELECT started_us FROM run');
    return { session: recorder.folder, offset: (state.loaded - zero / 1000) / 1000, ms };
  } finally {
    recorder?.child.process.kill('SIGKILL'); // where it still runs, the test has failed
    await channel.stop();
  }
}

/** The player of a replay that begins when the first one did, for as long. */
async function replay(name, session, offset, ms, options) {
  const replayer = await new Replayer(session, path.join(LOGS, `isreplayer-${name}`), options).listening();
  try {
    const player = await browser.play(`${replayer.url}/stream.m3u8?offset=${offset.toFixed(3)}`, { patient: '' });
    const state = await player.lasts(ms);
    await player.close();
    return { ...state, ms, story: story(state.events) };
  } finally {
    await replayer.stop();
  }
}

/**
 * What a player went through: [{ what, times, ms }].
 *
 * The same error again, with none between, is folded into one: how often a player tries
 * again before a fault ends depends on the phase of its timers, and on the recorder's,
 * which knows the end of a fault when it asks again. What is compared is what happened to
 * which resource, and in which order, which tell why a player did what it did.
 */
function story(events) {
  const folded = [];
  for (const { ms, type, details, fatal, code, url } of events) {
    const what = { type, details, fatal, code, path: url && originPath(url) };
    const last = folded.at(-1);
    if (JSON.stringify(last?.what) === JSON.stringify(what)) last.times += 1;
    else folded.push({ what, times: 1, ms });
  }
  return folded;
}

/** The origin's path of a URL of its own or of the replayer's. */
function originPath(url) {
  const { pathname } = new URL(url);
  const replayed = pathname.replace(/^\/@\d+/, '').replace(/^\/http\/[^/]+/, '');
  return replayed === '/stream.m3u8' ? PLAYLIST : replayed;
}

const told = (state) => JSON.stringify({ ...state, story: undefined }, null, 1);

/** The stories, side by side; the ends of URLs only. */
function table(players) {
  const row = ({ what: { details, fatal, code, path: urlPath }, times, ms }) => {
    const words = [details, code, urlPath && path.posix.basename(urlPath), fatal ? 'fatal' : undefined];
    return `${words.filter((one) => one !== undefined).join(' ')} × ${times} from ${(ms / 1000).toFixed(1)} s`;
  };
  const rows = Math.max(...Object.values(players).map((player) => player.story.length));
  return Array.from({ length: rows }, (_, i) => Object.fromEntries(
    Object.entries(players).map(([name, player]) => [name, player.story[i] ? row(player.story[i]) : '']),
  ));
}
