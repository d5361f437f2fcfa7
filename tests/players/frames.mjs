// What ffmpeg decodes, frame by frame.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Plays `url` from the first segment that it lists to its end. For each of
 * `streams` ('v:0', 'a:0'): [{ pts, hash }] of its decoded frames.
 */
export async function frameHashes(url, streams, seconds = 120) {
  const { stdout } = await run('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-nostdin', '-threads', '1', '-live_start_index', '0', '-i', url,
    ...streams.flatMap((stream) => ['-map', `0:${stream}`]),
    '-fps_mode', 'passthrough', '-f', 'framehash', '-',
  ], { timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: 64 << 20 });
  const frames = streams.map(() => []);
  for (const line of stdout.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [stream, , pts, , , hash] = line.split(',').map((field) => field.trim());
    frames[Number(stream)].push({ pts: Number(pts), hash });
  }
  const timeBases = [...stdout.matchAll(/^#tb (\d+): (\d+)\/(\d+)$/gm)];
  for (const [, stream, numerator, denominator] of timeBases) {
    for (const frame of frames[Number(stream)]) frame.pts *= Number(numerator) / Number(denominator);
  }
  return Object.fromEntries(streams.map((stream, i) => [stream, frames[i]]));
}

/**
 * Where `played` stands in `original` as one contiguous run, with the same
 * distances in time; throws where it does not.
 */
export function findRun(played, original) {
  let best = { length: 0, start: 0 };
  for (let start = 0; start + played.length <= original.length; start++) {
    let length = 0;
    while (length < played.length && same(played, original, start, length)) length++;
    if (length === played.length) return start;
    if (length > best.length) best = { length, start };
  }
  throw new Error(
    `${played.length} frames played are no contiguous run of the origin's ${original.length}: ` +
    `the longest match has ${best.length} frames from ${best.start} on`,
  );
}

// ffmpeg's clock of a stream may tick in 1/90000 s here and in 1/15 s there.
function same(played, original, start, i) {
  const elapsed = played[i].pts - played[0].pts;
  const expected = original[start + i].pts - original[start].pts;
  return played[i].hash === original[start + i].hash && Math.abs(elapsed - expected) < 0.002;
}
