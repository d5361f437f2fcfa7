// What all panels share. There is no code here.
//
// A panel is `export function NAME(element, page)`: it fills its element and keeps it right by itself. It hides it (`hidden`)
// where there is nothing to show. Panels do not know each other; they meet in `page`:
//
//   state      what is seen, and the fragment: get(), set(changes, { replace }), subscribe(fn(seen, before)), link()  core/data/state.js
//              set({ x: 123 }) opens an exchange, { rev } a revision, { at } sets the pointer; setting any of these ends following
//   session    get(), subscribe(fn), zeroMs(), lane(id): the answer of -/v1/session, looked at again each second          core/data/session.js
//   findings   get() (null: none yet), subscribe(fn): the answer of -/v1/findings                                    core/data/findings.js
//   axis       the window: get() -> { from, to }, show({ from, to }), zoom(), pan(), reveal(at); subscribe(fn) to draw,
//              moved(fn) to ask for a picture, settled(fn) for all else; toPixel, toSeconds, ticks are functions beside it  core/picture/axis.js
//   pointer    observable: session seconds under the mouse, or null; a panel with the axis sets it and draws it    core/data/observable.js
//   playhead   observable: { clock, picture } of the player; the player sets it, lanes draw it                          core/types.js
//   playing    observable: [PlayerEvent], what the player met; the player sets it (a new array), lanes draw it          core/types.js
//   keys       add({ key, label, group, run }): `[`, `]`, `/`, space belong to the panels that have them                   core/ui/keys.js
//   say        say(sentence): to who does not see it                                                                     core/ui/say.js
//
// Data: `fetchJson(path, params, signal)` and `loader()` (a newer request ends the older one) of core/data/data.js; errors are
// sentences to be shown. Elements: `h(tag, props, ...children)` of core/ui/dom.js; strings become text, never markup.
// On the axis: pictures begin and end at the same pixels in all panels of the left column. A row of it is a grid
// `var(--label) minmax(0, 1fr)` with a right margin of `var(--edge)`; the second column is the axis, from `from` to `to`. In what
// scrolls (`scrollbar-width: thin; scrollbar-gutter: stable`) the margin is `calc(var(--edge) - var(--bar))`.

/**
 * @typedef {object} Page
 * @property {import('./core/data/state.js').State} state
 * @property {import('./core/data/session.js').SessionStore} session
 * @property {ReturnType<typeof import('./core/data/findings.js').loadFindings>} findings
 * @property {import('./core/picture/axis.js').Axis} axis
 * @property {import('./core/data/observable.js').Observable<number | null>} pointer
 * @property {import('./core/data/observable.js').Observable<import('./core/types.js').PlayHead>} playhead
 * @property {import('./core/data/observable.js').Observable<import('./core/types.js').PlayerEvent[]>} playing
 * @property {import('./core/data/observable.js').Observable<import('./core/types.js').Lanes | null>} events  What the lanes were told last.
 * @property {{ span: import('./core/picture/axis.js').Span, answer: Promise<import('./core/types.js').Lanes> }} firstLanes  Of the window at first.
 * @property {import('./core/ui/keys.js').Keys} keys
 * @property {import('./core/ui/say.js').Say} say
 * @property {import('./live.js').Live} live
 */

export {};
