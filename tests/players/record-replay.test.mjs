// Real ffmpeg channels, recorded by isrecorder and replayed by isreplayer, held
// against what the origin published, byte by byte, moment by moment, frame by frame.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KINDS } from './channels.mjs';
import { Evidence, expectBytes, median } from './evidence.mjs';
import { findRun, frameHashes } from './frames.mjs';
import { Origin, sha256 } from './origin.mjs';
import { parse } from './playlist.mjs';
import { findings, query, Replayer } from './programs.mjs';
import { LOGS, originFolder, recordings } from './recording.mjs';

/** `isreplayer --early`, as it is where nobody says otherwise: seconds. */
const EARLY = 0.5;
const PLAYER_POLL_MS = 75;
/** By how much the clock of the origin and that of the recorder, which no step of the wall clock bends, may part. */
const CLOCKS_MS = 50;
const together = { concurrency: 100, timeout: 180_000 };

const evidence = {};
const replayers = {};
const facts = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, { kind }]));

before(async () => {
  for (const recording of await recordings()) {
    evidence[recording.kind] = await new Evidence(recording).load();
    facts[recording.kind]['CPU s / channel-minute'] =
      (recording.cpuSeconds * 60_000 / (recording.stopping - evidence[recording.kind].zero)).toFixed(2);
  }
}, { timeout: 180_000 });

after(async () => {
  await Promise.all(Object.values(replayers).map((replayer) => replayer.stop()));
  console.table(Object.fromEntries(Object.values(facts).map(({ kind, ...rest }) => [kind, rest])));
});

for (const kind of Object.keys(KINDS)) {
  describe(`the recording of ${kind}`, { timeout: 60_000 }, () => {
    it('ends with exit code 0 and says how long it is', () => {
      const { ended, lengthMs } = evidence[kind];
      assert.equal(ended.code, 0, ended.output);
      const [, h, m, s] = /Record length (\d+):(\d\d):(\d\d\.\d{3})\b/.exec(ended.stdout)
        ?? assert.fail(`no record length in: ${ended.stdout}`);
      const printed = (Number(h) * 3600 + Number(m) * 60 + Number(s)) * 1000;
      assert.ok(Math.abs(printed - lengthMs) < 1000, `${printed} ms printed, ${lengthMs} ms in the session`);
      assert.ok(lengthMs > 30_000);
    });

    it('holds every revision that a poll met, in order, and none before it was published', () => {
      const one = evidence[kind];
      const count = (revisionsOf) => one.paths().flatMap((urlPath) => revisionsOf(urlPath)).length;
      facts[kind].published = count((urlPath) => one.due(urlPath));
      facts[kind].recorded = count((urlPath) => one.revisions[urlPath]);
      for (const urlPath of one.paths()) {
        const history = one.publications[urlPath].map(({ sha256: digest }) => digest);
        const places = one.revisions[urlPath].map((digest) => history.indexOf(digest));
        assert.ok(!places.includes(-1), `${urlPath}: a revision that the origin never published`);
        assert.deepEqual(places, [...new Set(places)].sort((a, b) => a - b), `${urlPath}: not in order`);
        const missing = one.due(urlPath).filter(({ sha256: digest }) => !one.revisions[urlPath].includes(digest));
        assert.deepEqual(missing.map((gone) => one.describe(gone)), [], `${urlPath}: answered, and not recorded`);
        const early = one.answers[urlPath].slice(1).filter(({ from, sha256: digest }) => {
          const first = one.publications[urlPath].find((publication) => publication.sha256 === digest);
          return from < first.at - one.zero - CLOCKS_MS;
        });
        assert.deepEqual(early, [], `${urlPath}: there before it was published`);
      }
    });

    it(kind === 'stuck' ? 'says that its numbers stand still' : 'breaks no rule that the standard demands', async () => {
      const found = await findings(evidence[kind].session, 'must');
      const told = found.map(({ rule, playlist, detail }) => `${rule} ${playlist}: ${detail.text}`);
      if (kind === 'stuck') assert.ok(found.some(({ rule }) => rule === 'T02'), told.join('\n'));
      else assert.deepEqual(told, []);
    });

    it('is a sound database of one file, and every chunk is there', async () => {
      const { session } = evidence[kind];
      assert.deepEqual(await query(session, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
      assert.deepEqual(await query(session, 'PRAGMA journal_mode'), [{ journal_mode: 'delete' }]);
      assert.deepEqual(await query(session, 'PRAGMA foreign_key_check'), []);
      for (const suffix of ['-wal', '-shm']) assert.ok(!existsSync(path.join(session, `session.db${suffix}`)), suffix);
      for (const chunk of await query(session, 'SELECT path, size FROM body WHERE path IS NOT NULL')) {
        assert.equal(statSync(path.join(session, 'chunks', chunk.path)).size, chunk.size, chunk.path);
      }
    });

    it('has cost the origin no more than it must', () => {
      const { log } = evidence[kind];
      const polls = log.filter((one) => evidence[kind].mediaPaths().includes(one.path));
      const unchanged = polls.filter((one) => one.status === 304);
      assert.ok(unchanged.length > polls.length / 3, `${unchanged.length} of ${polls.length} polls were conditional`);
      const chunks = log.filter((one) => !one.path.endsWith('.m3u8') && !one.path.endsWith('.key'));
      const names = chunks.map((one) => `${one.path} ${one.range ?? ''}`);
      assert.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), [], 'asked for more than once');
      assert.deepEqual(log.filter((one) => ![200, 206, 304].includes(one.status)), [], 'asked for what is not there');
    });
  });
}

