// The lane of the player: what it met, on the same axis.

import { toPixel } from '../core/picture/axis.js';
import { picture } from '../core/picture/canvas.js';
import { colours } from '../core/picture/colours.js';
import { disclosure } from '../core/ui/disclosure.js';
import { cross, fitText } from '../core/picture/draw.js';
import { h, set } from '../core/ui/dom.js';
import { gestures } from '../core/picture/gestures.js';
import { count, length, sessionTime } from '../core/data/times.js';
import { showTip } from '../core/ui/tip.js';
import { drawLines } from './picture/draw.js';

/** @param {import('../core/types.js').PlayerEvent} event @returns {import('./types.js').Thing} */
const thingOf = ({ at, to, kind, text, bad }) => ({
  kind: 'player', band: 'advances', at, to: to ?? at, bad, name: kind,
  lines: () => [to === null ? sessionTime(at) : `${sessionTime(at)}, for ${length(to - at)}`, ...(text ? [text] : [])],
});

/** @param {import('../types.js').Page} page */
export function playing(page) {
  /** @type {import('./types.js').Thing[]} */
  let all = [];
  const image = picture('Player', (context, width, height) => {
    const span = page.axis.get();
    const paint = colours();
    context.font = `${paint.small}px ${paint.font}`;
    context.textBaseline = 'middle';
    for (const [index, { at, to, bad, name }] of all.entries()) {
      const left = toPixel(span, width, at);
      const right = Math.max(toPixel(span, width, to), left + 2);
      if (right < 0 || left > width) continue;
      context.fillStyle = bad ? paint['bad-ground'] : paint.box;
      context.fillRect(left, 2, right - left, height - 4);
      context.fillStyle = bad ? paint.bad : paint['box-line'];
      context.fillRect(left, 2, 2, height - 4);
      // Of moments within a wait it is the wait that is told.
      if (all.some((one) => one.bad && one.to > one.at && one.at <= at && one.to > to)) continue;
      const room = Math.max(toPixel(span, width, all[index + 1]?.at ?? span.to) - left, bad ? right - left : 0);
      // The next one is where its words would be: it is the one that is told.
      if (room < (bad ? 18 : 12)) continue;
      context.strokeStyle = paint.bad;
      if (bad) cross(context, left + 9, height / 2, 8);
      context.fillStyle = bad ? paint.bad : paint.text;
      fitText(context, name, left + (bad ? 17 : 5), height / 2 + 0.5, room - (bad ? 20 : 8));
    }
    drawLines(context, { span, width, height }, { pointer: page.pointer.get(), at: page.state.get().at, playhead: page.playhead.get() }, paint);
  });
  const hands = h('div', { class: 'hands' });
  gestures(hands, page.axis, {
    hover(place) {
      page.pointer.set(place && place.seconds);
      const span = page.axis.get();
      const near = place && all.findLast(({ at, to }) => place.x >= toPixel(span, image.size().width, at) - 4 && place.x <= toPixel(span, image.size().width, to) + 6);
      const box = hands.getBoundingClientRect();
      if (place && near) showTip([near.name, ...near.lines()], box.left + place.x, box.top + place.y);
      else showTip(null);
    },
    click: (place) => page.state.set({ at: Math.max(place.seconds, 0) }),
  });
  const { button, body, renew } = disclosure('the player', async () => [(await import('./things/table.js')).tableOf(all, page, 'Player')]);
  const element = h('div', { class: 'lane lane-player', hidden: true },
    h('div', { class: 'time-row' }, h('div', { class: 'lane-label' }, h('strong', null, 'Player'), h('span', { class: 'tools' }, button)), h('div', { class: 'lane-picture' }, image.element, hands)), body);
  const show = (/** @type {import('../core/types.js').PlayerEvent[]} */ events) => {
    all = events.map(thingOf).sort((a, b) => a.at - b.at);
    element.hidden = all.length === 0;
    set(image.element, { 'aria-label': `Player: ${count(all.length, 'event')}, ${all.filter(({ bad }) => bad).length} of them bad` });
    renew();
    image.redraw();
  };
  page.playing.subscribe(show);
  show(page.playing.get());
  return { element, redraw: image.redraw };
}
