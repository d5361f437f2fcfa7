// How it is played: by what, which stream, and whether recorded faults are answers.

import { fill, h } from '../core/dom.js';

/** @param {string} label @param {[string, string][]} options @param {() => void} changed */
function choice(label, options, changed) {
  const select = h('select', { onchange: changed, 'aria-label': label }, options.map(([value, text]) => h('option', { value }, text)));
  return { select, element: h('label', { class: 'player-choice' }, h('span', { class: 'quiet' }, label), select) };
}

/** @param {string} text */
function box(text) {
  const input = h('input', { type: 'checkbox' });
  return { input, element: h('label', { class: 'player-box' }, input, text) };
}

/** @param {import('../main.js').Page} page @param {() => void} changed */
export function choices({ session, state }, changed) {
  const faults = choice('Faults', [['as served', 'as served'], ['recorded', 'recorded'], ['none', 'none: healed']], changed);
  const feed = choice('Played by', session.get().hls_js ? [['hls.js', 'hls.js'], ['native', 'the browser']] : [['native', 'the browser']], changed);
  const stream = choice('Stream', [], changed);
  const seeks = box('A click in a lane seeks');
  seeks.input.checked = true;
  const follows = box('The window follows');
  let known = '';
  const arrange = () => {
    const names = session.get().streams.map(({ name }) => name);
    if (names.join('\n') !== known) {
      known = names.join('\n');
      const { value } = stream.select;
      fill(stream.select, names.map((name) => h('option', { value: name }, name)));
      stream.select.value = names.includes(value) ? value : names[0];
      stream.element.hidden = names.length < 2;
    }
  };
  session.subscribe(arrange);
  arrange();
  const choose = () => {
    const { s, r } = state.get();
    const name = s ?? session.lane(r)?.stream;
    if (name && session.get().streams.some((one) => one.name === name)) stream.select.value = name;
  };
  feed.element.hidden = !session.get().hls_js;
  return {
    element: h('div', { class: 'player-choices' }, stream.element, feed.element, faults.element, seeks.element, follows.element),
    /** The stream of what is seen now. */
    choose,
    /** @returns {import('./playback.js').Wanted} */
    wanted: () => ({
      stream: stream.select.value,
      faults: /** @type {import('./clock.js').Faults} */ (faults.select.value),
      feed: /** @type {import('./playback.js').Feed} */ (feed.select.value),
    }),
    seeks: () => seeks.input.checked,
    follows: () => follows.input.checked,
  };
}