describe('the replay', together, () => {
  before(async () => {
    await Promise.all(Object.entries(evidence).map(async ([kind, { session }]) => {
      replayers[kind] = new Replayer(session, path.join(LOGS, `isreplayer-${kind}`), ['--at-end', 'endlist']);
      await replayers[kind].listening();
    }));
  });

  for (const kind of Object.keys(KINDS)) {
    it(`of ${kind} shows every revision at its time, and its chunks from then on`, () => timing(kind));
    it(`of ${kind} has the origin's bytes`, () => bytes(kind));
    if (KINDS[kind].unplayable) continue;
    it(`of ${kind} decodes to the origin's frames`, () => frames(kind));
  }
});

async function timing(kind) {
  const one = evidence[kind];
  const { url } = replayers[kind];
  const before = Date.now();
  const redirect = await fetch(`${url}/stream.m3u8?offset=0`, { redirect: 'manual' });
  assert.equal(redirect.status, 302);
  const zero = Number(/^@(\d+)\/stream\.m3u8/.exec(redirect.headers.get('location'))?.[1]);
  assert.ok(zero >= before - 1 && zero <= Date.now(), `a clock of its own: ${redirect.headers.get('location')}`);

  const seen = await Promise.all(one.paths().map((urlPath) => follow(one, url, zero, urlPath)));
  // How late each came is printed, and depends on the machine.
  const late = seen.flatMap((playlist) => playlist.late);
  facts[kind].replayed = seen.reduce((sum, { count }) => sum + count, 0);
  facts[kind]['worst ms'] = Math.round(Math.max(...late));
  facts[kind]['median ms'] = Math.round(median(late));
}

/**
 * Polls a replayed playlist from session time 0 to the end. Each answer must be the revision that the session
 * holds for the session time that the answer names, however late it was asked for. Which of them were met, and
 * by how much (ms) each came after it was published.
 */
