// A line of a text, with its URIs as links to what was asked for.

import { h } from '../core/ui/dom.js';
import { link } from '../exchange/links.js';
import { marked } from './find.js';

/**
 * @param {import('../exchange/types.js').TextLine} line
 * @param {import('../core/data/state.js').State} state
 * @param {import('./find.js').Hit[]} hits
 * @returns {(Node | string)[]}
 */
export function contentOf({ text, links }, state, hits) {
  const content = [];
  let at = 0;
  for (const { from, to, url, exchange } of links) {
    if (from < at || to > text.length) continue;
    content.push(...marked(text, at, from, hits));
    const uri = marked(text, from, to, hits);
    content.push(exchange === null ? h('span', { class: 'unasked', title: `${url} (never asked for)` }, uri) : link(state, { x: exchange }, uri, { title: `${url} (exchange ${exchange})` }));
    at = to;
  }
  content.push(...marked(text, at, text.length, hits));
  return content;
}

/** What tags are about, so that a text is read faster. @param {string} text */
export const kindOf = (text) => (!text.startsWith('#') ? 'uri' : text.startsWith('#EXT') ? 'tag' : 'comment');
