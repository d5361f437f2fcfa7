// What the server answers (docs/ref/page.md), as types. There is no code here.

/**
 * @typedef {{ session_time: number, time: string }} Moment
 *
 * @typedef {object} Session
 * @property {string} session
 * @property {string} program
 * @property {Moment} recorded
 * @property {number} length_seconds
 * @property {boolean} recording
 * @property {number | null} kept_from
 * @property {[number, number][]} holes
 * @property {{ kind: string, count: number, seconds: number }[]} recorder
 * @property {Notice[]} notices  The last ones of these.
 * @property {Stream[]} streams
 * @property {boolean} hls_js
 * @property {Lane[]} lanes
 *
 * @typedef {{ kind: string, at: number, to: number | null, text: string, lane: string | null }} Notice  `to` null: it was not over; `lane` null: it is of all.
 *
 * @typedef {{ name: string, url: string, raw: boolean, path: string, dvr: string | null }} Stream
 *
 * @typedef {object} Lane
 * @property {string} id
 * @property {'media' | 'main' | 'raw'} kind
 * @property {string} stream
 * @property {string} name
 * @property {string | null} label
 * @property {string} url
 * @property {number | null} target_seconds
 * @property {number | null} part_target_seconds
 *
 * @typedef {object} Overview
 * @property {number} from
 * @property {number} to
 * @property {number} cell_seconds
 * @property {number[]} requests
 * @property {number[]} faults
 * @property {number[]} own
 * @property {number} indexed_to
 * @property {boolean} [full] no more will be indexed
 *
 * @typedef {{ from: number, to: number, indexed_to: number, full?: boolean, lanes: LaneEvents[] }} Lanes
 * @typedef {{ at: number[], not_before: (number | null)[], revision: number[], last: (number | null)[] }} Columns
 *
 * @typedef {object} Cells
 * @property {number} cell_seconds
 * @property {number[]} count
 * @property {(number | null)[]} longest  The longest wait that ends in the cell,
 * @property {(number | null)[]} until    when that ended,
 * @property {(number | null)[]} revision and the exchange that showed it.
 *
 * @typedef {object} LaneEvents
 * @property {string} id
 * @property {number | null} before
 * @property {number | null} after
 * @property {Columns | null} advances
 * @property {Columns | null} [revisions]  Of a multivariant playlist.
 * @property {Cells | null} cells
 * @property {Listed[] | null} segments
 * @property {number} [segments_left_out] so many more were listed before these
 * @property {Listed[] | null} parts
 * @property {Mark[] | null} marks
 * @property {{ parts: Body[], left_out: number } | null} bodies
 *
 * @typedef {object} Listed  A segment or a partial segment; from `exchange` on what was asked first for it, where it was asked for.
 * @property {number} sequence
 * @property {number} [part]
 * @property {string} name
 * @property {number | null} from  Null: before the texts that were read.
 * @property {number | null} to    Null: it was listed until the span that was read ended.
 * @property {number} duration
 * @property {boolean} gap
 * @property {number} [exchange]
 * @property {number} [requested]
 * @property {number | null} [first_byte]
 * @property {number | null} [done]
 * @property {number | null} [status]
 * @property {string} [outcome]
 * @property {number | null} [bytes]
 * @property {boolean} [fault]
 * @property {{ exchange: number, requested: number, done: number | null } | null} [good]  Behind a fault: the first good one.
 *
 * @typedef {object} Mark
 * @property {number} at
 * @property {'discontinuity' | 'key' | 'map' | 'date range' | 'cue' | 'url' | 'restart' | 'end'} kind
 * @property {number | null} to
 * @property {string} text
 * @property {number} revision
 * @property {number | null} sequence
 *
 * @typedef {object} Body
 * @property {number | null} exchange
 * @property {number} from
 * @property {number | null} to
 * @property {number} bytes
 * @property {string | null} outcome
 * @property {boolean} continues
 *
 * @typedef {'must' | 'should' | 'info'} Severity
 *
 * @typedef {object} Finding
 * @property {string} rule
 * @property {boolean} own
 * @property {string} [name]
 * @property {Severity} [severity]
 * @property {string} [section]
 * @property {string} stream
 * @property {string | null} playlist
 * @property {string | null} [lane]
 * @property {string[]} [lanes]  Of an outage that is of no single playlist: the lanes of its first requests.
 * @property {number | null} [line_number]
 * @property {number} [event]  Of what several playlists of a stream have at once all have the same.
 * @property {number} count
 * @property {Moment & { exchange: number | null }} first
 * @property {Moment & { exchange: number | null }} last
 * @property {number[]} exchanges
 * @property {{ from: number, to: number, lane: string }[]} [waits]  Of an outage: where lanes waited too long because of it (waits.js).
 * @property {{ text: string } & Record<string, any>} detail
 *
 * @typedef {object} Findings
 * @property {'gaps and faults' | 'judging' | 'done'} state
 * @property {number | null} judged_to
 * @property {string | null} [failed]
 * @property {Record<Severity, number>} counts
 * @property {Finding[]} findings
 * @property {Record<string, number>} not_sent  Rule, and how many more of it the server has.
 * @property {Record<string, number>} events_not_sent  Rule, and how many events these are of which no finding is there.
 * @property {Record<string, number>} left_out  Rule, and how many more it has found, which nobody has.
 * @property {{ what: string, why: string }[]} not_judged
 * @property {Findings} [first]  What came first, where those of windows are in it as well.
 */

