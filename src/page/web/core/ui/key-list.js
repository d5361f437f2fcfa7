// The list of keys.

import { h } from './dom.js';

/** @type {Record<string, string>} */
const NAMES = { ' ': 'Space', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' };

/** Lines of the list: label, and its keys. @param {Iterable<{ key: string, label: string, group?: string }>} keys */
function lines(keys) {
  /** @type {Map<string, Map<string, string[]>>} */
  const groups = new Map();
  for (const { key, label, group = 'Page' } of keys) {
    if (!label) continue;
    const lines = groups.get(group) ?? new Map();
    lines.set(label, [...new Set([...(lines.get(label) ?? []), key])]);
    groups.set(group, lines);
  }
  return groups;
}

/** @param {Iterable<{ key: string, label: string, group?: string }>} keys */
export function keyList(keys) {
  const groups = [...lines(keys)].map(([group, all]) => h('section', null, h('h3', null, group), h('dl', null, [...all].flatMap(([label, names]) => [
    h('dt', null, names.map((key) => h('kbd', null, NAMES[key] ?? key))),
    h('dd', null, label),
  ]))));
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'keys-title' }, h('h2', { id: 'keys-title', tabindex: -1, autofocus: true }, 'Keys'), h('div', { class: 'key-list' }, groups),
    h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'));
  return dialog;
}
