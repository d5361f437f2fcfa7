// The head: which session, its streams, when, the verdict, how its recorder was.

import { h, set, setText } from '../core/ui/dom.js';
import { styles } from '../core/ui/style.js';
import { count, length, sessionTime, utcDate, utcTime } from '../core/data/times.js';
import { goTo } from './moment.js';
import { recorder } from './recorder.js';
import { verdict } from './verdict.js';

/** @param {HTMLElement} element @param {import('../types.js').Page} page */
export function head(element, page) {
  const { session, keys } = page;
  const about = h('span', { class: 'quiet' });
  const told = () => {
    const { recorded, length_seconds, streams } = session.get();
    const zero = session.zeroMs();
    setText(about, `${utcDate(zero, recorded.session_time)} ${utcTime(zero, recorded.session_time, 0)}, ${length(length_seconds)}${streams.length > 1 ? `, ${count(streams.length, 'stream')}` : ''}`);
  };
  session.subscribe(told);
  told();

  const trouble = h('span', { class: 'trouble', role: 'alert' });
  session.trouble((sentence) => setText(trouble, sentence ?? ''));

  const copy = async (/** @type {MouseEvent} */ { currentTarget }) => {
    // At the edge the same seconds are to be seen tomorrow, not the edge of then.
    page.live.hold();
    const button = /** @type {HTMLElement} */ (currentTarget);
    await import('./link.js').then(({ copyLink }) => copyLink(page, button), () => page.say('It could not be copied; the link is in the address bar'));
  };
  element.append(
    h('div', { class: 'head-row' },
      h('h1', { title: session.get().program }, session.get().session),
      about,
      live(page),
      several(page),
      h('span', { class: 'space' }),
      trouble,
      goTo(page),
      h('button', { type: 'button', title: 'Copy a link to what is shown', onclick: copy }, 'Copy link'),
      signs(page),
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Keys', title: 'Keys (?)', onclick: keys.help }, '?')),
    h('div', { class: 'head-row' }, verdict(page), h('span', { class: 'space' }), recorder(page), pointer(page)));
}

/** What the signs mean: it is brought when somebody asks. @param {import('../types.js').Page} page */
function signs({ say }) {
  /** @type {HTMLDialogElement | null} */
  let dialog = null;
  const button = h('button', { type: 'button', class: 'plain', title: 'What the signs mean', onclick: async () => {
    try {
      const [module] = await Promise.all([import('./signs.js'), styles('css/dialog.css', 'css/signs.css')]);
      if (!dialog) button.after(dialog = module.signs());
      if (!dialog.open) dialog.showModal();
    } catch {
      say('The signs could not be loaded');
    }
  } }, 'Signs');
  return button;
}

/** What time it is under the pointer, else at the pointer that was set. @param {import('../types.js').Page} page */
function pointer({ pointer, state, session }) {
  const text = h('output', { class: 'pointer mono', 'aria-label': 'Under the pointer' });
  const show = () => {
    const at = pointer.get() ?? state.get().at;
    const isThere = at !== null && at >= 0;
    setText(text, isThere ? `${sessionTime(at)}  ${utcTime(session.zeroMs(), at)}` : '–:––:––.–––  ––:––:––.–––Z');
  };
  pointer.subscribe(show);
  state.subscribe(show);
  show();
  // It changes with each move of a mouse: nobody wants to hear that.
  set(text, { 'aria-live': 'off' });
  return text;
}

/** Which streams there are, where there are several. @param {import('../types.js').Page} page */
function several(page) {
  const element = h('span', { class: 'streams', role: 'group', 'aria-label': 'Streams', hidden: true });
  let isBrought = false;
  const look = async () => {
    if (isBrought || page.session.get().streams.length < 2) return;
    isBrought = true;
    const { streams } = await import('./streams.js');
    streams(element, page);
  };
  page.session.subscribe(look);
  void look();
  return element;
}

/** Whether it is being recorded, and whether the window follows. @param {import('../types.js').Page} page */
function live({ session, live, say }) {
  const button = h('button', { type: 'button', class: 'live', onclick: () => live.follow() });
  let wasFollowing = live.follows();
  const show = () => {
    const isFollowing = live.follows();
    button.hidden = !session.get().recording;
    setText(button, isFollowing ? 'Recording, following the edge' : 'Recording, not following: go to the edge');
    set(button, { 'aria-pressed': String(isFollowing), title: 'Follow the edge (.)' });
    if (isFollowing !== wasFollowing) say(isFollowing ? 'Following the edge' : session.get().recording ? 'Not following the edge any more' : 'The recording has ended');
    wasFollowing = isFollowing;
  };
  live.subscribe(show);
  session.subscribe(show);
  show();
  return button;
}
