// The page: what all panels share is made here, and is described in types.js.

import { createAxis } from './core/picture/axis.js';
import { fetchJson } from './core/data/data.js';
import { h, setText } from './core/ui/dom.js';
import { lanesParams } from './core/data/lanes.js';
import { loadFindings } from './core/data/findings.js';
import { createKeys } from './core/ui/keys.js';
import { observable } from './core/data/observable.js';
import { createSay } from './core/ui/say.js';
import { loadSession } from './core/data/session.js';
import { createState } from './core/data/state.js';
import { createLive } from './live.js';
import { moments } from './moments.js';
import { layout } from './layout.js';

/** @typedef {import('./types.js').Page} Page */

/** So long findings wait for the first picture of the lanes, in milliseconds: judging takes a core. */
const PICTURE_MS = 1000;

/** @param {HTMLElement} root */
async function begin(root) {
  root.replaceChildren(h('p', { class: 'cannot quiet' }, 'Reading the session…'));
  const state = createState();
  const session = await loadSession();
  const live = createLive(state, session);
  const axis = createAxis(state, session);
  // Panels are still being loaded: how wide their pictures are is not known yet.
  const firstLanes = { span: axis.get(), answer: fetchJson('-/v1/lanes', lanesParams(axis.get(), session.get(), innerWidth)) };
  firstLanes.answer.catch(() => {});
  const events = observable(/** @type {import('./core/types.js').Lanes | null} */ (null));
  const picture = new Promise((resolve) => {
    events.subscribe(resolve);
    setTimeout(resolve, PICTURE_MS);
  });
  /** @type {Page} */
  const page = {
    state,
    session,
    live,
    findings: loadFindings(session, picture, async (came) => (await import('./waits.js')).explain(came, session.get()).catch(() => {})),
    axis,
    firstLanes,
    pointer: observable(/** @type {number | null} */ (null)),
    playhead: observable({ clock: /** @type {number | null} */ (null), picture: /** @type {number | null} */ (null) }),
    playing: observable(/** @type {import('./core/types.js').PlayerEvent[]} */ ([])),
    events,
    keys: createKeys(document.body),
    say: createSay(document.body),
  };
  const isMore = page.findings.subscribe((came) => {
    if (!came || !Object.keys(came.not_sent).length) return;
    isMore();
    import('./findings/of-window.js').then(({ ofWindow }) => ofWindow(page), () => page.say('Findings of the window could not be loaded'));
  });
  document.title = `${session.get().session} · isrecorder`;
  moments(page);
  await layout(root, page);
}

/** @param {HTMLElement} root @param {unknown} error */
function cannot(root, error) {
  const sentence = h('p', { role: 'alert', class: 'cannot' });
  setText(sentence, error instanceof Error ? error.message : String(error));
  root.replaceChildren(sentence, h('p', { class: 'cannot' }, h('button', { type: 'button', onclick: () => location.reload() }, 'Try again')));
}

const root = document.getElementById('page');
if (root) begin(root).catch((error) => cannot(root, error));
