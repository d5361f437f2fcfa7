// The link to what is seen is copied.

import { copyText } from '../core/ui/copy.js';
import { setText } from '../core/ui/dom.js';

/** @param {import('../types.js').Page} page @param {HTMLElement} button It says what came of it. */
export async function copyLink({ state, say }, button) {
  const done = await copyText(state.link()).catch(() => false);
  setText(button, done ? 'Copied' : 'Link is in the address bar');
  say(done ? 'The link was copied' : 'It could not be copied; the link is in the address bar');
  setTimeout(() => setText(button, 'Copy link'), 1500);
}
