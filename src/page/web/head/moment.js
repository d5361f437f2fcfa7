// A moment that is typed: the window goes there.

import { h, set } from '../core/dom.js';

/** @param {import('../types.js').Page} page */
export function goTo({ session, state, axis, say }) {
  const input = h('input', { type: 'text', class: 'mono', size: 13, placeholder: 'h:mm:ss or UTC …Z', 'aria-label': 'Go to a moment: session time, or UTC with a Z', autocomplete: 'off', spellcheck: 'false' });
  const form = h('form', {
    class: 'go-to', role: 'search', 'aria-label': 'Moment',
    onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      const { parseTime } = await import('./parse-time.js');
      const at = parseTime(input.value, session.zeroMs());
      const isInside = at !== null && at >= 0 && at <= session.get().length_seconds + 0.001;
      set(input, { 'aria-invalid': !isInside && 'true' });
      if (!isInside || at === null) {
        say(at === null ? 'That is no time' : 'That is not in the session');
        return;
      }
      state.set({ at, rev: null, with: null });
      axis.reveal(at);
      input.value = '';
    },
  }, input);
  input.addEventListener('input', () => set(input, { 'aria-invalid': false }));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') input.blur();
  });
  return form;
}
