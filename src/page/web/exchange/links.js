// Links to what else there is to see: fragments of this page, so that they can be opened beside it, and copied.

import { h } from '../core/ui/dom.js';
import { print } from '../core/data/state.js';

/**
 * @param {import('../core/data/state.js').State} state
 * @param {Partial<import('../core/data/state.js').Seen>} changes  What it shows.
 * @param {import('../core/ui/dom.js').Child | import('../core/ui/dom.js').Child[]} text
 * @param {import('../core/ui/dom.js').Props} [props]
 */
export function link(state, changes, text, props = {}) {
  return h('a', {
    href: `#${print({ ...state.get(), ...changes })}`,
    onclick: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      state.set(changes);
    },
    ...props,
  }, text);
}
