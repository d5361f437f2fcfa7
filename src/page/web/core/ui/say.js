// What changes by itself is said to who does not see it.

import { h } from './dom.js';

/**
 * Says a sentence politely; of several at once the first two are said.
 * @typedef {(sentence: string) => void} Say
 */

/** @param {Element} parent @returns {Say} */
export function createSay(parent) {
  const region = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  parent.append(region);
  /** @type {string[]} */
  let waiting = [];
  return (sentence) => {
    if (waiting.length < 2 && !waiting.includes(sentence)) waiting.push(sentence);
    if (waiting.length > 1) return;
    // The same sentence again is a change only where it was gone meanwhile.
    region.textContent = '';
    setTimeout(() => {
      region.textContent = waiting.join('. ');
      waiting = [];
    }, 150);
  };
}