async function follow(one, url, zero, urlPath) {
  const prefix = `${url}/@${zero}`;
  const published = new Map(one.recorded(urlPath).map((publication) => [publication.sha256, publication]));
  const late = [];
  const chunks = [];
  const seen = new Set();
  for (let tick = zero; tick < zero + one.lengthMs - 200; tick += PLAYER_POLL_MS) {
    await delay(Math.max(0, tick - Date.now()));
    const asked = Date.now();
    const response = await fetch(prefix + one.space(urlPath));
    const text = await response.text();
    const what = `${response.url} at ${response.headers.get('x-isrecorder-session-time')} s`;
    assert.equal(response.status, 200, `${what}: ${text}`);
    const ms = Math.round(1000 * Number(response.headers.get('x-isrecorder-session-time')));
    // After its end the list is ended, too (--at-end endlist).
    if (ms + 1 >= one.lengthMs) break;
    const digest = sha256(text);
    // It is told in milliseconds.
    const answers = [ms, ms + 1].map((moment) => one.answer(urlPath, moment)?.sha256);
    assert.ok(answers.includes(digest), `${what} is another revision:\n${text}`);
    if (seen.has(digest)) continue;
    // What is there at session time 0 was there before the recorder came.
    if (seen.size > 0) late.push(asked - zero - (published.get(digest).at - one.zero));
    seen.add(digest);
    const newest = parse(text).segments.at(-1);
    if (!one.mediaPaths().includes(urlPath)) continue; // the multivariant playlist
    const folder = path.posix.dirname(urlPath);
    chunks.push(expectBytes(one, prefix, { urlPath: path.posix.join(folder, newest.uri), range: newest.range }));
    chunks.at(-1).catch(() => {}); // reported below
  }
  await Promise.all(chunks);
  assert.ok(seen.size > 0, urlPath);
  return { late, count: seen.size };
}

async function bytes(kind) {
  const one = evidence[kind];
  const chunks = one.chunks();
  const atEnd = replayers[kind].clock(one.lengthMs / 1000 + 1);
  for (const chunk of chunks) await expectBytes(one, atEnd, chunk);
  facts[kind].chunks = chunks.length;

  // Before the origin listed it, a chunk is not there.
  for (const { urlPath, range, listedAt } of chunks) {
    const listed = (listedAt - one.zero) / 1000;
    if (range || listed < 2) continue;
    const url = () => replayers[kind].clock(listed - 1) + one.space(urlPath);
    const response = await askedBefore(listed - EARLY, url);
    assert.equal(response.status, 404, `${response.url}, a second before it was listed`);
  }
}

/** Asks again where the machine stood still for so long that the moment had come when the answer was made. */
async function askedBefore(seconds, url) {
  let response;
  for (let tries = 0; tries < 10; tries += 1) {
    response = await fetch(url());
    const answered = Number(response.headers.get('x-isrecorder-session-time'));
    if (response.status === 404 || answered < seconds) break;
  }
  return response;
}

async function frames(kind) {
  const one = evidence[kind];
  const origin = await new Origin(originFolder).listen();
  try {
    const originals = one.originals();
    const streams = originals.flatMap((original) => original.streams);
    // A window slides away: it is played as it was recorded. An EVENT is all there at its end.
    const offset = kind === 'event' ? one.lengthMs / 1000 - 1 : 0;
    const played = await frameHashes(`${replayers[kind].url}/stream.m3u8?offset=${offset}`, streams);
    let compared = 0;
    for (const { urlPath, text, streams: own } of originals) {
      origin.publish(urlPath, text);
      const local = own.map((stream) => `${stream[0]}:0`);
      const expected = await frameHashes(origin.url + urlPath, local);
      for (const [i, stream] of own.entries()) {
        compared += compare(`${kind} ${stream}`, played[stream], expected[local[i]], one.lengthMs / 1000);
      }
    }
    facts[kind].frames = compared;
  } finally {
    await origin.close();
  }
}

function compare(what, played, original, seconds) {
  // A decoder of audio overlaps each frame with the one before it: the first one depends on where it began.
  const run = what.includes(' a:') ? played.slice(1) : played;
  assert.ok(run.length > 1, `${what}: ${played.length} frames played`);
  try {
    findRun(run, original);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
  const covered = run.at(-1).pts - run[0].pts;
  assert.ok(covered > 0.9 * seconds, `${what}: ${covered} s played of ${seconds} s recorded`);
  return run.length;
}
