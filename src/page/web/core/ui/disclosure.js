// A table behind a picture: a button, and what it opens, made anew each time.

import { fill, h, set } from './dom.js';

/**
 * @param {string} name Of the picture.
 * @param {() => Node[] | Promise<Node[]>} content  What makes it may be loaded for that.
 */
export function disclosure(name, content) {
  const body = h('div', { class: 'behind', hidden: true, tabindex: -1, role: 'region', 'aria-label': `Table of ${name}` });
  const button = h('button', {
    type: 'button', class: 'plain table-button', 'aria-expanded': 'false', 'aria-label': `Table of ${name}`, title: `Table of ${name}`,
    onclick: () => {
      body.hidden = !body.hidden;
      set(button, { 'aria-expanded': String(!body.hidden) });
      refresh();
    },
  }, '≡');
  let asked = 0;
  const refresh = () => {
    if (body.hidden) {
      fill(body);
      return;
    }
    asked += 1;
    const mine = asked;
    Promise.resolve(content()).catch((error) => [h('p', { role: 'alert' }, error instanceof Error ? error.message : String(error))])
      .then((nodes) => !body.hidden && mine === asked && fill(body, nodes));
  };
  /** Made anew where it is open, and nobody is in it. */
  const renew = () => {
    if (!body.hidden && !body.contains(document.activeElement)) refresh();
  };
  return { button, body, renew };
}
