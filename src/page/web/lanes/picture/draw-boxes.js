// Boxes of a lane: segments and parts with their downloads, parts of a raw stream.

import { toPixel } from '../../core/picture/axis.js';
import { hatch } from '../../core/picture/colours.js';
import { cross, fitText } from '../../core/picture/draw.js';
import { size } from '../../core/data/times.js';
import { stripOf } from './bands.js';

/** @typedef {import('./draw.js').Where} Where */
/** @typedef {import('./draw.js').Colours} Colours */
/** @typedef {import('../types.js').Thing} Thing */

/** The name of a box, as it is drawn: over what, in which size. @typedef {{ text: string, x: number, y: number, room: number, size: number, ground: string }} Name */

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('./bands.js').Bands} bands @param {Thing[]} seen @param {Colours} colours @returns {Name[]} To be drawn over lines. */
export function drawBoxes(context, where, bands, seen, colours) {
  // What is wrong is drawn over what is not.
  const all = seen.filter(({ box }) => box).sort((a, b) => Number(a.bad) - Number(b.bad));
  return all.flatMap((thing) => {
    const { top, height } = stripOf(bands, thing);
    return drawBox(context, where, thing, top + 0.5, Math.max(height - 1.5, 1.5), colours) ?? [];
  });
}

/** @param {CanvasRenderingContext2D} context @param {Name[]} names @param {Colours} colours */
export function drawNames(context, names, colours) {
  context.textBaseline = 'top';
  context.lineJoin = 'round';
  context.lineWidth = 3;
  for (const { text, x, y, room, size, ground } of names) {
    context.font = `${size}px ${colours.font}`;
    context.strokeStyle = ground;
    context.fillStyle = colours.text;
    fitText(context, text, x, y, room, true);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {Thing} thing @param {number} top @param {number} height @param {Colours} colours @returns {Name | null} */
function drawBox(context, { span, width }, { box, kind }, top, height, colours) {
  if (!box) return null;
  const pixel = (/** @type {number} */ seconds) => Math.min(Math.max(toPixel(span, width, seconds), -4), width + 4);
  const [left, right] = [pixel(box.from), pixel(box.to)];
  const across = Math.max(right - left, 1);
  const { fate, listed } = box;
  const ground = fate === 'none' ? colours.panel : fate === 'failed' ? colours['bad-ground'] : fate === 'late' || fate === 'recovered' ? colours['warn-ground'] : kind === 'part' ? colours.part : colours.box;
  context.fillStyle = ground;
  context.fillRect(left, top, across, height);
  if (fate === 'gap') {
    context.fillStyle = hatch(context, colours['line-strong'], 4);
    context.fillRect(left, top, across, height);
  }
  if (box.asked < box.from) announced(context, pixel(box.asked), left, top, height, colours);
  border(context, box, left, right, top, height, fate === 'failed' ? colours.bad : fate === 'late' || fate === 'recovered' ? colours.warn : colours['box-line']);
  download(context, pixel, listed, top, height, fate, colours);
  const free = sign(context, pixel, box, top, height, colours);
  if (height < 9 || across < 26) return null;
  const begin = Math.max(left, 0, free < left + 110 ? free : 0) + 4;
  const text = `${listed.sequence}${listed.part === undefined ? '' : `.${listed.part}`} ${listed.name}`;
  return { text, x: begin, y: top + 1, room: right - begin - 2, size: Math.min(colours.small, Math.max(height - 2, 9)), ground };
}

/** Where it was announced, and asked for, and not listed yet. @param {CanvasRenderingContext2D} context @param {number} left @param {number} right @param {number} top @param {number} height @param {Colours} colours */
function announced(context, left, right, top, height, colours) {
  context.fillStyle = colours.panel;
  context.fillRect(left, top, right - left, height);
  if (right - left < 8 || height < 3) return;
  context.strokeStyle = colours['box-line'];
  context.lineWidth = 1;
  context.setLineDash([3, 2]);
  context.strokeRect(left + 0.5, top + 0.5, right - left, height - 1);
  context.setLineDash([]);
}

/** Dashed where nobody asked for it; open where it was cut. @param {CanvasRenderingContext2D} context @param {import('../things/boxes.js').Box} box @param {number} left @param {number} right @param {number} top @param {number} height @param {string} colour */
function border(context, box, left, right, top, height, colour) {
  if (right - left < 3 || height < 3) return;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  if (box.fate === 'none') context.setLineDash([3, 2]);
  const [x, y, end, bottom] = [left + 0.5, top + 0.5, right - 0.5, top + height - 0.5];
  context.beginPath();
  context.moveTo(end, y);
  context.lineTo(x, y);
  if (box.begins) context.lineTo(x, bottom);
  else context.moveTo(x, bottom);
  context.lineTo(end, bottom);
  if (box.ends) context.lineTo(end, y);
  context.stroke();
  context.setLineDash([]);
}

/** Wait, then receive: at the bottom of its box. @param {CanvasRenderingContext2D} context @param {(seconds: number) => number} pixel @param {import('../../core/types.js').Listed} listed @param {number} top @param {number} height @param {import('../things/boxes.js').Fate} fate @param {Colours} colours */
function download(context, pixel, { requested, first_byte, done, good }, top, height, fate, colours) {
  if (requested === undefined) return;
  const tall = Math.max(2, Math.min(height * 0.45, 7));
  const y = top + height - tall;
  const begin = pixel(requested);
  const end = done == null ? pixel(Infinity) : pixel(done);
  const byte = first_byte == null ? end : pixel(first_byte);
  const hasFailed = fate === 'failed' || fate === 'recovered';
  const main = hasFailed ? colours.bad : fate === 'late' ? colours.warn : colours.receive;
  context.fillStyle = hasFailed ? colours.bad : colours.wait;
  context.fillRect(begin, y, Math.max(byte - begin, 1), tall);
  context.fillStyle = main;
  context.fillRect(byte, y, Math.max(end - byte, 1), tall);
  if (!good) return;
  const again = pixel(good.requested);
  context.fillStyle = colours.receive;
  context.fillRect(again, y, Math.max((good.done === null ? pixel(Infinity) : pixel(good.done)) - again, 2), tall);
}

/**
 * A cross: it failed; with a tick where it was good in the end. A triangle that points to the right: it was late.
 * @param {CanvasRenderingContext2D} context @param {(seconds: number) => number} pixel @param {import('../things/boxes.js').Box} box
 * @param {number} top @param {number} height @param {Colours} colours
 * @returns {number} Where it ends, in pixels.
 */
function sign(context, pixel, { fate, listed, to }, top, height, colours) {
  if (fate !== 'failed' && fate !== 'recovered' && fate !== 'late' && fate !== 'own') return 0;
  const x = pixel(listed.done ?? listed.requested ?? to) + 7;
  const y = top + height / 2;
  const large = Math.max(6, Math.min(height - 1, 9));
  context.strokeStyle = context.fillStyle = fate === 'late' ? colours.warn : fate === 'own' ? colours.own : colours.bad;
  if (fate === 'late') {
    context.beginPath();
    context.moveTo(x - large / 2, y - large / 2);
    context.lineTo(x + large / 2, y);
    context.lineTo(x - large / 2, y + large / 2);
    context.fill();
    return x + large / 2;
  }
  cross(context, x, y, large);
  if (height < 10) return x + large / 2;
  context.font = `600 ${colours.small}px ${colours.font}`;
  context.textBaseline = 'middle';
  // A status that is good says nothing of a body that broke off.
  const text = `${(listed.outcome === 'complete' ? listed.status : listed.outcome) ?? ''}${fate === 'recovered' ? ' ✓' : ''}`;
  context.fillText(text, x + 8, y);
  return x + 8 + context.measureText(text).width;
}

/** @param {CanvasRenderingContext2D} context @param {Where} where @param {import('./bands.js').Bands} bands @param {Thing[]} seen @param {Colours} colours */
export function drawBodies(context, { span, width }, { boxes }, seen, colours) {
  for (const { body, bad } of seen) {
    if (!body) continue;
    const left = Math.max(toPixel(span, width, body.from), -4);
    const right = Math.max(Math.min(toPixel(span, width, body.to ?? Infinity), width + 4), left + 2);
    context.fillStyle = colours.box;
    context.fillRect(left, boxes.top, right - left, boxes.height);
    context.strokeStyle = bad ? colours.bad : colours['box-line'];
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, boxes.top + 0.5, right - left - 1, boxes.height - 1);
    context.font = `${colours.small}px ${colours.font}`;
    context.textBaseline = 'middle';
    context.fillStyle = colours.text;
    const begin = Math.max(left, 0) + 5;
    fitText(context, `${size(body.bytes)}${body.continues ? ' (goes on)' : ''}`, begin, boxes.top + boxes.height / 2, right - begin - 16);
    if (!bad) continue;
    context.strokeStyle = colours.bad;
    cross(context, right - 7, boxes.top + boxes.height / 2, 9);
  }
}
