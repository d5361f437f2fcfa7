// What a text is compared with: the one before, none, or another revision of the window.

import { loader } from '../core/data/data.js';
import { fill, h } from '../core/ui/dom.js';
import { sessionTime } from '../core/data/times.js';

/**
 * @param {import('../types.js').Page} page
 */
export function compare({ state, axis, session }) {
  const requests = loader();
  /** @type {import('../exchange/types.js').RevisionText | null} */
  let head = null;
  /** @type {import('../exchange/types.js').Revision[]} */
  let all = [];
  let asked = '';
  const select = h('select', { id: 'compare-with', onchange: () => choose(select.value) });
  const element = h('span', { class: 'compare' }, h('label', { for: 'compare-with', class: 'quiet' }, 'Compare with '), select);

  /** @param {string} value */
  const choose = (value) => {
    if (!head) return;
    state.set({ rev: head.exchange, r: head.lane, with: value === 'before' ? null : value === 'none' ? head.exchange : Number(value) });
  };
  const show = () => {
    if (!head) return;
    const { exchange, before } = head;
    const other = state.get().with;
    const chosen = other === exchange ? 'none' : other === null || other === before ? 'before' : String(other);
    const others = all.filter((one) => one.exchange !== exchange && one.exchange !== before);
    const options = [h('option', { value: 'before', disabled: before === null }, before === null ? 'the one before: there is none' : `the one before (exchange ${before})`), h('option', { value: 'none' }, 'nothing: the whole text')];
    if (chosen !== 'before' && chosen !== 'none' && !others.some((one) => String(one.exchange) === chosen)) options.push(h('option', { value: chosen }, `exchange ${chosen}`));
    options.push(...others.map((one) => h('option', { value: one.exchange }, `${sessionTime(one.at)}${one.last === null ? '' : `, segments ${one.first ?? '?'} – ${one.last}`} (exchange ${one.exchange})`)));
    fill(select, options);
    select.value = chosen;
  };
  const load = async () => {
    if (!head) return;
    const { from, to } = axis.get();
    const key = `${head.lane} ${from} ${to} ${session.get().length_seconds}`;
    if (key === asked) return;
    asked = key;
    const came = await requests.load(`-/v1/playlists/${encodeURIComponent(head.lane)}/revisions`, { from: from.toFixed(6), to: to.toFixed(6) }).catch(() => null);
    if (!came) return;
    all = came.revisions;
    show();
  };
  // Who comes to it wants to see which there are.
  select.addEventListener('focus', () => void load());
  select.addEventListener('pointerenter', () => void load());
  return {
    element,
    /** @param {import('../exchange/types.js').RevisionText} next */
    show(next) {
      if (next.lane !== head?.lane) all = [];
      head = next;
      show();
    },
  };
}
