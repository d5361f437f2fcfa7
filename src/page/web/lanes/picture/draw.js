// The picture of a lane.

import { toPixel } from '../../core/picture/axis.js';
import { hatch } from '../../core/picture/colours.js';
import { drawHoles, drawNotices, line } from '../../core/picture/draw.js';
import { length } from '../../core/data/times.js';
import { stripOf } from './bands.js';
import { doneOf } from '../things/boxes.js';
import { drawBodies, drawBoxes, drawNames } from './draw-boxes.js';
import { drawMarks } from './draw-marks.js';

/**
 * @typedef {import('../../core/picture/colours.js').Colours} Colours
 * @typedef {import('../types.js').Thing} Thing
 *
 * @typedef {import('../types.js').Scene} Scene
 * @typedef {import('../types.js').Lines} Lines
 * @typedef {{ span: import('../../core/picture/axis.js').Span, width: number, height: number }} Where
 */

/** A wait that is less wide has no frame, in pixels. */
const NARROW = 5;

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Lines} lines @param {Colours} colours */
export function drawLane(context, where, scene, lines, colours) {
  const { span } = where;
  const seen = scene.things.filter(({ at, to, box }) => at <= span.to && Math.max(to, (box && doneOf(box.listed)) ?? to) >= span.from);
  drawNotices(context, where, scene.notices, scene.end, colours, null);
  drawCells(context, where, scene, colours);
  // Of a raw stream boxes are as high as gaps are: gaps are drawn over them.
  const isRaw = seen.some(({ body }) => body);
  if (!isRaw) drawGaps(context, where, scene, seen, colours);
  drawExpected(context, where, scene, colours);
  const names = drawBoxes(context, where, scene.bands, seen, colours);
  drawBodies(context, where, scene.bands, seen, colours);
  if (isRaw) drawGaps(context, where, scene, seen, colours);
  drawHoles(context, where, scene.holes, colours);
  drawAdvances(context, where, scene, seen, colours);
  drawNotices(context, where, scene.notices, scene.end, colours, scene.bands.marks);
  drawMarks(context, where, scene.bands, seen, colours);
  if (scene.note) drawNote(context, where, scene, scene.note, seen, colours);
  drawLines(context, where, lines, colours);
  // What is to be read no line goes through.
  drawNames(context, names, colours);
  drawLengths(context, where, scene, seen, colours);
  if (scene.current) drawCurrent(context, where, scene, scene.current, colours);
}

/** Where no gap is. @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {string} note @param {Thing[]} seen @param {Colours} colours */
function drawNote(context, { span, width }, { bands: { boxes, parts }, events }, note, seen, colours) {
  // Where there are segments it stands in the place of parts.
  const { top, height } = events?.segments ? parts : boxes;
  context.font = `${colours.small}px ${colours.font}`;
  context.fillStyle = colours.quiet;
  context.textBaseline = 'middle';
  const across = context.measureText(note).width;
  let x = 6;
  for (const { wait } of seen) {
    if (!wait || toPixel(span, width, wait.to) - toPixel(span, width, wait.from) < NARROW) continue;
    if (toPixel(span, width, wait.from) < x + across + 6 && toPixel(span, width, wait.to) > x - 6) x = toPixel(span, width, wait.to) + 6;
  }
  if (x + across < width) context.fillText(note, x, top + height / 2);
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Lines} lines @param {Colours} colours */
export function drawLines(context, where, { pointer, at, playhead }, colours) {
  line(context, where, at, colours.accent, { thick: 2 });
  line(context, where, playhead.clock, colours.playhead, { thick: 2 });
  line(context, where, playhead.picture, colours.picture, { thick: 2, dash: [5, 3] });
  line(context, where, pointer, colours.pointer, { dash: [2, 2] });
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Colours} colours */
function drawExpected(context, where, { expected, bands: { advances } }, colours) {
  if (where.width / Math.max(expected.length, 1) < 3) return;
  context.strokeStyle = colours['line-strong'];
  context.lineWidth = 1;
  context.setLineDash([2, 2]);
  context.beginPath();
  for (const seconds of expected) {
    if (seconds < where.span.from || seconds > where.span.to) continue;
    const x = Math.round(toPixel(where.span, where.width, seconds)) + 0.5;
    context.moveTo(x, advances.top);
    context.lineTo(x, advances.top + advances.height);
  }
  context.stroke();
  context.setLineDash([]);
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Thing[]} seen @param {Colours} colours */
function drawGaps(context, { span, width, height }, { bands: { advances } }, seen, colours) {
  for (const { wait } of seen) {
    if (!wait) continue;
    const left = Math.max(toPixel(span, width, wait.from), -2);
    const right = Math.min(Math.max(toPixel(span, width, wait.to), left + 2), width + 2);
    const { top } = advances;
    const tall = height - top - 1;
    if (right - left < NARROW) {
      // A freeze of seconds in a day: a bar that is seen, and no frame.
      context.fillStyle = wait.own ? colours.own : colours.bad;
      context.fillRect(left, wait.own ? top + advances.height / 2 : top, Math.max(right - left, 2), wait.own ? advances.height / 2 : advances.height);
      continue;
    }
    if (!wait.own) {
      context.fillStyle = colours['bad-ground'];
      context.fillRect(left, top, right - left, tall);
    }
    context.fillStyle = hatch(context, wait.own ? colours.own : colours.bad, 7);
    context.fillRect(left, top, right - left, advances.height);
    context.strokeStyle = wait.own ? colours.own : colours.bad;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, top + 0.5, Math.max(right - left - 1, 1), tall - 1);
  }
}

