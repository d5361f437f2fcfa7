// Elements of what they are made of. Text of an origin only ever becomes a text node: there is no way from a string to markup here.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, unknown>} Props */

/**
 * Applies one property: `onclick` and the like are listeners, `class` is the class, `style` is an object of CSS properties (set
 * by script, which the policy of the page allows), `data-x` and `aria-x` are attributes, true is an empty attribute, and
 * null, undefined and false are none.
 * @param {Element} element @param {string} name @param {unknown} value
 */
function apply(element, name, value) {
  if (name.startsWith('on') && typeof value === 'function') {
    element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
  } else if (name === 'style' && value && typeof value === 'object') {
    const { style } = /** @type {HTMLElement} */ (element);
    for (const [key, one] of Object.entries(value)) style.setProperty(key, String(one));
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

/**
 * An element with its children: `h('button', { class: 'quiet', onclick: copy }, 'Copy link')`.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) apply(element, name, value);
  add(element, children);
  return element;
}

/**
 * Sets properties of an element that is there.
 * @param {Element} element @param {Props} props
 */
export function set(element, props) {
  for (const [name, value] of Object.entries(props)) apply(element, name, value);
}

/** @param {Element} element @param {(Child | Child[])[]} children */
function add(element, children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
  }
}

/** Letters at the end of a name that stay: they tell it apart. */
const TAIL = 10;

/** The two parts of a name: where there is no room the first one is cut. @param {string} name @returns {[string, string]} */
export function halves(name) {
  const at = name.length < TAIL + 4 ? 0 : name.length - TAIL;
  // A letter outside the first plane is two units.
  const end = /[\uDC00-\uDFFF]/.test(name[at] ?? '') ? at + 1 : at;
  return [name.slice(0, end), name.slice(end)];
}

/** A name that is cut in its middle where there is no room for it. @param {string} name */
export const cut = (name) => h('bdi', { class: 'cut', title: name }, halves(name).map((half) => h('span', null, half)));

/**
 * Puts these children in place of those that are there.
 * @param {Element} element @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

/**
 * Sets the text, where it is another one: what a screen reader reads, or somebody selects, stays as it is.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
