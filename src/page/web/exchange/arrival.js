// How a body came: bytes over the seconds after its first byte.

import { picture } from '../core/picture/canvas.js';
import { colours } from '../core/picture/colours.js';
import { disclosure } from '../core/ui/disclosure.js';
import { h } from '../core/ui/dom.js';
import { length, size } from '../core/data/times.js';

/** @typedef {import('./types.js').OpenExchange} OpenExchange */

/**
 * Its points with the beginning and the end that are not among them. Pure.
 * @param {[number, number][]} points @param {number} receive @param {number} bytes
 * @returns {[number, number][]}
 */
export function curveOf(points, receive, bytes) {
  const all = /** @type {[number, number][]} */ (points.some(([at]) => at === 0) ? [...points] : [[0, 0], ...points]);
  const last = all[all.length - 1];
  if (last[0] < receive || last[1] < bytes) all.push([Math.max(receive, last[0]), Math.max(bytes, last[1])]);
  return all;
}

/** The longest time in which nothing came, in seconds. @param {[number, number][]} curve */
export const longestPause = (curve) => curve.slice(1).reduce((most, [at], index) => Math.max(most, at - curve[index][0]), 0);

/** Null: it came at once. @param {OpenExchange} one @returns {HTMLElement | null} */
export function arrival({ arrival, receive, bytes, announced_bytes }) {
  if (!arrival || arrival.length === 0 || receive === null) return null;
  const curve = curveOf(arrival, receive, bytes ?? 0);
  const seconds = Math.max(curve[curve.length - 1][0], 1e-6);
  const most = Math.max(announced_bytes ?? 0, curve[curve.length - 1][1], 1);
  const told = `${size(bytes)} in ${length(receive)}, ${size(Math.round((bytes ?? 0) / seconds))}/s, longest pause ${length(longestPause(curve))}`;
  const image = picture(`How the body came: ${told}`, (context, width, height) => {
    const paint = colours();
    const x = (/** @type {number} */ at) => 1 + (at / seconds) * (width - 2);
    const y = (/** @type {number} */ count) => height - 2 - (count / most) * (height - 16);
    context.beginPath();
    context.moveTo(x(0), y(0));
    for (const [at, count] of curve) context.lineTo(x(at), y(count));
    context.strokeStyle = paint.receive;
    context.lineWidth = 1.5;
    context.stroke();
    context.lineTo(x(seconds), y(0));
    context.closePath();
    context.globalAlpha = 0.2;
    context.fillStyle = paint.receive;
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = paint.quiet;
    context.font = `11px ${paint.font}`;
    context.fillText(size(most), 3, 11);
    const end = length(seconds);
    context.fillText(end, width - context.measureText(end).width - 3, height - 5);
    if (announced_bytes === null || announced_bytes <= (bytes ?? 0)) return;
    context.strokeStyle = paint.bad;
    context.setLineDash([4, 3]);
    context.beginPath();
    context.moveTo(x(0), y(announced_bytes));
    context.lineTo(x(seconds), y(announced_bytes));
    context.stroke();
    context.setLineDash([]);
  });
  const { button, body } = disclosure('how the body came', () => [h('table', null,
    h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'After the first byte'), h('th', { scope: 'col' }, 'Bytes so far'))),
    h('tbody', null, curve.map(([at, count]) => h('tr', null, h('td', null, length(at)), h('td', { class: 'mono' }, count.toLocaleString('en'))))))]);
  return h('div', { class: 'arrival' }, h('h3', null, 'Arrival', button), h('p', { class: 'quiet' }, told), h('div', { class: 'arrival-picture' }, image.element), body);
}
