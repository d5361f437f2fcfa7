// Keys that go from moment to moment.

/** @param {import('./main.js').Page} page */
export function moments(page) {
  void page;
}
