// The body of a response: its text, or what its bytes say, and where it is.

import { h } from '../core/ui/dom.js';
import { count, size } from '../core/data/times.js';
import { textView } from '../core/ui/text-view.js';
import { factList } from './facts.js';

/** @param {string} text @returns {string[]} */
export function linesOf(text) {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** @param {import('./types.js').OpenExchange} one */
export function body({ body, kind }) {
  if (!body) return h('p', { class: 'quiet' }, 'No body was stored.');
  /** @type {HTMLElement[]} */
  const parts = [factList([
    ['Size', `${body.size.toLocaleString('en')} bytes (${size(body.size)})`],
    ['SHA-256', h('span', { class: 'mono url' }, body.sha256)],
    ['File', body.path && h('bdi', { class: 'mono url' }, body.path)],
    ['Replay', body.lost === null ? h('a', { class: 'mono url', href: body.replay, target: '_blank', rel: 'noopener' }, body.replay) : null],
    ['Lost', body.lost && h('span', { class: 'bad-words' }, `✕ ${body.lost}`)],
    [kind === 'key' ? 'Key' : 'Media', body.media.length ? h('ul', null, body.media.map((line) => h('li', null, line))) : null],
  ])];
  if (body.text !== null && body.text !== '') {
    const lines = linesOf(body.text);
    const view = textView('Text of the body', (index) => ({ number: String(index + 1), sign: '', content: [lines[index]] }));
    parts.push(view.element);
    if (!body.is_whole) parts.push(h('p', { class: 'quiet' }, `The first ${count(lines.length, 'line')}; the whole body is at the link.`));
    queueMicrotask(() => view.show(lines.length, lines.reduce((most, line) => Math.max(most, line.length), 0)));
  }
  return h('div', null, parts);
}