/**
 * The play heads, in session seconds: what time it is on the clock of the player, and where its picture is. Null: not known.
 * @typedef {{ clock: number | null, picture: number | null }} PlayHead
 *
 * What the player met: `to` null is a moment. `bad`: a stall, an error.
 * @typedef {{ at: number, to: number | null, kind: string, text: string, bad: boolean }} PlayerEvent
 */

/**
 * @typedef {object} Axis
 * @property {() => import('./picture/axis.js').Span} get  What is seen now; a new object whenever it is another span.
 * @property {(span: import('./picture/axis.js').Span) => void} show  Shows a span (in the session, as near as it can). Pictures draw it at once; the fragment follows
 *   when it rests.
 * @property {(factor: number, around?: number) => void} zoom  Below 1: nearer. Around the pointer or the middle.
 * @property {(seconds: number) => void} pan
 * @property {(at: number, to?: number) => void} reveal  Where it is not seen: the window goes there, and it begins at a quarter of it.
 * @property {(told: (span: import('./picture/axis.js').Span) => void) => () => void} subscribe  At each change, also while somebody drags: draw.
 * @property {(told: (span: import('./picture/axis.js').Span) => void) => () => void} moved  Ask for a picture: at once when it begins to move, now and then while it does, and when it rests.
 * @property {(told: (span: import('./picture/axis.js').Span) => void) => () => void} settled  Ask for all else: it has come to rest.
 */

/**
 * @typedef {object} Virtual
 * @property {HTMLElement} body  What is as high as all rows.
 * @property {(count: number, rowHeight: number) => void} measure
 * @property {() => void} clear    There are no rows any more, until they are measured.
 * @property {() => void} render   What is seen, now; rows that are there are drawn again.
 * @property {() => void} renew    In the next frame.
 * @property {() => { first: number, last: number }} seen  Of what is on the screen, `last` included.
 * @property {(index: number, where?: 'nearest' | 'begin' | 'middle') => void} reveal
 * @property {(index: number) => HTMLElement | null} element
 * @property {(index: number | null) => void} pin  This row stays in the document: it has the focus.
 */

/**
 * @typedef {object} SessionStore
 * @property {() => Session} get
 * @property {(told: (session: Session) => void) => () => void} subscribe  When it has changed.
 * @property {(told: (sentence: string | null) => void) => () => void} trouble  When the server stops to answer, or answers again (null).
 * @property {() => number} zeroMs  Session zero, in Unix milliseconds.
 * @property {(id: string | null) => Lane | null} lane
 */

/**
 * @typedef {object} Live
 * @property {() => boolean} follows
 * @property {() => void} follow  Goes to the edge, and stays there.
 * @property {() => void} hold  Stays where it is.
 * @property {(told: (follows: boolean) => void) => () => void} subscribe
 */

/**
 * @typedef {object} Key
 * @property {string} key    As `KeyboardEvent.key` says it: `j`, ` `, `ArrowLeft`, `?`.
 * @property {string} label  What it does, in the list; keys with one label stand in one line. Empty: it is not listed.
 * @property {string} [group]
 * @property {(event: KeyboardEvent) => void} run
 *
 * @typedef {object} Keys
 * @property {(...keys: Key[]) => () => void} add  Gives what takes them away.
 * @property {(group: string, label: string, keys: string[]) => void} note  Lists keys that an element has while it has the focus.
 * @property {() => void} help
 */

export {};
