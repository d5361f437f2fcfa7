// Mouse and keys on the rows of the waterfall.

import { toSeconds } from '../core/picture/axis.js';
import { turn } from '../core/picture/gestures.js';
import { showTip } from '../core/ui/tip.js';
import { linesOf } from './bars.js';

/** @typedef {import('../exchange/types.js').Exchange} Exchange */

/**
 * @param {HTMLElement} scroller
 * @param {import('../types.js').Page} page
 * @param {{ byId: (id: number) => Exchange | undefined, axisBox: () => DOMRect, open: (one: Exchange) => void }} grid
 */
export function mouse(scroller, page, { byId, axisBox, open }) {
  /** @param {EventTarget | null} target */
  const under = (target) => {
    const row = target instanceof Element ? target.closest('[data-id]') : null;
    return row ? byId(Number(row.getAttribute('data-id'))) : undefined;
  };
  scroller.addEventListener('click', (event) => {
    // Who selects text of it wants the text.
    if (getSelection()?.type === 'Range' && scroller.contains(getSelection()?.anchorNode ?? null)) return;
    const one = under(event.target);
    if (one) open(one);
  });
  scroller.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'touch') return;
    const box = axisBox();
    const x = event.clientX - box.left;
    page.pointer.set(x >= 0 && x <= box.width ? toSeconds(page.axis.get(), box.width, x) : null);
    const one = under(event.target);
    showTip(one ? linesOf(one) : null, event.clientX, event.clientY);
  });
  scroller.addEventListener('pointerleave', () => {
    page.pointer.set(null);
    showTip(null);
  });
  scroller.addEventListener('wheel', (event) => {
    showTip(null);
    if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    const box = axisBox();
    turn(event, page.axis, box.width, toSeconds(page.axis.get(), box.width, event.clientX - box.left));
  }, { passive: false });
}

/**
 * @param {HTMLElement} grid
 * @param {{ current: () => number, count: () => number, page: () => number, go: (index: number) => void, first: () => void, open: () => void, close: () => void }} rows
 */
export function rowKeys(grid, { current, count, page, go, first, open, close }) {
  /** @type {Record<string, () => void>} */
  const does = {
    ArrowDown: () => go(current() + 1),
    ArrowUp: () => go(current() - 1),
    PageDown: () => go(current() + page()),
    PageUp: () => go(current() - page()),
    Home: first,
    End: () => go(count() - 1),
    Enter: open,
    ' ': open,
    Escape: close,
  };
  grid.addEventListener('keydown', (event) => {
    const run = does[event.key];
    if (!run || event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element) || !event.target.closest('[role=row]')) return;
    event.preventDefault();
    run();
  });
}
