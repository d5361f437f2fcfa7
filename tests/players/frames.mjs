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
    while (length < played.length && played[length].hash === original[start + length].hash) length++;
    if (length > best.length) best = { length, start };
    if (length === played.length) break;
  }
  if (best.length < played.length) {
    throw new Error(
      `${played.length} frames played are no contiguous run of the origin's ${original.length}: ` +
      `the longest match has ${best.length} frames from ${best.start} on`,
    );
  }
  const run = original.slice(best.start, best.start + played.length);
  const from = settled(played);
  const off = played.findIndex((frame, i) => i >= from && Math.abs(toEnd(played, i) - toEnd(run, i)) > 0.002);
  if (off >= 0) {
    throw new Error(`frame ${off} is ${toEnd(played, off)} s before the last one, and ${toEnd(run, off)} s in the origin's`);
  }
  return best.start;
}

const toEnd = (frames, i) => frames.at(-1).pts - frames[i].pts;

// Where it begins, ffmpeg guesses the times of audio frames until a packet has one
// of its own, and guesses otherwise where there is video too.
const settled = (frames) => frames.findIndex(({ pts }) => pts - frames[0].pts > 1);
