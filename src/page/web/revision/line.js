// A line of a text, with its URIs as links to what was asked for.

import { h } from '../core/ui/dom.js';
import { link } from '../exchange/links.js';

/**
 * @param {import('../exchange/types.js').TextLine} line
 * @param {import('../core/data/state.js').State} state
 * @returns {(Node | string)[]}
 */
export function contentOf({ text, links }, state) {
  const content = [];
  let at = 0;
  for (const { from, to, url, exchange } of links) {
    if (from < at || to > text.length) continue;
    if (from > at) content.push(text.slice(at, from));
    const uri = text.slice(from, to);
    content.push(exchange === null ? h('span', { class: 'unasked', title: `${url} (never asked for)` }, uri) : link(state, { x: exchange }, uri, { title: `${url} (exchange ${exchange})` }));
    at = to;
  }
  if (at < text.length) content.push(text.slice(at));
  return content;
}

/** What tags are about, so that a text is read faster. @param {string} text */
export const kindOf = (text) => (!text.startsWith('#') ? 'uri' : text.startsWith('#EXT') ? 'tag' : 'comment');
