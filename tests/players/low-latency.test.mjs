// hls.js plays a low-latency channel and its replay alike, while and after it is recorded; others play the replay, too.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Browser, describeEvent } from './browser.mjs';
import { LowLatencyOrigin } from './low-latency.mjs';
import { until } from './processes.mjs';
import { query, Recorder, Replayer } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const SECONDS = 40;
const PLAYED = 8;

const browser = new Browser();
const folder = path.join(WORK, 'low-latency');
let origin;
let session;
/** What each player made of the origin, and at which session time it began (seconds). */
const atOrigin = {};

before(async () => {
  mkdirSync(folder, { recursive: true });
  await browser.open();
  origin = await new LowLatencyOrigin(folder, SECONDS).listen();
}, { timeout: 120_000 });

after(async () => {
  await browser.close();
  await origin?.close();
});

const byNumber = (one, other) => one.localeCompare(other, 'en', { numeric: true });

/**
 * Both fetched the same parts: from the first one on that both have, as many as both have. Of two requests in flight
 * either may come first, so that their order says nothing.
 */
function assertSameParts(one, other) {
  const [there, here] = [one.names, other.names].map((names) => names.toSorted(byNumber));
  const [at] = there.flatMap((name, n) => (here.includes(name) ? [[n, here.indexOf(name)]] : []));
  const all = `at the origin: ${there}; in the replay: ${here}`;
  assert.ok(at, all);
  const count = Math.min(there.length - at[0], here.length - at[1]);
  assert.ok(count >= 8, all);
  assert.deepEqual(here.slice(at[1], at[1] + count), there.slice(at[0], at[0] + count), all);
}

/** How far it was behind the live edge, as it measured that itself: the middle of what it said in the second half. */
function latency({ latencies }) {
  const sorted = latencies.slice(latencies.length / 2).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Plays the replay from the moment on at which the same player began at the origin: it fetches the same, and is as far from the live edge. */
async function playsAlike(name, replayer, options = {}) {
  const { state, since } = atOrigin[name];
  const replayed = await plays(`${name}-replay`, `${replayer.url}/stream.m3u8?offset=${since.toFixed(3)}`, options);
  assertSameParts(state, replayed);
  const [there, here] = [state, replayed].map(latency);
  console.log(`${name}: behind the live edge by ${there.toFixed(2)} s at the origin, ${here.toFixed(2)} s in the replay`);
  assert.ok(Math.abs(there - here) <= 0.3, `${there} ${here}`);
  return replayed;
}

/** What a player made of it. */
async function plays(name, url, { page, options = { near: '' }, byParts = true } = {}) {
  const player = await browser.play(url, options, page);
  try {
    const state = await player.plays(PLAYED);
    const told = JSON.stringify(state, null, 1);
    assert.equal(state.fatal, null, told);
    assert.ok(state.played >= PLAYED && state.frames > 0, told);
    const failed = state.events.filter(({ type }) => type === 'networkError');
    assert.deepEqual(failed, [], told);
    assert.ok(byParts ? state.parts >= 8 : state.parts === 0, `by parts: ${told}`);
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
    const revisions = () => query(recorder.folder, 'SELECT count(*) AS n FROM revision').catch(() => [{ n: 0 }]);
    await until('something is recorded', async () => (await revisions())[0].n >= 2);
    const began = {};
    for (const [name, options] of Object.entries({ hls: {}, shaka: { page: 'shaka.html' } })) {
      began[name] = Date.now();
      atOrigin[name] = { state: await plays(`${name}-origin`, `${origin.url}/live/live.m3u8`, options) };
    }
    await until('the channel is over', () => origin.isOver, SECONDS);
    // The last segment is there with the end: who stops now would let go of it.
    const there = Math.floor(origin.parts.length / 4);
    const came = "SELECT count(DISTINCT r.id) AS n FROM resource r JOIN exchange e ON e.resource_id = r.id WHERE r.kind = 'segment' AND e.outcome = 'complete'";
    await until('the last segment is recorded', async () => (await query(recorder.folder, came))[0].n === there);
    const ended = await recorder.stop();
    assert.equal(ended.code, 0, ended.output);

    session = recorder.folder;
    const [{ started_us: startedUs }] = await query(session, 'SELECT started_us FROM run');
    for (const [name, at] of Object.entries(began)) atOrigin[name].since = at / 1000 - startedUs / 1e6;
    const faults = await query(session, "SELECT * FROM timeline WHERE outcome <> 'complete' OR status >= 400");
    assert.deepEqual(faults, [], ended.output);
    const [{ parts, segments }] = await query(session, "SELECT sum(kind = 'part') AS parts, sum(kind = 'segment') AS segments FROM resource");
    console.log(`recorded: ${parts} parts, ${segments} segments`);
    // Those of the first segment were not listed.
    assert.ok(parts >= origin.parts.length - 8, `${parts} of ${origin.parts.length}`);
    assert.equal(segments, there);

    const replayer = await new Replayer(session, path.join(LOGS, 'isreplayer-low-latency')).listening();
    try {
      const state = await playsAlike('hls', replayer);
      assert.ok(state.deltas >= 4, `asked for deltas: ${state.deltas}`);
      const said = replayer.child.log('err');
      assert.ok(!/ 404 /.test(said), said);
    } finally {
      await replayer.stop();
    }
  });

  it('plays over HTTP/2 and TLS, with deltas, and so does curl', async () => {
    const [certificate, key] = ['own.pem', 'own.key'].map((name) => path.join(folder, name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-out', certificate, '-keyout', key], { stdio: 'ignore' });
    const log = path.join(LOGS, 'isreplayer-low-latency-tls');
    const replayer = await new Replayer(session, log, ['--cert', certificate, '--key', key]).listening();
    try {
      const state = await plays('replay-tls', `${replayer.url}/stream.m3u8?offset=8`);
      assert.ok(state.deltas >= 4, `asked for deltas: ${state.deltas}`);
      const clock = replayer.clock(12);
      const playlist = `${clock}/${origin.url.replace('://', '/')}/live/live.m3u8`;
      const curl = (url) => execFileSync('curl', ['-s', '--http2', '--cacert', certificate, '-w', '\n%{http_version} %{http_code}', url]).toString();
      const whole = curl(playlist);
      assert.match(whole, /\n2 200$/);
      const delta = curl(`${playlist}?_HLS_skip=YES`);
      assert.match(delta, /#EXT-X-SKIP:SKIPPED-SEGMENTS=\d+\n[^]*\n2 200$/);
      const said = replayer.child.log('err');
      assert.ok(!/ 404 /.test(said), said);
    } finally {
      await replayer.stop();
    }
  });

  it('plays in shaka by parts, and elsewhere by its segments', async () => {
    const replayer = await new Replayer(session, path.join(LOGS, 'isreplayer-low-latency-others')).listening();
    try {
      const url = `${replayer.url}/stream.m3u8?offset=2`;
      await playsAlike('shaka', replayer, { page: 'shaka.html' });
      await plays('parents', url, { options: { parents: '' }, byParts: false });
      execFileSync('ffmpeg', ['-v', 'error', '-i', url, '-t', '6', '-f', 'null', '-'], { timeout: 60_000 });
      execFileSync('mpv', ['--no-config', '--vo=null', '--ao=null', '--length=6', '--really-quiet', url], { timeout: 60_000 });
      const said = replayer.child.log('err');
      assert.ok(!/ 404 /.test(said), said);
    } finally {
      await replayer.stop();
    }
  });
});
