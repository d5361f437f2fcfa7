// A moment that was typed: the window goes there, or why not.

import { sessionTime } from '../core/data/times.js';
import { parseTime } from './parse-time.js';

/** @param {import('../types.js').Page} page @param {string} text @returns {string | null} What is wrong with it; null: it is gone to. */
export function goToMoment({ session, state, axis }, text) {
  const at = parseTime(text, session.zeroMs());
  const end = session.get().length_seconds;
  if (at === null) return `“${text.trim().slice(0, 20)}” is no moment; moments are 734.2, 12:14.2, 0:12:14 or 14:38:30Z`;
  if (at < 0 || at > end + 0.001) return `Not in the session: it is ${sessionTime(end, 0)} long`;
  const { from, to } = axis.get();
  state.set({ at, rev: null, with: null });
  axis.show({ from: at - (to - from) / 2, to: at + (to - from) / 2 });
  return null;
}
