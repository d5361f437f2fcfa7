// Whether the window follows the edge of a session that is being recorded: it does as long as the fragment names no window.

import { observable } from './core/data/observable.js';
import { spanOf } from './core/picture/axis.js';

/** @typedef {import('./core/types.js').Live} Live */

/** What is looked at elsewhere: where one of these is set, the window stays where it is. */
const LOOKS = /** @type {const} */ (['at', 'rev', 'with', 'x']);

/**
 * @param {import('./core/data/state.js').State} state
 * @param {import('./core/data/session.js').SessionStore} session
 * @returns {Live}
 */
export function createLive(state, session) {
  const read = () => session.get().recording && state.get().t === null;
  const following = observable(read());
  // Nothing is before the session, nor behind its edge.
  state.guard((changes) => {
    const { at } = changes;
    return at === undefined || at === null ? changes : { ...changes, at: Math.min(Math.max(at, 0), session.get().length_seconds) };
  });
  state.guard((changes) => {
    const looks = LOOKS.some((key) => changes[key] !== undefined && changes[key] !== null);
    if (!following.get() || 't' in changes || !looks) return changes;
    const { from, to } = spanOf(state.get(), session.get());
    return { t: from, w: to - from, ...changes };
  });
  state.subscribe(() => following.set(read()));
  session.subscribe(() => following.set(read()));
  return {
    follows: following.get,
    follow() {
      if (session.get().recording) state.set({ t: null, at: null }, { replace: true });
    },
    hold() {
      if (!following.get()) return;
      const { from, to } = spanOf(state.get(), session.get());
      state.set({ t: from, w: to - from }, { replace: true });
    },
    subscribe: following.subscribe,
  };
}
