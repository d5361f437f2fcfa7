// nginx as in packaging/nginx-cache.conf in front of two replayers of one session (--zero): what it
// gives out is never old, and it takes the load.
//
// Virtual players load the playlist again and again, each at its own moments, and the newest segment
// when there is a new one. PLAYERS_MANY is how many there are.

import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startNginx } from './nginx.mjs';
import { binary, Replayer, REPOSITORY } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const PLAYERS = Number(process.env.PLAYERS_MANY ?? 400);
const SECONDS = 8;
const RELOAD = 1000; // ms between two loads of a player
const OLDEST = 0.1; // seconds
const STEP = 50; // ms, of the configuration
const PLAYLIST = '/http/localhost:8080/live/high/live.m3u8';
const PLACE = path.join(WORK, 'cache');

const zero = Date.now() - 15_000;
const replayers = [];
let nginx;
let base;

before(async () => {
  rmSync(PLACE, { recursive: true, force: true });
  mkdirSync(PLACE, { recursive: true });
  mkdirSync(LOGS, { recursive: true });
  assert.ok(existsSync(binary('isreplayer')));
  for (const name of ['one', 'two']) {
    const session = path.join(PLACE, name);
    cpSync(path.join(REPOSITORY, 'sessions/demo'), session, { recursive: true });
    const replayer = new Replayer(session, path.join(LOGS, `isreplayer-cache-${name}`), ['--zero', `@${zero}`]);
    replayers.push(await replayer.listening());
  }
  const started = await startNginx(PLACE, replayers.map(({ url }) => url), path.join(LOGS, 'nginx'));
  ({ nginx, url: base } = started);
}, { timeout: 60_000 });

after(async () => {
  await nginx?.end('SIGTERM');
  for (const replayer of replayers) await replayer.stop();
});

/** How many requests the replayers have answered: a line of the log for each. */
const answered = () => replayers
  .map(({ child }) => child.log('err').split('\n').filter((line) => / GET \//.test(line)).length)
  .reduce((sum, count) => sum + count, 0);

const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });

/** Loads a path through nginx: status, fields, text, and the session time at which it was asked for. */
function load(url, headers = {}) {
  const asked = (Date.now() - zero) / 1000;
  return new Promise((resolve, reject) => {
    http.get(`${base}${url}`, { agent, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({
        asked,
        status: response.statusCode,
        headers: response.headers,
        bytes: Buffer.concat(parts),
      }));
    }).on('error', reject);
  });
}

/** A player: what it met is counted in `met`. */
async function play(number, goesOn, met) {
  await delay((number / PLAYERS) * RELOAD);
  let last;
  while (goesOn()) {
    const began = Date.now();
    const playlist = await load(PLAYLIST);
    met.asked += 1;
    assert.equal(playlist.status, 200);
    const text = playlist.bytes.toString();
    met.texts.add(text);
    met.oldest = Math.max(met.oldest, playlist.asked - Number(playlist.headers['x-isrecorder-session-time']));
    const newest = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).at(-1);
    if (newest !== last) {
      last = newest;
      met.segments.add(newest);
      const segment = await load(new URL(newest, `http://h${PLAYLIST}`).pathname);
      met.asked += 1;
      assert.equal(segment.status, 200);
    }
    await delay(Math.max(0, RELOAD - (Date.now() - began)));
  }
}

describe('nginx in front of two replayers of one session', () => {
  it('gives out nothing old, and takes the load', { timeout: 120_000 }, async (t) => {
    const met = { asked: 0, oldest: 0, texts: new Set(), segments: new Set() };
    const before = answered();
    const began = Date.now();
    // Longer where the machine is slow.
    const goesOn = () => {
      const seconds = (Date.now() - began) / 1000;
      return seconds < SECONDS || (met.texts.size < 3 && seconds < 40);
    };
    await Promise.all(Array.from({ length: PLAYERS }, (_, number) => play(number, goesOn, met)));
    const reached = answered() - before;
    const share = reached / met.asked;
    t.diagnostic(`${PLAYERS} players: ${met.asked} requests, ${reached} reached isreplayer `
      + `(${(100 * share).toFixed(1)} %), oldest answer ${(1000 * met.oldest).toFixed(0)} ms`);
    assert.ok(met.texts.size >= 3, `the playlist changed: ${met.texts.size} texts`);
    assert.ok(met.oldest <= OLDEST, `an answer was ${met.oldest} s old`);
    // However many players there are: the playlist once a step, each segment once; and whoever came
    // while another's answer was on its way, for too long.
    const most = 1.25 * ((Date.now() - began) / STEP + met.segments.size) + 10;
    assert.ok(reached <= most, `${reached} requests reached isreplayer, not ${most}`);
    if (PLAYERS >= 1000) assert.ok(share <= 0.05, `${reached} of ${met.asked} requests reached isreplayer`);
  });

  it('gives each what it asked for: compressed or not, parts, and the same again', async () => {
    const one = await load(PLAYLIST, { 'Accept-Encoding': 'gzip, br' });
    const two = await load(PLAYLIST);
    assert.equal(two.headers['content-encoding'], undefined);
    assert.match(two.bytes.toString(), /^#EXTM3U/);
    assert.ok(one.headers['content-encoding'] === 'gzip' || one.bytes.length < 1024);
    const segment = '/http/localhost:8080/live/high/seg003.ts';
    const whole = await load(segment);
    const part = await load(segment, { Range: 'bytes=188-375' });
    assert.equal(part.status, 206);
    assert.deepEqual(part.bytes, whole.bytes.subarray(188, 376));
    // Only who has the same content may go on with it.
    const other = await load(segment, { Range: 'bytes=188-375', 'If-Range': '"other"' });
    assert.equal(other.status, 200);
    assert.deepEqual(other.bytes, whole.bytes);
    const behind = await load(segment, { Range: 'bytes=99999999-' });
    assert.equal(behind.status, 416);
    const again = await load(segment, { 'If-None-Match': whole.headers.etag ?? '"none"' });
    assert.equal(again.status, whole.headers.etag ? 304 : 200);
    const cors = await load(PLAYLIST, { Origin: 'http://player.example' });
    assert.equal(cors.headers['access-control-allow-origin'], '*');
    assert.equal(two.headers['access-control-allow-origin'], '*');
  });

  it('the other replayer takes over where one goes', { timeout: 60_000 }, async () => {
    await replayers[0].stop();
    const from = Date.now();
    while (Date.now() < from + 1000) {
      const { status } = await load(PLAYLIST);
      assert.equal(status, 200);
      await delay(20);
    }
  });
});
