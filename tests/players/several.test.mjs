// Several real channels in one session, while origins and encoders are killed and come back:
// each is recorded as it was, none holds up another, and the replay breaks where they broke.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Channel, KINDS } from './channels.mjs';
import { Origin } from './origin.mjs';
import { until } from './processes.mjs';
import { query, Recorder, Replayer } from './programs.mjs';
import { LOGS, originFolder, WORK } from './recording.mjs';

const run = promisify(execFile);
const KIND = { ...KINDS.ts, seconds: 1 };
const SESSIONS = path.join(WORK, 'sessions');
const NAMES = ['primary', 'backup'];
/** How long the origin of `primary` is away, in ms. */
const AWAY = 3000;

const channels = new Map();
let session;
let zero; // of the session, in ms of Unix time
let away; // from when until when, in ms of Unix time
let restarted; // when the encoder of `backup` began again
let stopping; // the recorder, in ms of Unix time

before(async () => {
  for (const name of [...NAMES.map((one) => path.join(originFolder, one)), path.join(SESSIONS, 'several')]) {
    rmSync(name, { recursive: true, force: true });
  }
  mkdirSync(originFolder, { recursive: true });
  let recorder;
  try {
    for (const name of NAMES) {
      const channel = new Channel(await new Origin(originFolder).listen(), name, KIND, LOGS);
      channels.set(name, channel);
      channel.start();
    }
    await Promise.all([...channels.values()].map((channel) => channel.ready()));
    const inputs = [...channels].map(([name, { url }]) => `${name}=${url}`);
    recorder = new Recorder(SESSIONS, 'several', inputs, path.join(LOGS, 'isrecorder-several'));
    await trouble();
    stopping = Date.now();
    const { code } = await recorder.stop();
    assert.equal(code, 0, recorder.child.output);
    session = recorder.folder;
    zero = (await query(session, 'SELECT started_us / 1000 AS ms FROM run'))[0].ms;
  } finally {
    recorder?.child.process.kill('SIGKILL');
    for (const channel of channels.values()) {
      await channel.stop();
      await channel.origin.close();
    }
  }
}, { timeout: 120_000 });

after(() => console.log(`several: ${session ?? 'no session'}`));

/** What a channel listed for long enough to be seen: from the first poll until a segment's length before the last. */
function listed(name) {
  const seen = channels.get(name).publications()[`/${name}/${KIND.entry}`]
    .filter(({ at }) => at >= zero && at < stopping - KIND.seconds * 1000);
  const lines = seen.flatMap(({ text }) => text.split('\n')).filter((line) => line && !line.startsWith('#'));
  return new Set(lines.map((line) => `${name}/${line}`));
}

/** First the origin of one goes away, then the encoder of the other is killed. */
async function trouble() {
  const { primary, backup } = Object.fromEntries(channels);
  await advances(primary, 5);
  const { port } = primary.origin;
  away = { from: Date.now() };
  await primary.origin.pause();
  await delay(AWAY); // the length of the fault
  await primary.origin.resume(port);
  away.until = Date.now();
  await advances(primary, 5);

  await backup.stop();
  restarted = Date.now();
  backup.start();
  await advances(backup, 8);
}

/** So many publications from now on. */
function advances(channel, count) {
  const published = () => channel.origin.publications(`/${channel.name}/${KIND.entry}`).length;
  const wanted = published() + count;
  return until(`${channel.name} goes on`, () => {
    channel.ffmpeg.check();
    return published() >= wanted;
  });
}

const ofStream = (name) => `JOIN resource r ON r.id = e.resource_id JOIN stream s ON s.id = r.stream_id WHERE s.name = '${name}'`;

describe('two channels in one session', { timeout: 120_000 }, () => {
  it('are on one timeline, one of them while the other is away', async () => {
    const polls = (name, condition) => query(session, `
      SELECT e.requested_us / 1000 AS ms, e.status FROM exchange e ${ofStream(name)}
        AND e.lag_us IS NOT NULL AND ${condition} ORDER BY e.id`);
    const failed = await polls('primary', "e.outcome <> 'complete'");
    assert.ok(failed.length >= 3, `${failed.length} polls failed`);
    for (const { ms } of failed) assert.ok(ms >= away.from - 500 && ms <= away.until + 500, `${ms} ${JSON.stringify(away)}`);
    assert.deepEqual(await polls('backup', "e.outcome <> 'complete'"), []);
    const meanwhile = await polls('backup', `e.requested_us / 1000 BETWEEN ${away.from} AND ${away.until}`);
    assert.ok(meanwhile.length >= 6, `${meanwhile.length} polls of the other`);
  });

  it('have every chunk, and every chunk plays', async () => {
    for (const name of NAMES) {
      const chunks = await query(session, `
        SELECT r.name, b.path FROM exchange e JOIN body b ON b.id = e.body_id ${ofStream(name)}
          AND r.kind = 'segment' AND e.outcome = 'complete' AND e.status = 200`);
      const names = new Set(chunks.map((chunk) => chunk.name));
      const missing = [...listed(name)].filter((one) => !names.has(one));
      assert.ok(names.size >= 10, `${name}: ${names.size} names`);
      assert.deepEqual(missing, [], `${name}: listed and not recorded`);
      // An encoder that begins again makes the same first chunks, and the same bytes are on disk once.
      for (const chunk of new Set(chunks.map(({ path: chunk }) => chunk))) {
        const { stderr } = await run('ffmpeg', [
          '-hide_banner', '-loglevel', 'error', '-nostdin', '-i', path.join(session, 'chunks', chunk), '-f', 'null', '-',
        ]);
        assert.equal(stderr, '', chunk);
      }
    }
  });

  it('are asked again for the names that an encoder uses again', async () => {
    const twice = await query(session, `
      SELECT r.name, min(e.requested_us) / 1000 AS first, max(e.requested_us) / 1000 AS last FROM exchange e ${ofStream('backup')}
        AND r.kind = 'segment' AND e.outcome = 'complete' GROUP BY r.id HAVING count(*) > 1`);
    assert.ok(twice.length >= 3, JSON.stringify(twice));
    for (const { name, first, last } of twice) assert.ok(first < restarted && last > restarted, name);
  });

  it('break in the replay where they broke', async () => {
    const replayer = await new Replayer(session, path.join(LOGS, 'isreplayer-several')).listening();
    try {
      const at = (ms, name) => `${replayer.clock((ms - zero) / 1000)}/${name}/stream.m3u8`;
      const middle = (away.from + away.until) / 2;
      await assert.rejects(fetch(at(middle, 'primary')), 'no answer while the origin was away');
      assert.equal((await fetch(at(middle, 'backup'))).status, 200);
      assert.equal((await fetch(at(away.until + 2000, 'primary'))).status, 200);
      const sequence = async (ms) => {
        const text = await (await fetch(at(ms, 'backup'))).text();
        return Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)[1]);
      };
      assert.ok(await sequence(restarted - 500) > 0);
      assert.equal(await sequence(restarted + 4500), 0, 'the encoder began again');
    } finally {
      await replayer.stop();
    }
  });
});
