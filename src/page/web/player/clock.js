// The clock that a player plays on: session time that runs on from a moment, without the clock of this machine being right.

import { fetchJson } from '../core/data/data.js';

/**
 * @typedef {object} Clock
 * @property {() => number} now  Session seconds.
 * @property {string} url        Of the stream on this clock.
 * @property {number} uncertain  So many seconds it may be wrong: how long the answer of the server was on its way.
 */

/**
 * @param {{ zero_ms: number, now_ms: number, url: string }} answer
 * @param {number} asked @param {number} came  `performance.now()`, which nobody sets back.
 * @param {() => number} [ticks]
 * @returns {Clock}
 */
export function clockOf({ zero_ms, now_ms, url }, asked, came, ticks = () => performance.now()) {
  const middle = (asked + came) / 2;
  return {
    now: () => (now_ms - zero_ms + ticks() - middle) / 1000,
    url: new URL(url, globalThis.document?.baseURI).href,
    uncertain: (came - asked) / 2000,
  };
}

/**
 * A clock on which it is `at` now.
 * @param {number} at @param {string} stream @param {import('./wanted.js').Faults} faults @param {AbortSignal} signal
 */
export async function clockAt(at, stream, faults, signal) {
  const asked = performance.now();
  const answer = await fetchJson('-/v1/clock', { at: at.toFixed(3), stream, faults: faults === 'as served' ? null : faults }, signal);
  return clockOf(answer, asked, performance.now());
}
