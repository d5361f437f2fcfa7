// Keys of the page: who does what, and the list of them (`?`).

import { styles } from './style.js';

/** @typedef {import('../types.js').Key} Key */
/** @typedef {import('../types.js').Keys} Keys */

/** What takes keys for itself: where somebody types, and controls that have a use for this one. @param {EventTarget | null} target @param {string} key */
function isTaken(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.closest('dialog[open]')) return true;
  const field = target.closest('input, textarea, select, [contenteditable]');
  if (field) return !(field instanceof HTMLInputElement && /checkbox|radio|button/.test(field.type)) || key === ' ';
  if (key === ' ' || key === 'Enter') return target.closest('button, summary, a, [role=button], video, [role=row]') !== null;
  if (key.startsWith('Arrow')) return target.closest('[role=slider], [role=grid], [role=listbox], [role=radiogroup], video, [data-arrows]') !== null;
  return false;
}

/** @param {Element} parent @returns {Keys} */
export function createKeys(parent) {
  /** @type {Map<string, Key>} */
  const all = new Map();
  /** @type {{ key: string, label: string, group: string }[]} */
  const notes = [];
  /** @type {HTMLDialogElement | null} */
  let dialog = null;
  // It is brought when somebody asks for it.
  const help = async () => {
    const [{ keyList }] = await Promise.all([import('./key-list.js'), styles('css/dialog.css')]);
    if (!dialog) parent.append(dialog = keyList([...all.values(), ...notes]));
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
