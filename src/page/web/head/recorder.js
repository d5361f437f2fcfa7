// What the recorder noticed about itself: what must not be told as the origin's.

import { h, set, setText } from '../core/ui/dom.js';
import { wordOf } from '../core/data/notices.js';
import { count, length, sessionTime } from '../core/data/times.js';

/** @param {import('../core/types.js').Session} session @returns {string[]} */
export function health({ recorder, holes, kept_from }) {
  const missing = holes.reduce((sum, [from, to]) => sum + to - from, 0);
  return [
    ...(holes.length ? [`${count(holes.length, 'hole')}: no recorder ran for ${length(missing)}`] : []),
    ...(kept_from ? [`before ${sessionTime(kept_from, 0)} was removed`] : []),
    ...recorder.map(({ kind, count: many, seconds }) => `${wordOf({ kind })}${many > 1 ? ` ${many.toLocaleString('en')}×` : ''}${seconds > 0 ? ` (${length(seconds)})` : ''}`),
  ];
}

/** @param {import('../types.js').Page} page */
export function recorder({ session }) {
  const element = h('span', { class: 'recorder' });
  const show = () => {
    const all = health(session.get());
    setText(element, all.length ? `Recorder: ${all.join('; ')}` : 'Recorder: no trouble');
    // What was removed was to be removed.
    set(element, { 'data-trouble': session.get().holes.length + session.get().recorder.length > 0 });
  };
  session.subscribe(show);
  show();
  return element;
}
