// What the signs of the pictures mean.

import { h } from '../core/ui/dom.js';

/** A class of css/signs.css, what stands in it, what it means. @type {[string, string, string][]} */
const SIGNS = [
  ['advance', '', 'The playlist advanced: a new segment was seen'],
  ['uncertain', '', 'Before an advance: since when it may have been there, as far as polls tell'],
  ['expected', '', 'When an advance was due, by the rhythm of the playlist'],
  ['gap', '8.5 s', 'A gap: no new segment for more than 1.5 target durations, and how long'],
  ['own', '16 s', 'No new segment was seen, and the origin is not blamed for it'],
  ['hole', '', 'No recorder ran, or what it recorded was removed'],
  ['notice', 'late', 'The recorder had trouble of its own: it was late, stood still, was suspended, its disk was full'],
  ['box', '6', 'A segment or a partial segment, from listed to gone; a dashed one was not asked for'],
  ['wait', '', 'Its download: the wait for the first byte'],
  ['receive', '', 'Its download: from the first byte to the last'],
  ['held', '', 'A wait that was asked for: the origin was to hold the request until a part is there'],
  ['announced', '', 'A partial segment that was announced (preload hint) and asked for before it was listed'],
  ['bad', '✕ 404', 'A download that failed, with its status or what broke it'],
  ['again', '✕ 404 ✓', 'A download that failed at first, and was good in the end'],
  ['warn', '▶', 'A download that was late: slower than it plays, or after the segment was gone'],
  ['mark', 'D', 'Discontinuity'],
  ['mark', 'K', 'Another key'],
  ['mark', 'M', 'Another initialization section'],
  ['mark', 'R', 'Date range, with a bar as long as it says'],
  ['mark', 'C', 'Cue of an ad break'],
  ['mark', 'U', 'The playlist is asked for by another URL: another path, another server. Another token in its query alone is no other one'],
  ['mark', '↺', 'The media sequence began again'],
  ['mark', '■', 'The playlist ended'],
  ['must', '◆', 'Finding: must'],
  ['should', '▲', 'Finding: should'],
  ['info', '●', 'Finding: info'],
  ['outage', '✕', 'Finding: an outage, requests without a good answer'],
  ['at', '', 'The moment that was chosen'],
  ['clock', '', 'The player: what time it is on its clock'],
  ['picture-line', '', 'The player: where its picture is'],
];

/** The dialog of them. */
export function signs() {
  const rows = SIGNS.map(([kind, text, meaning]) => [
    h('dt', null, h('span', { class: `swatch swatch-${kind}`, 'aria-hidden': 'true' }, text)),
    h('dd', null, meaning),
  ]);
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'signs-title' },
    h('h2', { id: 'signs-title', tabindex: -1, autofocus: true }, 'Signs'), h('dl', { class: 'signs' }, rows.flat()), h('button', { type: 'button', onclick: () => dialog.close() }, 'Close'));
  return dialog;
}
