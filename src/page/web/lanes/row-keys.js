// Keys in a lane: arrows go from thing to thing, Enter opens it.

/** @typedef {import('./types.js').Thing} Thing */

/** A moment in a link is right to this, in seconds. */
const SAME = 0.0006;

/**
 * @param {HTMLElement} element
 * @param {import('../types.js').Page} page
 * @param {import('./types.js').KeyRow} row
 * @returns {(key: string) => void}
 */
export function keysOf(element, page, { things, current, become, open }) {
  /** The moment that was chosen when they went to a thing: after another one has been chosen they begin there. */
  let chosen = page.state.get().at;
  /** @param {Thing | undefined} thing */
  const go = (thing) => {
    if (!thing) return;
    page.live.hold();
    become(thing);
    chosen = page.state.get().at;
    page.axis.reveal(thing.at);
  };
  /** @param {1 | -1} step */
  const next = (step) => {
    const all = things();
    const { at: moment } = page.state.get();
    const now = moment === chosen || moment === null ? current() : null;
    const { from, to } = page.axis.get();
    const index = now ? all.indexOf(now) : -1;
    const isSeen = moment !== null && moment >= from && moment <= to;
    // It was in answers of before: from its moment on.
    const start = now?.at ?? (isSeen ? moment : step > 0 ? from : to);
    const begin = index >= 0 ? index + step : step > 0 ? all.findIndex(({ at }) => at >= start - SAME) : all.findLastIndex(({ at }) => at <= start + SAME);
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
      if (!thing) return;
      open(thing);
      chosen = page.state.get().at;
    },
    Escape: () => become(null),
  };
  return (key) => does[key]?.();
}
