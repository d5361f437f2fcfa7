// The ruler: session time and UTC over all lanes.

import { digitsOf, ticks, toPixel } from '../../core/picture/axis.js';
import { picture } from '../../core/picture/canvas.js';
import { colours } from '../../core/picture/colours.js';
import { h } from '../../core/ui/dom.js';
import { gestures } from '../../core/picture/gestures.js';
import { line } from '../../core/picture/draw.js';
import { sessionTime, utcTime } from '../../core/data/times.js';

/** Room for the text of a tick, in pixels. */
const ROOM = 96;

/**
 * The name of a line of the player, before it.
 * @param {CanvasRenderingContext2D} context @param {{ span: import('../../core/picture/axis.js').Span, width: number, height: number }} where
 * @param {number | null} seconds @param {string} text @param {string} colour @param {string} ground
 */
function flag(context, { span, width, height }, seconds, text, colour, ground) {
  if (seconds === null || seconds < span.from || seconds > span.to) return;
  const across = context.measureText(text).width + 6;
  const at = toPixel(span, width, seconds);
  // Where there is no room before it, behind it.
  const x = at < across ? at : at - across;
  context.fillStyle = colour;
  context.fillRect(x, height / 2 + 1, across, height / 2 - 1);
  context.fillStyle = ground;
  context.fillText(text, x + 3, height * 0.75 + 1);
}

/** @param {import('../../types.js').Page} page */
export function ruler(page) {
  const { axis, session, state } = page;
  const image = picture('Ruler: session time and UTC', (context, width, height) => {
    const span = axis.get();
    const all = colours();
    context.font = `${all.small}px ${all.font}`;
    context.textBaseline = 'middle';
    const zero = session.zeroMs();
    const draw = (/** @type {number} */ top, /** @type {number} */ offset, /** @type {(seconds: number, digits: number) => string} */ text) => {
      const { step, at } = ticks(span, width / ROOM, offset);
      for (const seconds of at) {
        const x = Math.round(toPixel(span, width, seconds)) + 0.5;
        context.strokeStyle = all['line-strong'];
        context.beginPath();
        context.moveTo(x, top);
        context.lineTo(x, top + height / 2);
        context.stroke();
        const words = text(seconds, digitsOf(step));
        // One that would be cut at the end says nothing.
        if (x + 4 + context.measureText(words).width <= width) context.fillText(words, x + 4, top + height / 4 + 0.5);
      }
    };
    context.lineWidth = 1;
    context.fillStyle = all.text;
    draw(0, 0, sessionTime);
    context.fillStyle = all.quiet;
    draw(height / 2, (zero / 1000) % 86400, (seconds, digits) => utcTime(zero, seconds, digits));
    const where = { span, width, height };
    line(context, where, state.get().at, all.accent, { thick: 2 });
    const { clock, picture: shown } = page.playhead.get();
    line(context, where, shown, all.picture, { thick: 2, dash: [5, 3] });
    line(context, where, clock, all.playhead, { thick: 2 });
    flag(context, where, clock, 'clock', all.playhead, all.panel);
    flag(context, where, shown, 'picture', all.picture, all.panel);
    line(context, where, page.pointer.get(), all.pointer, { dash: [2, 2] });
  });
  const hands = h('div', { class: 'hands' });
  gestures(hands, axis, {
    hover: (place) => page.pointer.set(place && place.seconds),
    click: (place) => state.set({ at: Math.max(place.seconds, 0), rev: null, with: null }),
  });
  const element = h('div', { class: 'time-row ruler-row' },
    h('div', { class: 'lane-label ruler-label quiet' }, h('span', null, 'session time'), h('span', null, 'UTC')),
    h('div', { class: 'lane-picture' }, image.element, hands));
  return { element, redraw: image.redraw };
}
