// Lines of moments over the bars: pointer, what was set, and the play heads.

import { h } from '../core/ui/dom.js';

/** @param {import('../types.js').Page} page @param {() => number} width Of the axis, in pixels. */
export function lines({ axis, pointer, playhead, state }, width) {
  const all = {
    pointer: h('i', { class: 'pointer' }),
    at: h('i', { class: 'at' }),
    clock: h('i', { class: 'clock' }),
    picture: h('i', { class: 'picture-head' }),
  };
  const element = h('div', { class: 'wf-lines time-row', 'aria-hidden': 'true' }, h('span'), h('div', { class: 'wf-axis' }, Object.values(all)));
  const draw = () => {
    const { from, to } = axis.get();
    const moments = { pointer: pointer.get(), at: state.get().at, ...playhead.get() };
    for (const [key, line] of Object.entries(all)) {
      const at = moments[/** @type {keyof typeof all} */ (key)] ?? null;
      line.hidden = at === null || at < from || at > to;
      if (at !== null) line.style.transform = `translateX(${(((at - from) / (to - from)) * width()).toFixed(1)}px)`;
    }
  };
  for (const one of [pointer, playhead]) one.subscribe(draw);
  state.subscribe(draw);
  return { element, draw };
}
