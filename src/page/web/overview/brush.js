// Hands on the overview: a window is drawn, moved, or made wider and narrower at its ends.

import { toPixel, toSeconds } from '../core/picture/axis.js';
import { turn } from '../core/picture/gestures.js';

/** Nearer than this to an end, in pixels: it is the end. */
const GRIP = 7;

/**
 * @param {HTMLElement} element
 * @param {import('../types.js').Page} page
 */
export function brush(element, page) {
  const { axis, session } = page;
  /** @type {{ kind: 'move' | 'from' | 'to' | 'new', x: number, span: import('../core/picture/axis.js').Span, moved: boolean } | null} */
  let drag = null;
  /** Fingers that are down. @type {Map<number, number>} */
  const down = new Map();
  const spread = () => {
    const [a, b] = [...down.values()];
    return Math.max(Math.abs(a - b), 10);
  };

  const whole = () => ({ from: 0, to: Math.max(session.get().length_seconds, 0.05) });
  /** @param {MouseEvent} event */
  const place = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, width: box.width };
  };
  /** @param {number} x @param {number} width */
  const kindAt = (x, width) => {
    const { from, to } = axis.get();
    const [left, right] = [toPixel(whole(), width, from), toPixel(whole(), width, to)];
    const grip = Math.min(GRIP, Math.max((right - left) / 4, 2));
    if (Math.abs(x - left) <= grip) return 'from';
    if (Math.abs(x - right) <= grip) return 'to';
    return x > left && x < right && right - left < width - 2 ? 'move' : 'new';
  };

  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const { x, width } = place(event);
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, x);
    drag = down.size > 1 ? null : { kind: kindAt(x, width), x, span: axis.get(), moved: false };
  });
  element.addEventListener('pointermove', (event) => {
    const { x, width } = place(event);
    const seconds = toSeconds(whole(), width, x);
    page.pointer.set(Math.min(Math.max(seconds, 0), whole().to));
    if (down.size > 1) {
      const before = spread();
      down.set(event.pointerId, x);
      axis.zoom(before / spread());
      return;
    }
    if (!drag) {
      const kind = kindAt(x, width);
      element.style.cursor = kind === 'move' ? 'grab' : kind === 'new' ? 'crosshair' : 'ew-resize';
      return;
    }
    if (Math.abs(x - drag.x) > 3) drag.moved = true;
    if (!drag.moved) return;
    const begun = toSeconds(whole(), width, drag.x);
    const { from, to } = drag.span;
    if (drag.kind === 'move') axis.show({ from: from + seconds - begun, to: to + seconds - begun });
    else if (drag.kind === 'new') axis.show({ from: Math.min(begun, seconds), to: Math.max(begun, seconds) });
    else if (drag.kind === 'from') axis.show({ from: Math.min(seconds, to), to: Math.max(seconds, to) });
    else axis.show({ from: Math.min(seconds, from), to: Math.max(seconds, from) });
  });
  element.addEventListener('pointerup', (event) => {
    // A click outside: the window goes there.
    if (drag && !drag.moved && drag.kind === 'new') {
      const { x, width } = place(event);
      const half = (axis.get().to - axis.get().from) / 2;
      const seconds = toSeconds(whole(), width, x);
      axis.show({ from: seconds - half, to: seconds + half });
    }
    end(event);
  });
  /** @param {PointerEvent} event */
  const end = (event) => {
    down.delete(event.pointerId);
    drag = null;
  };
  element.addEventListener('pointercancel', end);
  element.addEventListener('pointerleave', () => page.pointer.set(null));
  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { from, to } = axis.get();
    const { x, width } = place(event);
    const pointed = toSeconds(whole(), width, x);
    turn(event, axis, width, pointed > from && pointed < to ? pointed : (from + to) / 2);
  }, { passive: false });
}
