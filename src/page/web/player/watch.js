// Events of the <video>, whoever feeds it: it waits, plays, stands still.

import { length } from '../core/data/times.js';
import { WAITING } from './log.js';

/** Seconds ahead of the picture that are there. @param {HTMLVideoElement} video */
export function bufferOf({ buffered, currentTime }) {
  for (let index = 0; index < buffered.length; index += 1) {
    if (currentTime >= buffered.start(index) - 0.1 && currentTime <= buffered.end(index)) return buffered.end(index) - currentTime;
  }
  return 0;
}

/** With less ahead, in seconds, it matters that nothing comes. */
const LITTLE = 1;

/**
 * @param {HTMLVideoElement} video
 * @param {() => number | null} now  Null: no clock runs.
 * @param {import('./log.js').Log} log
 * @param {(sentence: string) => void} say
 */
export function watch(video, now, log, say) {
  let hasPlayed = false;
  /** @param {string} name @param {(at: number) => void} run */
  const on = (name, run) => video.addEventListener(name, () => {
    const at = now();
    if (at !== null) run(at);
  });
  on('waiting', (at) => {
    if (log.lasts() === null && hasPlayed) log.begin(at, WAITING, `buffer ${length(bufferOf(video))}`);
  });
  on('playing', (at) => {
    const was = log.lasts();
    const lasted = log.end(at);
    hasPlayed = true;
    log.moment(at, 'playing', lasted === null ? '' : was === 'starting' ? `began after ${length(lasted)}` : `after ${length(lasted)}`);
    if (was === WAITING && lasted !== null && lasted >= 1) say(`The player waited ${length(lasted)}`);
  });
  on('stalled', (at) => log.moment(at, 'stalled', `no data comes; buffer ${length(bufferOf(video))}`, bufferOf(video) < LITTLE));
  on('pause', (at) => {
    if (!video.ended) log.moment(at, 'paused');
  });
  on('ended', (at) => {
    log.end(at);
    log.moment(at, 'ended');
  });
  return {
    /** Something new is to be played. */
    anew() {
      hasPlayed = false;
    },
  };
}
