// The words of the filter, for who asks what they are.

import { h } from '../core/ui/dom.js';

/** @type {[string, string][]} */
const WORDS = [
  ['status>=400', 'the HTTP status; status:none: no response; =, <, <=, > as well'],
  ['503', 'that status, or in the name'],
  ['kind:segment', 'main, media, segment, part, init, key, data, steering, assets'],
  ['host:cdn2', 'host and port contain it'],
  ['outcome:reset', 'how it ended'],
  ['slow>2', 'seconds from the request to the last byte, or to the failure'],
  ['bytes>1000000', 'bytes of the body, as transferred'],
  ['fault', 'no good answer of the origin'],
  ['own', 'it happened only because a recorder asked'],
  ['stream:NAME', 'of one stream'],
  ['id:123', 'one exchange'],
  ['seg00', 'in the name; letters in whatever case'],
  ['!fault', '! or - before a word turns it round; all words must hold'],
];

export const words = () => h('dl', { tabindex: 0 }, WORDS.flatMap(([word, meaning]) => [h('dt', null, h('code', null, word)), h('dd', null, meaning)]));
