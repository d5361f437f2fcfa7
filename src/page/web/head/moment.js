// A moment that is typed: the window goes there.

import { h, set, setText } from '../core/ui/dom.js';

/** @param {import('../types.js').Page} page */
export function goTo(page) {
  const trouble = h('span', { class: 'trouble', id: 'no-moment', role: 'alert' });
  const input = h('input', { type: 'text', class: 'mono', size: 13, placeholder: 'h:mm:ss or UTC …Z', 'aria-label': 'Go to a moment: session time, or UTC with a Z', 'aria-describedby': 'no-moment', autocomplete: 'off', spellcheck: 'false' });
  const tell = (/** @type {string | null} */ wrong) => {
    setText(trouble, wrong ?? '');
    set(input, { 'aria-invalid': wrong !== null && 'true' });
  };
  const form = h('form', {
    class: 'go-to', role: 'search', 'aria-label': 'Moment',
    onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      const wrong = await import('./go-to.js').then(({ goToMoment }) => goToMoment(page, input.value), () => 'This part of the page could not be loaded');
      tell(wrong);
      if (wrong === null) input.value = '';
    },
  }, trouble, ' ', input);
  input.addEventListener('input', () => tell(null));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') input.blur();
  });
  return form;
}
