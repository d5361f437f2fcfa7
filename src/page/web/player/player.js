// The player: it plays the very moment that one looks at, as a viewer would have seen it. All but its buttons is brought when it is wanted.

import { h, set, setText } from '../core/ui/dom.js';
import { styles } from '../core/ui/style.js';
import { sessionTime } from '../core/data/times.js';

/** After so long without another one a pointer that was set is a seek. */
const REST_MS = 250;

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function player(element, page) {
  const { axis, state, session, keys } = page;
  /** @type {import('./choices.js').Hands} */
  const hands = { seeks: true, follows: false };
  /** @type {import('./screen.js').Screen | null} */
  let screen = null;
  const play = h('button', { type: 'button', onclick: () => start() });
  const stop = h('button', { type: 'button', hidden: true, onclick: () => screen?.stop() }, 'Stop');
  const trouble = h('p', { class: 'trouble', role: 'alert' });
  const how = h('details', { class: 'player-how' }, h('summary', null, 'How it plays'));
  const content = h('div', { class: 'player-content' }, how);
  set(element, { 'aria-labelledby': 'player-title' });
  element.append(h('div', { class: 'panel-head' }, h('h2', { id: 'player-title' }, 'Player'), play, stop), trouble, content);

  const isEdge = () => state.get().at === null && page.live.follows();
  const moment = () => Math.min(isEdge() ? Infinity : (state.get().at ?? axis.get().from), session.get().length_seconds);
  const name = () => setText(play, `${screen?.isOn() ? 'Play again' : '▶ Play'} ${isEdge() ? 'at the edge' : `from ${sessionTime(moment(), 1)}`}`);
  /** @param {string | null} failure */
  const changed = (failure) => {
    setText(trouble, failure ?? '');
    stop.hidden = !screen?.isOn();
    name();
  };
  /** @type {Promise<import('./screen.js').Screen> | null} */
  let brought = null;
  const bring = async () => {
    const [module] = await Promise.all([import('./screen.js'), styles('css/details.css', 'player/player.css')]);
    screen = module.screen(page, content, hands, changed);
    return screen;
  };
  const start = async () => {
    if (!page.live.follows()) axis.reveal(moment());
    const at = Math.max(moment(), 0);
    try {
      await (await (brought ??= bring())).start(at);
    } catch (error) {
      brought = null;
      changed(`The player could not be loaded: ${error instanceof Error ? error.message : error}`);
    }
  };
  keys.add({ key: ' ', label: 'Play, pause', group: 'Player', run: () => {
    if (screen?.isOn()) screen.toggle();
    else void start();
  } });

  let hasChoices = false;
  how.addEventListener('toggle', async () => {
    if (hasChoices || !how.open) return;
    hasChoices = true;
    try {
      const [module] = await Promise.all([import('./choices.js'), styles('player/player.css')]);
      how.append(module.choices(page, hands));
    } catch {
      hasChoices = false;
      how.open = false;
    }
  });

  let timer = 0;
  state.subscribe((seen, before) => {
    name();
    if (!screen?.isOn()) return;
    // Played in another way, it goes on where it is.
    if (seen.feed !== before.feed || seen.faults !== before.faults || seen.stream !== before.stream) void screen.start(null);
    if (seen.at === before.at || seen.at === null || !hands.seeks) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (screen?.isOn() && state.get().at === seen.at) void screen.start(Number(seen.at));
    }, REST_MS);
  });
  axis.settled(name);
  name();
}
