// A list of many rows of equal height: only those that are seen are in the document.

/** Rows beyond what is seen, so that scrolling meets none that is missing. */
const BEYOND = 8;

/** @typedef {import('../types.js').Virtual} Virtual */

/**
 * @param {HTMLElement} scroller
 * @param {HTMLElement} body In the scroller.
 * @param {(index: number, old: HTMLElement | null) => HTMLElement} draw  A row; where there is an old one it becomes this one.
 * @param {(last: number, first: number) => void} [reached]  After each rendering: the last row that is in the document, and the first.
 * @returns {Virtual}
 */
export function virtual(scroller, body, draw, reached) {
  let count = 0;
  let rowHeight = 24;
  let isDue = false;
  /** @type {number | null} */
  let pinned = null;
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map();
  /** @type {HTMLElement[]} */
  const free = [];

  const seen = () => {
    const first = Math.max(Math.floor(scroller.scrollTop / rowHeight), 0);
    const last = Math.min(Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) - 1, count - 1);
    return { first: Math.min(first, Math.max(count - 1, 0)), last };
  };

  /** @param {boolean} again Rows that are there are drawn again. */
  const show = (again) => {
    isDue = false;
    const range = seen();
    const first = Math.max(range.first - BEYOND, 0);
    const last = Math.min(range.last + BEYOND, count - 1);
    for (const [index, row] of shown) {
      if ((index < first || index > last || index >= count) && index !== pinned) {
        row.remove();
        shown.delete(index);
        free.push(row);
      }
    }
    const isPinnedElsewhere = pinned !== null && (pinned < first || pinned > last);
    let next = body.firstElementChild;
    for (let index = first; index <= last; index += 1) {
      if (isPinnedElsewhere && next && next === shown.get(/** @type {number} */ (pinned))) next = next.nextElementSibling;
      const old = shown.get(index) ?? null;
      if (old && !again) {
        next = old.nextElementSibling;
        continue;
      }
      const row = draw(index, old ?? free.pop() ?? null);
      if (row !== old) {
        row.style.transform = `translateY(${index * rowHeight}px)`;
        shown.set(index, row);
        body.insertBefore(row, next);
      }
      next = row.nextElementSibling;
    }
    if (isPinnedElsewhere && again && pinned !== null && pinned < count) draw(pinned, shown.get(pinned) ?? null);
    free.length = Math.min(free.length, 64);
    reached?.(last, first);
  };
  const renew = () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => show(true));
  };

  scroller.addEventListener('scroll', () => show(false), { passive: true });
  new ResizeObserver(renew).observe(scroller);

  return {
    body,
    measure(wanted, height) {
      if (height !== rowHeight) {
        for (const [index, row] of shown) row.style.transform = `translateY(${index * height}px)`;
      }
      count = wanted;
      rowHeight = height;
      body.style.height = `${count * rowHeight}px`;
    },
    clear() {
      count = 0;
      for (const row of shown.values()) row.remove();
      shown.clear();
      body.replaceChildren();
    },
    render: () => show(true),
    renew,
    seen,
    reveal(index, where = 'nearest') {
      const top = index * rowHeight;
      const room = scroller.clientHeight;
      if (where === 'nearest' && top >= scroller.scrollTop && top + rowHeight <= scroller.scrollTop + room) return;
      if (where === 'middle') scroller.scrollTop = top - room / 2;
      else if (where === 'begin' || top < scroller.scrollTop) scroller.scrollTop = top;
      else scroller.scrollTop = top + rowHeight - room;
      show(false);
    },
    element: (index) => shown.get(index) ?? null,
    pin(index) {
      pinned = index;
    },
  };
}
