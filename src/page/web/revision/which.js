// Which revision is meant by what is seen, and what is known of it beside its text.

import { DataError } from '../core/data.js';
import { source } from './source.js';

/**
 * @typedef {import('../exchange/types.js').Revision} Revision
 * @typedef {{ text: import('./source.js').Source, facts: Revision | null, note: string | null }} Found
 * @typedef {(path: string, params?: import('../core/data.js').Params) => Promise<any>} Load  Null: something newer is asked for.
 */

/** Moments are told to the microsecond. */
const LEAST = 0.000001;

/**
 * @param {Readonly<import('../core/state.js').Seen>} seen
 * @param {number} otherwise  The moment, where no pointer is set.
 * @param {Load} load
 * @returns {Promise<Found | 'none' | null>} 'none': no playlist is chosen, or it has no text; null: something newer is asked for.
 */
export async function which({ rev, r, at }, otherwise, load) {
  if (rev !== null) return (await byId(rev, load)) ?? byMoment(rev, load);
  if (r === null || !r.startsWith('p')) return 'none';
  const came = await load(`-/v1/playlists/${encodeURIComponent(r)}/revisions`, { at: at ?? otherwise });
  if (came === null) return null;
  const [facts] = came.revisions;
  if (!facts) return 'none';
  const isLater = at !== null && facts.at > at + LEAST;
  return { text: await source(facts.exchange), facts, note: isLater ? 'There was no text yet at the pointer: this is the first one.' : null };
}

/** Null: it brought no text. @param {number} exchange @param {Load} load @returns {Promise<Found | null>} */
async function byId(exchange, load) {
  let text;
  try {
    text = await source(exchange);
  } catch (error) {
    if (error instanceof DataError && error.status === 404) return null;
    throw error;
  }
  const { lane, at } = text.head;
  const came = await load(`-/v1/playlists/${encodeURIComponent(lane)}/revisions`, { from: (at - LEAST).toFixed(6), to: (at + LEAST).toFixed(6) });
  /** @type {Revision[]} */
  const all = came?.revisions ?? [];
  return { text, facts: all.find((one) => one.exchange === exchange) ?? null, note: null };
}

/**
 * An exchange that brought no text: the one that was the answer then.
 * @param {number} exchange @param {Load} load @returns {Promise<Found | 'none' | null>}
 */
async function byMoment(exchange, load) {
  const one = await load(`-/v1/exchanges/${exchange}`);
  if (one === null) return null;
  if (one.lane === null) return 'none';
  const came = await load(`-/v1/playlists/${encodeURIComponent(one.lane)}/revisions`, { at: one.at + (one.wait ?? one.failed ?? 0) });
  if (came === null) return null;
  const [facts] = came.revisions;
  if (!facts) return 'none';
  return { text: await source(facts.exchange), facts, note: `Exchange ${exchange} brought no new text: this is the one that was the answer then.` };
}
