// Keys in a lane: arrows go from thing to thing, Enter opens it.

import { showTip } from '../core/tip.js';
import { opens } from './row.js';

/** @typedef {import('./types.js').Thing} Thing */

/**
 * @param {HTMLElement} element
 * @param {import('../types.js').Page} page
 * @param {{ lane: string, things: () => Thing[], current: () => Thing | null, become: (thing: Thing | null) => void }} row
 */
export function keysOf(element, page, { lane, things, current, become }) {
  /** @param {Thing | undefined} thing */
  const go = (thing) => {
    if (!thing) return;
    page.live.hold();
    become(thing);
    page.axis.reveal(thing.at);
  };
  /** @param {1 | -1} step */
  const next = (step) => {
    const all = things();
    const now = current();
    const { from, to } = page.axis.get();
    const index = now ? all.indexOf(now) : -1;
    // It was in answers of before: from its moment on.
    const begin = index >= 0 ? index + step : step > 0 ? all.findIndex(({ at }) => at >= (now?.at ?? from)) : all.findLastIndex(({ at }) => at <= (now?.at ?? to));
    const thing = begin >= 0 ? all[begin] : undefined;
    if (!thing) {
      // What is beyond is asked for when the window is there.
      page.axis.pan(((to - from) / 2) * step);
      return;
    }
    go(thing);
  };
  /** @param {1 | -1} step */
  const neighbour = (step) => {
    const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.lane .hands')]);
    all[all.indexOf(element) + step]?.focus();
  };
  /** @type {Record<string, () => void>} */
  const does = {
    ArrowRight: () => next(1),
    ArrowLeft: () => next(-1),
    ArrowDown: () => neighbour(1),
    ArrowUp: () => neighbour(-1),
    Home: () => go(things()[0]),
    End: () => go(things().at(-1)),
    PageUp: () => page.axis.pan((page.axis.get().from - page.axis.get().to) * 0.8),
    PageDown: () => page.axis.pan((page.axis.get().to - page.axis.get().from) * 0.8),
    Enter: () => {
      const thing = current();
      if (thing) page.state.set(opens(thing, lane, thing.at));
    },
    Escape: () => become(null),
  };
  element.addEventListener('keydown', (event) => {
    const run = does[event.key];
    if (!run || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    run();
  });
  element.addEventListener('blur', () => showTip(null));
}
