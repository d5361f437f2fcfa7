// What lanes are made of, as types. There is no code here.

/**
 * @typedef {'advance' | 'gap' | 'segment' | 'part' | 'mark' | 'finding' | 'body' | 'revision' | 'player' | 'notice'} ThingKind
 * @typedef {'findings' | 'marks' | 'advances' | 'boxes' | 'parts'} Band
 *
 * @typedef {object} Thing
 * @property {ThingKind} kind
 * @property {Band} band
 * @property {number} at
 * @property {number} to  The same as `at`: a moment.
 * @property {string} name
 * @property {() => string[]} lines  More of it, in words.
 * @property {boolean} bad
 * @property {number | null} [exchange]
 * @property {number | null} [revision]
 * @property {import('./things/boxes.js').Box} [box]
 * @property {import('./things/gaps.js').Wait} [wait]
 * @property {import('../core/types.js').Mark} [mark]
 * @property {import('../core/types.js').Finding} [finding]
 * @property {number | null} [notBefore]
 * @property {import('../core/types.js').Body} [body]
 * @property {import('../core/types.js').Notice} [notice]  Of the recorder.
 *
 * @typedef {object} Known  Of a lane.
 * @property {import('../core/types.js').Lane} lane
 * @property {import('../core/types.js').LaneEvents | null} events
 * @property {{ from: number, to: number }} span  Of which `events` are.
 * @property {import('../core/types.js').Finding[]} findings
 * @property {import('../core/types.js').Finding[]} outages  Of its stream.
 * @property {boolean} isJudged
 * @property {boolean} isRead  Whether they are all of the window.
 * @property {import('../core/types.js').Session} session
 */

/**
 * What keys of a lane go through.
 * @typedef {{ things: () => Thing[], current: () => Thing | null, become: (thing: Thing | null) => void, open: (thing: Thing) => void }} KeyRow
 */

/**
 * @typedef {object} Scene
 * @property {Thing[]} things
 * @property {number[]} expected
 * @property {import('./picture/bands.js').Bands} bands
 * @property {import('../core/types.js').LaneEvents | null} events
 * @property {{ from: number, to: number }} known  Of which the events are.
 * @property {[number, number][]} holes
 * @property {import('../core/types.js').Notice[]} notices  Of the recorder.
 * @property {number} end  Of the session.
 * @property {Thing | null} current  Where the keyboard is.
 * @property {string | null} note  Why less is shown.
 *
 * @typedef {object} Lines
 * @property {number | null} pointer
 * @property {number | null} at
 * @property {import('../core/types.js').PlayHead} playhead
 */

/**
 * @typedef {object} Wait  Longer than a playlist may wait.
 * @property {number} from
 * @property {number} to
 * @property {boolean} own  It says nothing of the origin: no recorder ran, or the report does not count it.
 * @property {boolean} open  Nothing ended it.
 * @property {import('../core/types.js').Finding | null} finding
 * @property {number | null} revision  The exchange that showed its end.
 */

/**
 * @typedef {'good' | 'failed' | 'recovered' | 'late' | 'own' | 'none' | 'earlier' | 'gap'} Fate
 *   `recovered`: the first request for it failed, and a later one did not; `own`: it came to nothing, and that was not the origin's; `none`: nobody asked for it; `earlier`: if somebody did, that was before
 *   what was read; `gap`: the playlist itself says that it is missing.
 * @typedef {{ listed: import('../core/types.js').Listed, row: number, from: number, to: number, begins: boolean, ends: boolean, fate: Fate, asked: number }} Box
 *   `asked`: when an announced part was asked for, before it was listed (else `from`); `begins`, `ends`: it is known when it was listed, gone; else its end is only where it is cut.
 */

export {};
