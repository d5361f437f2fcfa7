// Keys of the page: who does what, and the list of them (`?`).

import { fill, h } from './dom.js';

/**
 * @typedef {object} Key
 * @property {string} key    As `KeyboardEvent.key` says it: `j`, ` `, `ArrowLeft`, `?`.
 * @property {string} label  What it does, in the list; keys with one label stand in one line. Empty: it is not listed.
 * @property {string} [group]
 * @property {(event: KeyboardEvent) => void} run
 *
 * @typedef {object} Keys
 * @property {(...keys: Key[]) => () => void} add  Gives what takes them away.
 * @property {(group: string, label: string, keys: string[]) => void} note  Lists keys that an element has while it has the focus.
 * @property {() => void} help
 */

/** @type {Record<string, string>} */
const NAMES = { ' ': 'Space', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓' };

/** What takes keys for itself: where somebody types, and controls that have a use for this one. @param {EventTarget | null} target @param {string} key */
function isTaken(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.closest('dialog')) return true;
  const field = target.closest('input, textarea, select, [contenteditable]');
  if (field) return !(field instanceof HTMLInputElement && /checkbox|radio|button/.test(field.type)) || key === ' ';
  if (key === ' ' || key === 'Enter') return target.closest('button, summary, a, [role=button], video, [role=row]') !== null;
  if (key.startsWith('Arrow')) return target.closest('[role=slider], [role=grid], [role=listbox], [role=radiogroup], video, [data-arrows]') !== null;
  return false;
}

/** Lines of the list: label, and its keys. @param {Iterable<{ key: string, label: string, group?: string }>} keys */
function lines(keys) {
  /** @type {Map<string, Map<string, string[]>>} */
  const groups = new Map();
  for (const { key, label, group = 'Page' } of keys) {
    if (!label) continue;
    const lines = groups.get(group) ?? new Map();
    lines.set(label, [...(lines.get(label) ?? []), key]);
    groups.set(group, lines);
  }
  return groups;
}

/** @param {Element} parent @returns {Keys} */
export function createKeys(parent) {
  /** @type {Map<string, Key>} */
  const all = new Map();
  /** @type {{ key: string, label: string, group: string }[]} */
  const notes = [];
  const list = h('div', { class: 'key-list' });
  const close = h('button', { type: 'button', onclick: () => dialog.close() }, 'Close');
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'keys-title' }, h('h2', { id: 'keys-title' }, 'Keys'), list, close);
  parent.append(dialog);

  const help = () => {
    const groups = [...lines([...all.values(), ...notes])].map(([group, lines]) =>
      h('section', null, h('h3', null, group), h('dl', null, [...lines].flatMap(([label, keys]) => [
        h('dt', null, keys.map((key) => h('kbd', null, NAMES[key] ?? key))),
        h('dd', null, label),
      ]))),
    );
    fill(list, ...groups);
    if (!dialog.open) dialog.showModal();
  };

  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target, event.key)) return;
    const key = all.get(event.key);
    if (!key) return;
    event.preventDefault();
    key.run(event);
  });

  /** @type {Keys} */
  const keys = {
    add(...added) {
      for (const key of added) all.set(key.key, key);
      return () => {
        for (const key of added) if (all.get(key.key) === key) all.delete(key.key);
      };
    },
    note: (group, label, keys) => void notes.push(...keys.map((key) => ({ key, label, group }))),
    help,
  };
  keys.add({ key: '?', label: 'List the keys', group: 'Page', run: help });
  return keys;
}
