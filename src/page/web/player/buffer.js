// How much there was ahead of the picture: a curve of the last minute.

import { picture } from '../core/picture/canvas.js';
import { colours } from '../core/picture/colours.js';
import { set } from '../core/ui/dom.js';
import { length } from '../core/data/times.js';

/** So far back it goes, in seconds. */
const BACK = 60;
/** Two points are at least so far apart, in seconds. */
const STEP = 0.5;
/** The curve is as high as this many seconds at least. */
const LEAST = 6;

export function bufferCurve() {
  /** On the clock of the player. @type {{ at: number, ahead: number }[]} */
  let points = [];
  const image = picture('Buffer of the player', (context, width, height) => {
    const last = points.at(-1);
    if (!last) return;
    const paint = colours();
    const highest = points.reduce((sum, { ahead }) => Math.max(sum, ahead), 0);
    const most = Math.max(highest, LEAST);
    const x = (/** @type {number} */ at) => width - ((last.at - at) / BACK) * width;
    const y = (/** @type {number} */ ahead) => height - 1 - (ahead / most) * (height - 14);
    context.beginPath();
    context.moveTo(x(points[0].at), y(0));
    for (const { at, ahead } of points) context.lineTo(x(at), y(ahead));
    context.lineTo(width, y(0));
    context.fillStyle = paint.receive;
    context.fill();
    // Nothing ahead: what a viewer sees stands still.
    context.fillStyle = paint.bad;
    for (const { at, ahead } of points) if (ahead < 0.1) context.fillRect(x(at), height - 4, (STEP / BACK) * width + 1, 4);
    context.fillStyle = paint.text;
    context.font = `11px ${paint.font}`;
    context.textBaseline = 'top';
    context.fillText(highest > 0 ? `buffer: ${length(last.ahead)}, at most ${length(highest)} in the last minute` : 'nothing was buffered in the last minute', 3, 1);
  });
  return {
    element: image.element,
    /** @param {number} at @param {number} ahead */
    add(at, ahead) {
      const last = points.at(-1);
      // Another clock.
      if (last && (at < last.at || at > last.at + BACK)) points = [];
      if (last && at - last.at < STEP && points.length) return;
      points = [...points.filter((one) => one.at > at - BACK), { at, ahead }];
      const least = points.reduce((sum, one) => Math.min(sum, one.ahead), Infinity);
      set(image.element, { 'aria-label': `Buffer of the player: ${length(ahead)}; in the last minute ${length(least)} at least` });
      image.redraw();
    },
  };
}
