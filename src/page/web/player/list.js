// The player's events as a list.

import { fill, h } from '../core/ui/dom.js';
import { count, length, sessionTime } from '../core/data/times.js';

/** Lines that are shown; the lane has all. */
const MOST = 100;

/** @param {import('../types.js').Page} page */
export function eventList({ playing, axis }) {
  const summary = h('summary');
  const list = h('ol', { class: 'player-events' });
  const element = h('details', { hidden: true }, summary, list);
  const show = () => {
    const all = playing.get();
    element.hidden = all.length === 0;
    const bad = all.filter((event) => event.bad).length;
    fill(summary, `${count(all.length, 'event')}${bad ? `, ${bad} of them bad` : ''}`);
    if (!element.open) return;
    fill(list, all.slice(-MOST).reverse().map(({ at, to, kind, text, bad: isBad }) => h('li', { class: isBad ? 'bad-event' : null },
      h('button', { type: 'button', class: 'plain mono', onclick: () => axis.reveal(at) }, sessionTime(at)),
      h('strong', null, `${isBad ? '✕ ' : ''}${kind}`), to === null ? '' : ` ${length(to - at)}`, text ? `: ${text}` : '')));
  };
  element.addEventListener('toggle', show);
  let isDue = false;
  playing.subscribe(() => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      show();
    }, 250);
  });
  return element;
}
