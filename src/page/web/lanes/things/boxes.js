// Segments and parts as boxes: in which row, until where, and how the request for each went. Pure.

/** @typedef {import('../../core/types.js').Listed} Listed */
/** @typedef {import('../types.js').Fate} Fate */
/** @typedef {import('../types.js').Box} Box */

/** @param {Listed} listed @returns {Fate} */
export function fateOf(listed) {
  if (listed.gap) return 'gap';
  if (listed.exchange === undefined) return listed.from === null ? 'earlier' : 'none';
  if (listed.fault) return listed.good ? 'recovered' : 'failed';
  if (listed.outcome !== 'complete' || (listed.status ?? 0) >= 400) return 'own';
  const { done, requested, from, to, duration } = listed;
  if (done === null || done === undefined || requested === undefined) return 'none';
  // Gone before it had come, or slower than it plays: no player can go on with that. What was announced is asked for earlier, and held.
  const begun = Math.max(requested, from ?? requested);
  return (to !== null && done > to) || done - begun > Math.max(duration, 0.1) ? 'late' : 'good';
}

/** When the last byte of it came, by whichever request; null: it did not. @param {Listed} listed */
export const doneOf = ({ done, good }) => good?.done ?? done ?? null;

/** @type {Record<Fate, string>} */
export const FATES = {
  good: 'good', failed: 'failed', recovered: 'failed at first, and good in the end', late: 'late', own: 'it failed, and not because of the origin', none: 'no request for it is known',
  earlier: 'asked for before what was read, if at all', gap: 'GAP: the playlist says that it is missing',
};

/**
 * @param {Listed[]} all @param {number} rows @param {{ from: number, to: number }} span Of which they are known.
 * @returns {Box[]}
 */
export function boxes(all, rows, span) {
  /** The box that was put last into each row. @type {(Box | undefined)[]} */
  const last = [];
  return all.map((listed, index) => {
    const row = (listed.part === undefined ? listed.sequence : index) % rows;
    // When it was listed is not known: by the time when it was asked for, at the latest.
    const latest = listed.requested ?? span.from;
    const from = listed.from ?? Math.min(latest, listed.to ?? latest);
    /** @type {Box} */
    const box = { listed, row, from, asked: listed.part === undefined ? from : Math.min(from, latest), to: Math.max(listed.to ?? span.to, from), begins: listed.from !== null, ends: listed.to !== null, fate: fateOf(listed) };
    const before = last[row];
    if (before && before.to > box.asked) {
      before.to = Math.max(box.asked, before.from);
      before.ends = false;
    }
    last[row] = box;
    return box;
  });
}
