// A picture: a canvas as large as its place, drawn once a frame at most, and only while it is on the screen.

import { onColours } from './colours.js';
import { h } from '../ui/dom.js';

/**
 * @typedef {object} Picture
 * @property {HTMLCanvasElement} element
 * @property {() => void} redraw  In the next frame.
 * @property {() => { width: number, height: number }} size  In CSS pixels.
 */

/**
 * @param {string} label What it is, for who does not see it.
 * @param {(context: CanvasRenderingContext2D, width: number, height: number) => void} draw  In CSS pixels; it is empty before.
 * @returns {Picture}
 */
export function picture(label, draw) {
  const element = h('canvas', { class: 'picture', role: 'img', 'aria-label': label });
  const context = /** @type {CanvasRenderingContext2D} */ (element.getContext('2d'));
  let width = 0;
  let height = 0;
  let isSeen = false;
  let isDue = false;

  const frame = () => {
    isDue = false;
    if (!isSeen || width === 0 || height === 0) return;
    const scale = devicePixelRatio || 1;
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (element.width !== across || element.height !== down) {
      element.width = across;
      element.height = down;
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  };
  const redraw = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(frame);
  };

  new ResizeObserver(([entry]) => {
    ({ width, height } = entry.contentRect);
    redraw();
  }).observe(element);
  new IntersectionObserver(([entry]) => {
    isSeen = entry.isIntersecting;
    if (isSeen) redraw();
  }).observe(element);
  onColours(redraw);
  return { element, redraw, size: () => ({ width, height }) };
}
