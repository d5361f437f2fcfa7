// (being built)

/** @param {HTMLElement} element @param {import('../main.js').Page} page */
export function head(element, page) {
  void element;
  void page;
}
