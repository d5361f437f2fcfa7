// Shapes that several pictures have.

import { toPixel } from './axis.js';
import { hatch } from './colours.js';
import { endOf, wordOf } from '../data/notices.js';

/** @typedef {import('./axis.js').Span} Span */
/** @typedef {import('./colours.js').Colours} Colours */
/** @typedef {CanvasRenderingContext2D} Context */

/**
 * The signs of findings (`kindOf`): a diamond, a triangle, a dot; a cross is an outage.
 * @param {Context} context @param {string} severity @param {number} x @param {number} y @param {number} size @param {Colours} colours
 */
export function severitySign(context, severity, x, y, size, colours) {
  const half = size / 2;
  if (severity === 'fault') {
    context.strokeStyle = colours.bad;
    cross(context, x, y, size * 0.8);
    return;
  }
  context.beginPath();
  if (severity === 'must') {
    context.moveTo(x, y - half);
    context.lineTo(x + half, y);
    context.lineTo(x, y + half);
    context.lineTo(x - half, y);
  } else if (severity === 'should') {
    context.moveTo(x, y - half);
    context.lineTo(x + half, y + half);
    context.lineTo(x - half, y + half);
  } else {
    context.arc(x, y, half * 0.8, 0, 7);
  }
  context.closePath();
  context.fillStyle = severity === 'must' ? colours.bad : severity === 'should' ? colours.warn : colours.note;
  context.fill();
}

/** A cross: it failed. @param {Context} context @param {number} x @param {number} y @param {number} size */
export function cross(context, x, y, size) {
  const half = size / 2;
  context.lineWidth = 1.6;
  context.beginPath();
  context.moveTo(x - half, y - half);
  context.lineTo(x + half, y + half);
  context.moveTo(x + half, y - half);
  context.lineTo(x - half, y + half);
  context.stroke();
}

/**
 * A vertical line at a second, where that is seen.
 * @param {Context} context @param {{ span: Span, width: number, height: number }} where
 * @param {number | null} seconds @param {string} colour @param {{ dash?: number[], thick?: number }} [how]
 */
export function line(context, { span, width, height }, seconds, colour, { dash = [], thick = 1 } = {}) {
  if (seconds === null || seconds < span.from || seconds > span.to) return;
  const x = Math.round(toPixel(span, width, seconds) - thick / 2) + (thick % 2) / 2;
  context.strokeStyle = colour;
  context.lineWidth = thick;
  context.setLineDash(dash);
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.stroke();
  context.setLineDash([]);
}

/**
 * Spans without a recorder, hatched.
 * @param {Context} context @param {{ span: Span, width: number, height: number }} where
 * @param {[number, number][]} holes @param {Colours} colours
 */
export function drawHoles(context, { span, width, height }, holes, colours) {
  for (const [from, to] of holes) {
    if (to < span.from || from > span.to) continue;
    const left = Math.max(toPixel(span, width, from), 0);
    const right = Math.min(toPixel(span, width, to), width);
    context.fillStyle = hatch(context, colours.hole, 8);
    context.fillRect(left, 0, Math.max(right - left, 1), height);
  }
}

/**
 * Troubles of the recorder: hatched, never red, and their words in a strip, where there is one. The hatch is behind what was seen, the words are before it.
 * @param {Context} context @param {{ span: Span, width: number, height: number }} where
 * @param {import('../types.js').Notice[]} notices @param {number} end Of the session. @param {Colours} colours
 * @param {{ top: number, height: number } | null} words  Null: the hatch.
 */
export function drawNotices(context, { span, width, height }, notices, end, colours, words) {
  context.font = `600 ${colours.small - 1}px ${colours.font}`;
  context.textBaseline = 'middle';
  let free = -Infinity;
  for (const notice of notices) {
    const until = endOf(notice, end);
    if (until < span.from || notice.at > span.to) continue;
    const left = Math.max(toPixel(span, width, notice.at), 0);
    if (!words) {
      context.fillStyle = hatch(context, colours.hole, 6);
      context.fillRect(left, 0, Math.max(Math.min(toPixel(span, width, until), width) - left, 3), height);
      continue;
    }
    const text = wordOf(notice);
    const across = context.measureText(text).width + 6;
    const x = Math.max(Math.min(left, width - across), 0);
    if (x < free) continue;
    free = x + across + 2;
    context.fillStyle = colours.own;
    context.fillRect(x, words.top, across, words.height);
    context.fillStyle = colours.panel;
    context.fillText(text, x + 3, words.top + words.height / 2 + 0.5);
  }
}

/**
 * Text that is cut in its middle where it does not fit, since its end tells it apart; nothing where hardly a letter would.
 * @param {Context} context @param {string} text @param {number} x @param {number} y @param {number} room
 * @param {boolean} [hasGround]  It is drawn over something: its outline first.
 */
export function fitText(context, text, x, y, room, hasGround = false) {
  if (room < 8) return;
  let shown = text;
  if (context.measureText(text).width > room) {
    const letters = Math.floor(room / (context.measureText('0').width || 6)) - 1;
    if (letters < 2) return;
    const tail = Math.floor(letters * 0.6);
    shown = `${text.slice(0, letters - tail)}…${text.slice(text.length - tail)}`;
  }
  if (hasGround) context.strokeText(shown, x, y);
  context.fillText(shown, x, y);
}
