// The link to what is seen.

import { h, setText } from '../core/dom.js';

/** @param {import('../types.js').Page} page */
export function linkButton({ state, live, say }) {
  const button = h('button', {
    type: 'button', title: 'Copy a link to what is shown',
    onclick: async () => {
      // At the edge the same seconds are to be seen tomorrow, not the edge of then.
      live.hold();
      const done = await import('../core/copy.js').then(({ copyText }) => copyText(state.link()), () => false);
      setText(button, done ? 'Copied' : 'Link is in the address bar');
      say(done ? 'The link was copied' : 'It could not be copied; the link is in the address bar');
      setTimeout(() => setText(button, 'Copy link'), 1500);
    },
  }, 'Copy link');
  return button;
}
