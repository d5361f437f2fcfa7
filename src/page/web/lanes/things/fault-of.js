// Of a gap: the first request of its playlist that had no good answer meanwhile.

import { fetchJson } from '../../core/data/data.js';

/** @param {string} lane @param {import('./gaps.js').Wait} wait @returns {Promise<number | null>} Its exchange; null: all were good. */
export async function faultOf(lane, { from, to }) {
  /** @type {number | null} */
  let after = 0;
  // Others may have many faults at that time.
  for (let page = 0; page < 4 && after !== null; page += 1) {
    /** @type {{ exchanges: import('../../exchange/types.js').Exchange[], next: number | null }} */
    const came = await fetchJson('-/v1/exchanges', { from: from.toFixed(6), to: to.toFixed(6), filter: lane.startsWith('p') ? 'fault kind:media' : 'fault', after, limit: 1000 });
    const found = came.exchanges.find((one) => one.lane === lane);
    if (found) return found.id;
    after = came.next;
  }
  return null;
}
