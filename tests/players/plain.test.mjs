// Streams that are no playlists, from real origins that die and come back: recorded in one
// session, watched while they are recorded, replayed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, Icecast, Mpv, RadioSource, TransportStream } from './plain.mjs';
import { Child, until } from './processes.mjs';
import { binary, query, Replayer } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const run = promisify(execFile);
const MIN_PART = 20 * 1024;
const folder = path.join(WORK, 'plain');
const sessions = path.join(folder, 'sessions');
const session = path.join(sessions, 'halls');

let tv;
let icecast;
let radio;
let recorder;
let mpv;
let watching;

const parts = (stream) => {
  const all = path.join(session, 'chunks', stream);
  try {
    return readdirSync(all).sort().map((name) => path.join(all, name));
  } catch {
    return [];
  }
};

/** Seconds that a part lasts; what ffmpeg has to say against it fails the test. */
async function play(part) {
  const { stderr: said } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', part, '-f', 'null', '-']);
  // The first frame of MP3 may lean on bytes of the one before, which is in another part.
  const stderr = said.replace(/^\[mp3float @ \S+\] invalid new backstep .*\n/, '');
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', part]);
  return { stderr, seconds: Number(stdout) };
}

describe('streams that are no playlists', { timeout: 300_000 }, () => {
  before(async () => {
    mkdirSync(folder, { recursive: true, mode: 0o777 });
    tv = new TransportStream(await freePort(), path.join(LOGS, 'plain-tv'));
    icecast = new Icecast(await freePort(), LOGS);
    await icecast.start();
    radio = new RadioSource(icecast, path.join(LOGS, 'plain-radio'));
    tv.start();
    radio.start();
    recorder = new Child(binary('isrecorder'), [
      '-o', sessions, '-s', 'halls', '--min-part', String(MIN_PART), '--roll', '12', '--stall', '5',
      `tv=${tv.url}`, `radio=${radio.url}`,
    ], path.join(LOGS, 'plain-isrecorder'));
    await until('both are recorded', () => {
      recorder.check();
      return /\[tv\] it is a stream of ts/.test(recorder.output) && /\[radio\] it is a stream of mp3/.test(recorder.output);
    });
    assert.ok(await icecast.title('A talk about networks'));
  });

  after(async () => {
    for (const child of [watching?.child, mpv?.child, recorder, tv?.child, radio?.child, icecast?.child]) {
      child?.process.kill('SIGKILL');
    }
  });

  it('can be watched, paused and rewound in mpv while they are recorded, across a break', async () => {
    await delay(8000);
    watching = await new Replayer(session, path.join(LOGS, 'plain-watching')).listening();
    mpv = await new Mpv(`${watching.url}/tv/dump.ts`, path.join(LOGS, 'plain-mpv')).connect();
    await mpv.reaches(5);
    await mpv.command('set_property', 'pause', true);
    const paused = await mpv.get('time-pos');
    await Promise.all([delay(10_000), tv.restart(), radio.restart()]);
    assert.equal(await mpv.get('time-pos'), paused);
    await mpv.command('set_property', 'pause', false);
    await mpv.reaches(paused + 6);
    const earlier = await mpv.get('time-pos');
    const { error } = await mpv.command('seek', -5, 'relative');
    assert.equal(error, 'success');
    await until('mpv is back', async () => (await mpv.get('time-pos')) < earlier - 3);
    await mpv.reaches(earlier + 2);
    await mpv.stop();
    await watching.stop();
  });

  it('come back as often as they break', async () => {
    for (const encoder of [radio, tv, tv, radio]) {
      await delay(6500);
      await encoder.restart();
    }
    await delay(9000);
    assert.equal(await recorder.end('SIGINT'), 0, recorder.output);
    assert.ok(parts('tv').length >= 4, parts('tv').join('\n'));
    assert.ok(parts('radio').length >= 3, parts('radio').join('\n'));
  });

  it('leave parts that are large enough, named in the order of time, and play alone', async () => {
    for (const [stream, extension] of [['tv', 'ts'], ['radio', 'mp3']]) {
      const rows = await query(session, `SELECT b.path FROM exchange e JOIN body b ON b.id = e.body_id
        WHERE b.path LIKE '${stream}/%' ORDER BY e.id`);
      const recorded = rows.map((row) => path.join(session, 'chunks', row.path));
      assert.deepEqual(parts(stream), recorded);
      for (const part of recorded) {
        assert.match(part, new RegExp(`/\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\dZ\\.\\d{3}\\.${extension}$`));
        assert.ok(statSync(part).size >= MIN_PART, part);
        const { stderr, seconds } = await play(part);
        assert.ok(seconds >= 1, `${part}: ${seconds} s`);
        assert.equal(stderr, '', part);
      }
    }
  });

  it('keep the titles of the radio', async () => {
    const titles = await query(session, "SELECT detail FROM event WHERE kind = 'icy'");
    const all = titles.map((row) => JSON.parse(row.detail));
    assert.ok(all.some(({ stream, metadata }) => stream === 'radio' && metadata.includes('A talk about networks')),
      JSON.stringify(all));
  });

  it('break in the replay where the origin broke', async () => {
    const [first] = await query(session, `SELECT (e.requested_us + e.wait_us - (SELECT started_us FROM run)) / 1e6 AS began,
        (e.requested_us + e.wait_us + e.receive_us - (SELECT started_us FROM run)) / 1e6 AS ended
      FROM exchange e JOIN body b ON b.id = e.body_id
      WHERE b.path LIKE 'tv/%' AND e.error IS NOT '${'a new part was begun here (--roll)'}' ORDER BY e.id LIMIT 1`);
    const replayer = await new Replayer(session, path.join(LOGS, 'plain-replayer')).listening();
    try {
      const asked = Date.now();
      const from = first.ended - 4;
      const answer = await fetch(`${replayer.clock(from)}/tv/stream.ts`);
      assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
      let bytes = 0;
      try {
        for await (const piece of answer.body) bytes += piece.length;
      } catch {
        // So the origin broke it.
      }
      const lasted = (Date.now() - asked) / 1000;
      assert.ok(bytes > 0 && Math.abs(lasted - 4) < 2, `${bytes} bytes in ${lasted} s`);
    } finally {
      await replayer.stop();
    }
  });
});
