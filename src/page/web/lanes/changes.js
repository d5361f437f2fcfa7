// When multivariant playlists changed: they do so seldom, and all of it is asked for at once.

import { fetchJson } from '../core/data.js';

/** While it is recorded they are asked for so often, in milliseconds. */
const EACH_MS = 15_000;
/** Of so many multivariant playlists. */
const MOST = 50;

/** @param {import('../main.js').Page} page @param {() => void} told */
export function changesOf({ session }, told) {
  /** @type {Map<string, { exchange: number, at: number }[]>} */
  const known = new Map();
  const ask = async () => {
    // More of them are not looked at all at once.
    const mains = session.get().lanes.filter(({ kind }) => kind === 'main').slice(0, MOST);
    for (const { id } of mains) {
      try {
        const { revisions } = await fetchJson(`-/v1/playlists/${encodeURIComponent(id)}/revisions`, { limit: 200 });
        known.set(id, revisions.map((/** @type {{ exchange: number, at: number | { session_time: number } }} */ { exchange, at }) => ({ exchange, at: typeof at === 'number' ? at : at.session_time })));
      } catch {
        // Its lane stays empty; the panel of playlists says why.
      }
    }
    if (mains.length) told();
    if (session.get().recording) setTimeout(ask, EACH_MS);
  };
  queueMicrotask(ask);
  return (/** @type {string} */ id) => known.get(id) ?? [];
}
