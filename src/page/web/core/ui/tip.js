// What is under the pointer, in words beside it. A screen reader is told the same elsewhere.

import { fill, h } from './dom.js';

const tip = h('div', { class: 'tip', 'aria-hidden': 'true', hidden: true });
document.body.append(tip);

/**
 * Shows lines beside a point of the screen; the first one is the name. Null: nothing.
 * @param {string[] | null} lines @param {number} [x] @param {number} [y]
 */
export function showTip(lines, x = 0, y = 0) {
  tip.hidden = lines === null;
  if (lines === null) return;
  fill(tip, lines.map((line, index) => h('div', { class: index ? 'quiet' : 'name' }, line)));
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 14 + width > innerWidth ? Math.max(4, x - width - 10) : x + 14;
  const top = y + 16 + height > innerHeight ? Math.max(4, y - height - 10) : y + 16;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}
