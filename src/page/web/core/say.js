// What changes by itself is said to who does not see it.

import { h } from './dom.js';

/**
 * Says a sentence politely; one that follows soon takes the place of one that has not been said yet.
 * @typedef {(sentence: string) => void} Say
 */

/** @param {Element} parent @returns {Say} */
export function createSay(parent) {
  const region = h('div', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  parent.append(region);
  let timer = 0;
  return (sentence) => {
    clearTimeout(timer);
    // The same sentence again is a change only where it was gone meanwhile.
    region.textContent = '';
    timer = setTimeout(() => {
      region.textContent = sentence;
    }, 100);
  };
}
