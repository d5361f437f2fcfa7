// The picture of the whole session: how much was asked for, what went wrong, where nobody asked, and which window is seen.

import { toPixel } from '../core/picture/axis.js';
import { hatch } from '../core/picture/colours.js';
import { drawHoles, drawNotices, line, severitySign } from '../core/picture/draw.js';
import { gapsOf, kindOf } from '../core/data/findings.js';

/** @typedef {import('../core/picture/colours.js').Colours} Colours */

/** @typedef {import('./types.js').Shown} Shown */

/** Above the density: signs of findings. */
export const SIGNS = 13;

/** @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {Shown} shown @param {Colours} colours */
export function drawOverview(context, width, height, shown, colours) {
  const { session, window } = shown;
  const span = { from: 0, to: Math.max(session.length_seconds, 0.05) };
  const where = { span, width, height };
  context.fillStyle = colours.raised;
  context.fillRect(0, 0, width, height);
  drawHoles(context, where, session.holes, colours);
  if (session.kept_from !== null) drawHoles(context, where, [[0, session.kept_from]], colours);
  drawNotices(context, where, session.notices, session.length_seconds, colours, null);
  gaps(context, where, shown.findings, colours);
  if (shown.data) density(context, where, shown.data, colours);
  // Of one that is being recorded the last seconds are always still to come.
  if (shown.data && !session.recording) reading(context, where, shown.data, colours);
  drawNotices(context, where, session.notices, session.length_seconds, colours, { top: height - SIGNS, height: SIGNS });
  notLoaded(context, where, shown.loadedTo, colours);
  signs(context, where, shown.findings, colours);
  brush(context, where, window, colours);
  line(context, where, shown.playhead.clock, colours.playhead, { thick: 2 });
  line(context, where, shown.at, colours.accent, { thick: 2 });
  line(context, where, shown.pointer, colours.pointer, { dash: [2, 2] });
}

/** @typedef {{ span: import('../core/picture/axis.js').Span, width: number, height: number }} Where */

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('../core/types.js').Finding[]} findings @param {Colours} colours */
function gaps(context, { span, width, height }, findings, colours) {
  for (const { from, to } of findings.flatMap(gapsOf)) {
    const left = toPixel(span, width, from);
    const right = Math.max(toPixel(span, width, to), left + 2);
    context.fillStyle = colours['bad-ground'];
    context.fillRect(left, SIGNS, right - left, height);
    context.fillStyle = hatch(context, colours.bad, 5);
    context.fillRect(left, SIGNS, right - left, height);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('../core/types.js').Overview} data @param {Colours} colours */
function density(context, { span, width, height }, data, colours) {
  const most = Math.max(1, ...data.requests);
  const room = height - SIGNS - 2;
  // Few are seen beside many: the root.
  const tall = (/** @type {number} */ count) => (count === 0 ? 0 : Math.max(2, room * Math.sqrt(count / most)));
  data.requests.forEach((count, index) => {
    if (count === 0) return;
    const left = toPixel(span, width, data.from + index * data.cell_seconds);
    const right = toPixel(span, width, data.from + (index + 1) * data.cell_seconds);
    const thick = Math.max(right - left, 1);
    const bar = (/** @type {number} */ many, /** @type {string | CanvasPattern} */ fill) => {
      context.fillStyle = fill;
      context.fillRect(left, height - tall(many), thick, tall(many));
    };
    bar(count, colours.density);
    if (data.own[index]) bar(data.own[index], hatch(context, colours.own, 4));
    if (data.faults[index]) {
      bar(data.faults[index], colours.bad);
      // A cap that is wider than its bar: it is found in a day, and by who does not see red.
      context.fillRect((left + right) / 2 - 2.5, height - tall(data.faults[index]) - 3, 5, 3);
    }
  });
}

/** From where on findings are not loaded. @param {CanvasRenderingContext2D} context @param {Where} where @param {number | null} at @param {Colours} colours */
function notLoaded(context, { span, width }, at, colours) {
  if (at === null) return;
  const left = toPixel(span, width, at);
  context.fillStyle = hatch(context, colours['line-strong'], 6);
  context.fillRect(left, 0, width - left, SIGNS);
  context.font = `${colours.small}px ${colours.font}`;
  context.textBaseline = 'middle';
  const words = 'findings: from here on with the window';
  const across = context.measureText(words).width + 8;
  const x = Math.max(Math.min(left, width - across), 0);
  context.fillStyle = colours.panel;
  context.fillRect(x, 0, across, SIGNS);
  context.fillStyle = colours.quiet;
  context.fillText(words, x + 4, SIGNS / 2 + 0.5);
}

/** Until where faults are known. @param {CanvasRenderingContext2D} context @param {Where} where @param {import('../core/types.js').Overview} data @param {Colours} colours */
function reading(context, { span, width, height }, data, colours) {
  if (data.indexed_to >= span.to - data.cell_seconds) return;
  const left = toPixel(span, width, Math.max(data.indexed_to, 0));
  context.fillStyle = colours.quiet;
  context.font = `${colours.small}px ${colours.font}`;
  context.textBaseline = 'bottom';
  context.textAlign = width - left > 90 ? 'left' : 'right';
  context.fillText('reading faults…', width - left > 90 ? left + 4 : width - 4, height - 2);
  context.textAlign = 'left';
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('../core/types.js').Finding[]} findings @param {Colours} colours */
function signs(context, { span, width }, findings, colours) {
  /** @type {Record<string, number>} */
  const rank = { info: 0, fault: 1, should: 2, must: 3 };
  const sorted = [...findings].sort((a, b) => rank[kindOf(a)] - rank[kindOf(b)]);
  // Of many of a kind in one place one is drawn.
  const drawn = new Set();
  for (const finding of sorted) {
    const x = toPixel(span, width, finding.first.session_time);
    const place = `${kindOf(finding)} ${Math.round(x / 5)}`;
    if (drawn.has(place)) continue;
    drawn.add(place);
    severitySign(context, kindOf(finding), Math.min(Math.max(x, 5), width - 5), SIGNS / 2, 9, colours);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('../core/picture/axis.js').Span} window @param {Colours} colours */
function brush(context, { span, width, height }, window, colours) {
  const left = toPixel(span, width, window.from);
  const right = Math.max(toPixel(span, width, window.to), left + 3);
  context.globalAlpha = 0.55;
  context.fillStyle = colours.ground;
  context.fillRect(0, 0, left, height);
  context.fillRect(right, 0, width - right, height);
  context.globalAlpha = 1;
  context.strokeStyle = colours.accent;
  context.lineWidth = 1.5;
  context.strokeRect(left + 0.75, 0.75, Math.max(right - left - 1.5, 1), height - 1.5);
  context.fillStyle = colours.accent;
  for (const x of [left, right]) context.fillRect(Math.min(Math.max(x - 2.5, 0), width - 5), height / 2 - 9, 5, 18);
}
