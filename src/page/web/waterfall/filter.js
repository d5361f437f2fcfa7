// The box of the filter: what is typed is in the fragment, what is wrong is said by the server.

import { h, set, setText } from '../core/ui/dom.js';

/** After so long without a letter it is asked for, in milliseconds. */
const REST_MS = 300;

/** Those that are a button. */
const USUAL = ['fault', 'status>=400', 'kind:segment', 'slow>1', 'slow>5'];

/** The words of a filter. @param {string | null} filter */
export const wordsOf = (filter) => (filter ?? '').split(/\s+/).filter(Boolean);

/** With this word, or without it, where it was there. @param {string | null} filter @param {string} word */
export function toggled(filter, word) {
  const words = wordsOf(filter);
  return (words.includes(word) ? words.filter((one) => one !== word) : [...words, word]).join(' ') || null;
}

/**
 * @param {import('../types.js').Page} page
 * @param {() => void} leave  Goes to the rows.
 */
export function filterBox({ state, keys }, leave) {
  let timer = 0;
  const input = h('input', {
    type: 'search', class: 'wf-filter mono', id: 'filter', placeholder: 'status>=400 kind:segment slow>2', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false',
    'aria-describedby': 'filter-error', 'aria-keyshortcuts': '/',
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(apply, REST_MS);
    },
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter' || event.key === 'ArrowDown') {
        event.preventDefault();
        apply();
        if (event.key === 'ArrowDown') leave();
      } else if (event.key === 'Escape') {
        // What was typed stays; the browser would empty the box.
        event.preventDefault();
        apply();
        input.blur();
      }
    },
  });
  const apply = () => {
    clearTimeout(timer);
    const text = input.value.trim();
    state.set({ f: text === '' ? null : text }, { replace: true });
  };
  const usual = USUAL.map((word) => h('button', {
    type: 'button', class: 'chip mono', 'aria-pressed': 'false', onclick: () => state.set({ f: toggled(state.get().f, word) }),
  }, word));
  const help = h('details', { class: 'wf-help' }, h('summary', null, 'Words'));
  /** As high as there is room below it in the panel: the rest is scrolled to. */
  const fit = () => {
    const list = /** @type {HTMLElement | null} */ (help.querySelector('dl'));
    const panel = help.closest('.panel');
    if (list && panel) list.style.maxHeight = `${Math.max(panel.getBoundingClientRect().bottom - list.getBoundingClientRect().top - 4, 90)}px`;
  };
  addEventListener('resize', () => help.open && fit());
  help.addEventListener('toggle', async () => {
    if (!help.open) return;
    if (help.children.length > 1) {
      fit();
      return;
    }
    const { words } = await import('./words.js');
    if (help.children.length === 1) help.append(words());
    fit();
  });
  // It lies over the requests: a click elsewhere closes it, and so does Escape, wherever the focus is, before all else.
  addEventListener('pointerdown', ({ target }) => {
    if (help.open && target instanceof Node && !help.contains(target)) help.open = false;
  });
  addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !help.open) return;
    if (help.contains(document.activeElement)) help.querySelector('summary')?.focus();
    help.open = false;
    event.stopPropagation();
  }, { capture: true });
  const error = h('p', { class: 'trouble', id: 'filter-error', role: 'alert' });

  const show = () => {
    const { f } = state.get();
    if (document.activeElement !== input || input.value.trim() !== (f ?? '')) input.value = f ?? '';
    const words = wordsOf(f);
    usual.forEach((button, index) => set(button, { 'aria-pressed': String(words.includes(USUAL[index])) }));
  };
  state.subscribe((seen, before) => {
    if (seen.f !== before.f) show();
  });
  show();
  keys.add({ key: '/', label: 'Filter requests', group: 'Requests', run: () => {
    input.focus();
    input.select();
  } });
  return {
    element: h('span', { class: 'wf-tools' }, h('label', { for: 'filter', class: 'unseen' }, 'Filter of requests'), input, ...usual, help),
    error,
    /** @param {string | null} sentence */
    tell(sentence) {
      setText(error, sentence ?? '');
      set(input, { 'aria-invalid': sentence === null ? null : 'true' });
    },
  };
}
