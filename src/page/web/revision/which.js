// Which revision is meant by what is seen.

import { DataError } from '../core/data/data.js';
import { source } from './source.js';

/**
 * @typedef {{ text: import('./source.js').Source, note: string | null }} Found
 * @typedef {(path: string, params?: import('../core/data/data.js').Params) => Promise<any>} Load  Null: something newer is asked for.
 */

/** Moments are told to the microsecond. */
const LEAST = 0.000001;

/**
 * @param {Readonly<import('../core/data/state.js').Seen>} seen
 * @param {number} otherwise  The moment, where no pointer is set.
 * @param {Load} load
 * @returns {Promise<Found | 'none' | null>} 'none': no playlist is chosen, or it has no text; null: something newer is asked for.
 */
export async function which({ rev, r, at }, otherwise, load) {
  if (rev !== null) return (await byId(rev)) ?? byMoment(rev, load);
  if (r === null || !r.startsWith('p')) return 'none';
  const came = await load(`-/v1/playlists/${encodeURIComponent(r)}/revisions`, { at: at ?? otherwise });
  if (came === null) return null;
  const [facts] = came.revisions;
  if (!facts) return 'none';
  const isLater = at !== null && facts.at > at + LEAST;
  return { text: await source(facts.exchange), note: isLater ? 'There was no text yet at the pointer: this is the first one.' : null };
}

/** Null: it brought no text. @param {number} exchange @returns {Promise<Found | null>} */
async function byId(exchange) {
  try {
    return { text: await source(exchange), note: null };
  } catch (error) {
    if (error instanceof DataError && error.status === 404) return null;
    throw error;
  }
}

/**
 * An exchange that brought no text: the one that was the answer then.
 * @param {number} exchange @param {Load} load @returns {Promise<Found | 'none' | null>}
 */
async function byMoment(exchange, load) {
  const one = await load(`-/v1/exchanges/${exchange}`);
  if (one === null) return null;
  // Of a raw stream there is no text.
  if (!one.lane?.startsWith('p')) return 'none';
  const came = await load(`-/v1/playlists/${encodeURIComponent(one.lane)}/revisions`, { at: one.at + (one.wait ?? one.failed ?? 0) });
  if (came === null) return null;
  const [facts] = came.revisions;
  if (!facts) return 'none';
  return { text: await source(facts.exchange), note: `Exchange ${exchange} brought no new text: this is the one that was the answer then.` };
}
