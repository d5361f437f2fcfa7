// What the server knows of the session, and how it grows while it is recorded.

import { fetchJson } from './data.js';
import { countFrom, zeroOf } from './times.js';

/** How often a session that is being recorded is looked at, in milliseconds. */
const EACH_MS = 1000;

/** @typedef {import('../types.js').SessionStore} SessionStore */

/** What does not change from second to second is compared as text. @param {unknown} value */
const text = (value) => JSON.stringify(value);

/**
 * Loads the session; it throws where that fails.
 * @returns {Promise<SessionStore>}
 */
export async function loadSession() {
  /** @type {import('../types.js').Session} */
  let session = await fetchJson('-/v1/session');
  countFrom(session.recorded);
  /** @type {Set<(session: import('../types.js').Session) => void>} */
  const all = new Set();
  /** @type {Set<(sentence: string | null) => void>} */
  const inTrouble = new Set();
  let wasInTrouble = false;

  /** @param {string | null} sentence */
  const tellTrouble = (sentence) => {
    if (sentence === null && !wasInTrouble) return;
    wasInTrouble = sentence !== null;
    for (const told of [...inTrouble]) told(sentence);
  };

  const look = async () => {
    // Nobody sees it: it is looked at when somebody does.
    if (document.hidden) return;
    try {
      const next = await fetchJson('-/v1/session');
      tellTrouble(null);
      if (text(next) === text(session)) return;
      session = next;
      for (const told of [...all]) told(session);
    } catch (error) {
      tellTrouble(error instanceof Error ? error.message : String(error));
    }
  };

  const go = async () => {
    await look();
    if (session.recording) setTimeout(go, EACH_MS);
  };
  if (session.recording) setTimeout(go, EACH_MS);
  document.addEventListener('visibilitychange', () => {
    if (session.recording) void look();
  });

  return {
    get: () => session,
    subscribe(told) {
      all.add(told);
      return () => all.delete(told);
    },
    trouble(told) {
      inTrouble.add(told);
      return () => inTrouble.delete(told);
    },
    zeroMs: () => zeroOf(session.recorded),
    lane: (id) => session.lanes.find((lane) => lane.id === id) ?? null,
  };
}