/** How long each wait was, where there is room for it. @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Thing[]} seen @param {Colours} colours */
function drawLengths(context, { span, width }, { bands: { advances } }, seen, colours) {
  context.textBaseline = 'middle';
  context.font = `600 ${colours.small}px ${colours.font}`;
  for (const { wait } of seen) {
    if (!wait) continue;
    const left = Math.max(toPixel(span, width, wait.from), 0);
    const right = Math.min(toPixel(span, width, wait.to), width);
    const text = `${length(wait.to - wait.from)}${wait.open ? ' …' : ''}`;
    const across = context.measureText(text).width + 8;
    if (right - left < across) continue;
    const x = (left + right - across) / 2;
    context.fillStyle = wait.own ? colours.panel : colours['bad-ground'];
    context.fillRect(x, advances.top + 2, across, advances.height - 4);
    context.fillStyle = wait.own ? colours.quiet : colours.bad;
    context.fillText(text, x + 4, advances.top + advances.height / 2 + 0.5);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Colours} colours */
function drawCells(context, { span, width }, { events, known, bands: { advances } }, colours) {
  const cells = events?.cells;
  if (!cells) return;
  const most = Math.max(1, ...cells.count);
  context.fillStyle = colours.advance;
  context.globalAlpha = 0.75;
  const thick = Math.max((cells.cell_seconds / (span.to - span.from)) * width, 1);
  cells.count.forEach((count, index) => {
    if (count === 0) return;
    const x = toPixel(span, width, known.from + index * cells.cell_seconds);
    const tall = Math.max(3, advances.height * (count / most));
    if (x > -thick && x < width) context.fillRect(x, advances.top + advances.height - tall, thick, tall);
  });
  context.globalAlpha = 1;
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Thing[]} seen @param {Colours} colours */
function drawAdvances(context, { span, width }, { bands: { advances } }, seen, colours) {
  const all = seen.filter(({ kind }) => kind === 'advance' || kind === 'revision');
  context.fillStyle = colours.uncertain;
  for (const { at, notBefore } of all) {
    if (notBefore === null || notBefore === undefined) continue;
    const left = toPixel(span, width, notBefore);
    context.fillRect(left, advances.top + advances.height / 2 - 2, Math.max(toPixel(span, width, at) - left, 0), 4);
  }
  context.fillStyle = colours.advance;
  for (const { at } of all) context.fillRect(Math.round(toPixel(span, width, at)) - 1, advances.top, 2, advances.height);
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Scene} scene @param {Thing} current @param {Colours} colours */
function drawCurrent(context, { span, width }, { bands }, current, colours) {
  const { top, height } = stripOf(bands, current);
  const left = Math.max(toPixel(span, width, current.at), 0);
  const right = Math.min(toPixel(span, width, current.to), width);
  context.strokeStyle = colours.focus;
  context.lineWidth = 2;
  context.strokeRect(left - 3, top - 1, Math.max(right - left, 0) + 6, height + 2);
}
