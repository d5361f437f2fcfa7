// nginx as in packaging/nginx-cache.conf in front of a replayer of a low-latency session (--zero): of many who wait for the
// same part one goes to isreplayer, and what it gets is for all.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LowLatencyOrigin } from './low-latency.mjs';
import { startNginx } from './nginx.mjs';
import { until } from './processes.mjs';
import { query, Recorder, Replayer } from './programs.mjs';
import { LOGS, WORK } from './recording.mjs';

const SECONDS = 14;
const WAITERS = 60;
const PLACE = path.join(WORK, 'waiters');

let origin;
let session;
let replayer;
let nginx;
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });

before(async () => {
  rmSync(PLACE, { recursive: true, force: true });
  mkdirSync(PLACE, { recursive: true });
  mkdirSync(LOGS, { recursive: true });
  origin = await new LowLatencyOrigin(PLACE, SECONDS).listen();
  const recorder = new Recorder(PLACE, 'session', `${origin.url}/live/live.m3u8`, path.join(LOGS, 'isrecorder-waiters'));
  await until('the channel is over', () => origin.isOver, SECONDS + 10);
  const ended = await recorder.stop();
  assert.equal(ended.code, 0, ended.output);
  session = recorder.folder;
}, { timeout: 60_000 });

after(async () => {
  await nginx?.end('SIGTERM');
  await replayer?.stop();
  await origin?.close();
});

/** An answer, and when it came in milliseconds. */
function load(url) {
  return new Promise((resolve, reject) => {
    http.get(url, { agent }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({
        came: Date.now(), status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString(),
      }));
    }).on('error', reject);
  });
}

const answered = (what) => replayer.child.log('err').split('\n').filter((line) => line.includes(what)).length;

describe('nginx in front of a replayer of a low-latency session', { timeout: 60_000 }, () => {
  it('asks once for all who wait for the same part, and gives it to those who come later', async (t) => {
    const revisions = await query(session, `SELECT (e.from_us - (SELECT min(started_us) FROM run)) / 1000 AS from_ms,
      v.last_sequence AS last, e.next_parts AS parts FROM revision v JOIN exchange e ON e.id = v.exchange_id ORDER BY e.id`);
    const next = revisions.findIndex(({ from_ms: from, parts }) => from > 3000 && parts > 0);
    const { from_ms: from, last, parts } = revisions[next];
    // What is asked for is there two seconds from now.
    const zero = Date.now() - from + 2000;
    replayer = await new Replayer(session, path.join(LOGS, 'isreplayer-waiters'), ['--zero', `@${zero}`]).listening();
    const front = await startNginx(PLACE, [replayer.url], path.join(LOGS, 'nginx-waiters'));
    nginx = front.nginx;
    const url = `${front.url}/${origin.url.replace('://', '/')}/live/live.m3u8?_HLS_msn=${last + 1}&_HLS_part=${parts - 1}`;
    assert.ok(Date.now() < zero + from - 300, 'they wait');
    const all = await Promise.all(Array.from({ length: WAITERS }, () => load(url)));
    for (const one of all) {
      assert.equal(one.status, 200, one.text);
      assert.equal(one.text, all[0].text);
      assert.ok(one.came >= zero + from, 'never before it is there');
    }
    const part = (last + 1) * 4 + parts - 1;
    assert.ok(all[0].text.includes(`"part${part}.mp4"`), all[0].text);
    assert.equal(answered('live.m3u8'), 1, 'requests that reached isreplayer');
    const late = all.map(({ came }) => came - zero - from).sort((a, b) => a - b);
    t.diagnostic(`${WAITERS} waiters: the first ${late[0]} ms after it was there, the last ${late.at(-1)} ms`);

    const again = await load(url);
    assert.equal(again.text, all[0].text);
    assert.equal(answered('live.m3u8'), 1, 'it is kept');
    assert.equal(again.headers['cdn-cache-control'], 'max-age=11');
    // Who only polls gets what is there now.
    const polled = await load(url.split('?')[0]);
    assert.equal(polled.status, 200);
    assert.equal(polled.headers['cdn-cache-control'], 'no-cache');
  });
});
