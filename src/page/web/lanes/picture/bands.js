// Where in a lane what is drawn, and which thing is at a point. Pure.

import { toPixel } from '../../core/picture/axis.js';
import { doneOf } from '../things/boxes.js';
import { ROWS } from '../things/things.js';

/**
 * @typedef {import('../types.js').Thing} Thing
 * @typedef {{ top: number, height: number }} Strip
 * @typedef {Record<import('../types.js').Band, Strip>} Bands
 */

/** Nearer than this is hit, in pixels. */
const NEAR = 5;

/** @param {'media' | 'main' | 'raw' | 'player'} kind @param {number} height @param {boolean} hasParts @returns {Bands} */
export function bandsOf(kind, height, hasParts) {
  const none = { top: height, height: 0 };
  const findings = { top: 1, height: 11 };
  const marks = { top: 12, height: 12 };
  if (kind === 'raw') return { findings, marks, advances: { top: 13, height: 14 }, boxes: { top: 15, height: height - 18 }, parts: none };
  if (kind !== 'media') return { findings, marks, advances: { top: 13, height: height - 15 }, boxes: none, parts: none };
  const advances = { top: 25, height: 18 };
  const begin = 45;
  const room = height - begin - 2;
  const parts = hasParts ? { top: begin, height: Math.floor(room * 0.4) } : none;
  const top = begin + (hasParts ? parts.height + 2 : 0);
  return { findings, marks, advances, boxes: { top, height: height - top - 2 }, parts };
}

/**
 * The strip of a box in its band.
 * @param {Bands} bands @param {Thing} thing @returns {Strip}
 */
export function stripOf(bands, { band, kind, box }) {
  const strip = bands[band];
  if (!box) return strip;
  const each = strip.height / (kind === 'part' ? ROWS.parts : ROWS.segments);
  return { top: strip.top + box.row * each, height: each };
}

/** How far from a thing a pixel is, from left to right. @param {Thing} thing @param {number} x @param {(seconds: number) => number} pixel */
function distance(thing, x, pixel) {
  const [left, right] = [pixel(thing.box?.asked ?? thing.at), pixel(Math.max(thing.to, thing.at))];
  // What is asked for and answered later than it was listed hangs out of its box.
  const done = thing.box ? doneOf(thing.box.listed) : null;
  const end = done === null ? right : Math.max(right, pixel(done));
  if (x >= left && x <= end) return 0;
  return Math.min(Math.abs(x - left), Math.abs(x - end));
}

/**
 * What is at a point: of several the nearest, of several that contain it the shortest.
 * @param {Thing[]} things @param {Bands} bands @param {{ from: number, to: number }} span @param {number} width @param {number} x @param {number} y
 * @returns {Thing | null}
 */
export function hit(things, bands, span, width, x, y) {
  const pixel = (/** @type {number} */ seconds) => toPixel(span, width, seconds);
  /** @type {Thing | null} */
  let best = null;
  let least = NEAR;
  for (const thing of things) {
    const { top, height } = stripOf(bands, thing);
    if (y < top - 1 || y > top + height + 1) continue;
    const away = distance(thing, x, pixel);
    const isBetter = away < least || (away === least && best !== null && thing.to - thing.at <= best.to - best.at);
    if (isBetter && away <= NEAR) [best, least] = [thing, away];
  }
  return best;
}
