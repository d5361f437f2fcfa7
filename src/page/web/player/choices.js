// How it is played: by what, which stream, and whether recorded faults are answers. It is in the fragment.

import { fill, h } from '../core/ui/dom.js';
import { wantedOf } from './wanted.js';

/** @typedef {{ seeks: boolean, follows: boolean }} Hands  What a click in a lane does, and the window. */

/** @param {string} label @param {[string, string][]} options @param {(value: string) => void} changed */
function choice(label, options, changed) {
  const select = h('select', { onchange: () => changed(select.value), 'aria-label': label }, options.map(([value, text]) => h('option', { value }, text)));
  return { select, element: h('label', { class: 'player-choice' }, h('span', { class: 'quiet' }, label), select) };
}

/** @param {string} text @param {boolean} isOn @param {(isOn: boolean) => void} changed */
function box(text, isOn, changed) {
  const input = h('input', { type: 'checkbox', onchange: () => changed(input.checked) });
  input.checked = isOn;
  return h('label', { class: 'player-box' }, input, text);
}

/** @param {import('../types.js').Page} page @param {Hands} hands It is changed. */
export function choices(page, hands) {
  const { session, state } = page;
  const choose = (/** @type {Partial<import('../core/data/state.js').Seen>} */ changes) => state.set(changes, { replace: true });
  const faults = choice('Faults', [['as served', 'as served'], ['recorded', 'recorded'], ['none', 'none: healed']], (value) => choose({ faults: value === 'as served' ? null : value }));
  const feed = choice('Played by', [['hls.js', 'hls.js'], ['native', 'the browser']], (value) => choose({ feed: value === 'hls.js' ? null : value }));
  const stream = choice('Stream', [], (value) => choose({ stream: value || null }));
  let known = '';
  const show = () => {
    const { streams, hls_js } = session.get();
    const names = streams.map(({ name }) => name);
    if (names.join('\n') !== known) {
      known = names.join('\n');
      fill(stream.select, h('option', { value: '' }, 'of the chosen lane'), names.map((name) => h('option', { value: name }, name)));
    }
    const wanted = wantedOf(page);
    const chosen = state.get().stream;
    stream.select.value = chosen !== null && names.includes(chosen) ? chosen : '';
    stream.element.hidden = names.length < 2;
    feed.select.value = wanted.feed;
    feed.element.hidden = !hls_js;
    faults.select.value = wanted.faults;
  };
  session.subscribe(show);
  state.subscribe(show);
  show();
  return h('div', { class: 'player-choices' }, stream.element, feed.element, faults.element,
    box('A click in a lane seeks', hands.seeks, (isOn) => {
      hands.seeks = isOn;
    }),
    box('The window follows', hands.follows, (isOn) => {
      hands.follows = isOn;
    }));
}
