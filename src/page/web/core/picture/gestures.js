// Wheel, pinch and drag on a picture that has the axis.

import { toSeconds } from './axis.js';

/** So many pixels are still a click. */
const STILL = 4;

/**
 * @typedef {object} Hands
 * @property {(at: { x: number, y: number, seconds: number } | null) => void} [hover]  Null: the pointer has left.
 * @property {(at: { x: number, y: number, seconds: number }) => void} [click]
 */

/** Of how far a wheel was turned: a factor of the width. @param {WheelEvent} event */
function factorOf(event) {
  // Lines, pages: browsers differ. A pinch on a touchpad is a wheel with ctrl, of small steps.
  const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
  return Math.exp(Math.max(-1, Math.min(1, pixels * (event.ctrlKey ? 0.01 : 0.0025))));
}

/**
 * A wheel that is turned: sideways, or with shift, the window moves; else it is zoomed.
 * @param {WheelEvent} event @param {import('./axis.js').Axis} axis @param {number} width Of the picture, in pixels. @param {number} around Seconds.
 */
export function turn(event, axis, width, around) {
  const { from, to } = axis.get();
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) axis.pan(((event.deltaX || event.deltaY) / width) * (to - from));
  else axis.zoom(factorOf(event), around);
}

/**
 * @param {HTMLElement} element As wide as the axis.
 * @param {import('./axis.js').Axis} axis
 * @param {Hands} hands
 */
export function gestures(element, axis, { hover, click }) {
  /** Pointers that are down. @type {Map<number, { x: number, y: number }>} */
  const down = new Map();
  let moved = 0;
  let box = element.getBoundingClientRect();

  /** @param {{ clientX: number, clientY: number }} event */
  const place = (event) => {
    const x = event.clientX - box.left;
    return { x, y: event.clientY - box.top, seconds: toSeconds(axis.get(), box.width, x) };
  };
  const middle = () => {
    const all = [...down.values()];
    const x = all.reduce((sum, one) => sum + one.x, 0) / all.length;
    const spread = all.length > 1 ? Math.max(Math.abs(all[0].x - all[1].x), 10) : 0;
    return { x, spread };
  };

  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    box = element.getBoundingClientRect();
    turn(event, axis, box.width, place(event).seconds);
  }, { passive: false });

  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    box = element.getBoundingClientRect();
    element.setPointerCapture(event.pointerId);
    if (down.size === 0) moved = 0;
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });

  element.addEventListener('pointermove', (event) => {
    const before = down.get(event.pointerId);
    if (!before) {
      box = element.getBoundingClientRect();
      hover?.(place(event));
      return;
    }
    const was = middle();
    moved = Math.max(moved, moved + Math.abs(event.clientX - before.x));
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (moved <= STILL) return;
    const is = middle();
    const { from, to } = axis.get();
    const anchor = from + ((was.x - box.left) / box.width) * (to - from);
    const width = (to - from) * (is.spread && was.spread ? was.spread / is.spread : 1);
    const begin = anchor - ((is.x - box.left) / box.width) * width;
    axis.show({ from: begin, to: begin + width });
    element.classList.add('dragged');
  });

  /** @param {PointerEvent} event */
  const up = (event) => {
    if (!down.delete(event.pointerId)) return;
    if (down.size === 0) element.classList.remove('dragged');
    if (event.type === 'pointerup' && moved <= STILL && down.size === 0) click?.(place(event));
  };
  element.addEventListener('pointerup', up);
  element.addEventListener('pointercancel', up);
  element.addEventListener('pointerleave', () => hover?.(null));
}
