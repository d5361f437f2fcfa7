// The upper strip of a lane: what the playlist says at a moment, and findings.

import { toPixel } from '../../core/picture/axis.js';
import { severitySign } from '../../core/picture/draw.js';
import { kindOf } from '../../core/data/findings.js';

/** @typedef {import('./draw.js').Where} Where */
/** @typedef {import('./draw.js').Colours} Colours */
/** @typedef {import('../types.js').Thing} Thing */

/** A letter for each kind of mark. @type {Record<string, string>} */
export const LETTERS = { discontinuity: 'D', key: 'K', map: 'M', 'date range': 'R', cue: 'C', url: 'U', restart: '↺', end: '■' };

/** As wide as the flag of a mark. */
const FLAG = 13;

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('./bands.js').Bands} bands @param {Thing[]} seen @param {Colours} colours */
export function drawMarks(context, where, { findings, marks }, seen, colours) {
  const { span, width, height } = where;
  context.font = `600 10px ${colours.font}`;
  context.textBaseline = 'middle';
  context.textAlign = 'center';
  let free = -Infinity;
  for (const { mark, at, to } of seen) {
    if (!mark) continue;
    const x = toPixel(span, width, at);
    const colour = mark.kind === 'restart' ? colours.bad : colours.mark;
    if (to > at) {
      context.fillStyle = colour;
      context.fillRect(x, marks.top + 8, Math.max(toPixel(span, width, to) - x, 2), 4);
    }
    context.globalAlpha = 0.6;
    context.fillStyle = colour;
    context.fillRect(Math.round(x), marks.top, 1, height - marks.top);
    context.globalAlpha = 1;
    if (x < free) continue;
    free = x + FLAG + 1;
    context.fillStyle = colour;
    context.fillRect(x, marks.top, FLAG, 12);
    context.fillStyle = colours.panel;
    context.fillText(LETTERS[mark.kind] ?? '?', x + FLAG / 2, marks.top + 6.5);
  }
  context.textAlign = 'left';
  drawFindings(context, where, findings, seen, colours);
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('./bands.js').Strip} strip @param {Thing[]} seen @param {Colours} colours */
function drawFindings(context, { span, width }, strip, seen, colours) {
  for (const { finding, at, to } of seen) {
    if (!finding) continue;
    const kind = kindOf(finding);
    const x = toPixel(span, width, at);
    const end = toPixel(span, width, to);
    const y = strip.top + strip.height / 2;
    if (end - x > 6) {
      context.fillStyle = kind === 'must' || kind === 'fault' ? colours.bad : kind === 'should' ? colours.warn : colours.note;
      context.fillRect(Math.max(x, 0), y - 0.75, Math.min(end, width) - Math.max(x, 0), 1.5);
    }
    severitySign(context, kind, Math.min(x, width - 5), y, 10, colours);
  }
}
