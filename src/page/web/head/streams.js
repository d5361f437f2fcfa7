// Which streams there are; one of them can be looked at alone.

import { fill, h, set } from '../core/ui/dom.js';

/** So many have a button each; of more one is chosen in a list. */
const BUTTONS = 4;

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function streams(element, { session, state }) {
  let known = '';

  const arrange = () => {
    const names = session.get().streams.map(({ name }) => name);
    const text = JSON.stringify(names);
    if (text === known) return;
    known = text;
    element.hidden = names.length < 2;
    fill(element, names.length > BUTTONS ? choice(names) : [null, ...names].map(button));
    mark();
  };
  const choose = (/** @type {string | null} */ name) => state.set({ s: name, r: null });
  const button = (/** @type {string | null} */ name) =>
    h('button', { type: 'button', 'data-stream': name ?? '', onclick: () => choose(state.get().s === name ? null : name) }, name ?? 'All streams');
  const choice = (/** @type {string[]} */ names) =>
    h('select', { 'aria-label': 'Stream', onchange: (/** @type {Event} */ event) => choose(/** @type {HTMLSelectElement} */ (event.target).value || null) },
      h('option', { value: '' }, `All ${names.length} streams`), names.map((name) => h('option', { value: name }, name)));
  const mark = () => {
    const { s } = state.get();
    for (const one of element.querySelectorAll('button')) set(one, { 'aria-pressed': String((one.dataset.stream || null) === s) });
    const select = element.querySelector('select');
    if (select) select.value = s ?? '';
  };
  session.subscribe(arrange);
  state.subscribe(mark);
  arrange();
}
