// When multivariant playlists changed: mostly that is seldom, and all of it is asked for at once; else what is seen of it.

import { fetchJson } from '../core/data.js';

/** @typedef {{ exchange: number, at: number }} Change */

/** While it is recorded they are asked for so often, in milliseconds. */
const EACH_MS = 15_000;
/** Of so many multivariant playlists. */
const MOST = 50;
/** So many changes of one at once. */
const LIMIT = 500;

/** @param {import('../main.js').Page} page @param {() => void} told */
export function changesOf({ session, axis }, told) {
  /** @type {Map<string, Change[]>} */
  const known = new Map();
  /** Lanes that changed more often than can be asked for at once. @type {Set<string>} */
  const many = new Set();
  const mains = () => session.get().lanes.filter(({ kind }) => kind === 'main').slice(0, MOST).map(({ id }) => id);

  /** @param {string} id @param {import('../core/data.js').Params} span */
  const load = async (id, span) => {
    try {
      const { revisions, next } = await fetchJson(`-/v1/playlists/${encodeURIComponent(id)}/revisions`, { ...span, limit: LIMIT });
      known.set(id, revisions);
      return next !== null;
    } catch {
      // Its lane stays as it is; the panel of playlists says why.
      return false;
    }
  };
  const seen = async () => {
    const { from, to } = axis.get();
    await Promise.all([...many].map((id) => load(id, { from, to })));
    if (many.size) told();
  };
  const ask = async () => {
    for (const id of mains()) if (!many.has(id) && (await load(id, {}))) many.add(id);
    if (many.size) await seen();
    else if (known.size) told();
    if (session.get().recording) setTimeout(ask, EACH_MS);
  };
  axis.settled(() => void seen());
  queueMicrotask(ask);
  return (/** @type {string} */ id) => known.get(id) ?? [];
}
