// What the server answers about requests and texts (docs/ref/page.md), as types. There is no code here.

/**
 * @typedef {import('../core/types.js').Moment} Moment
 *
 * @typedef {object} Exchange  A row of the waterfall; durations in seconds.
 * @property {number} id
 * @property {number} at
 * @property {string} kind
 * @property {string} stream
 * @property {string} name
 * @property {string | null} lane
 * @property {number | null} status
 * @property {string} outcome
 * @property {number | null} bytes
 * @property {number | null} wait
 * @property {number | null} receive
 * @property {number | null} failed
 * @property {string | null} own
 * @property {boolean} fault
 * @property {string | null} error
 * @property {string | null} directives  Of a poll that the origin was to hold.
 * @property {string} [damaged]  Why nothing else can be told of it; `at` is then that of the one before.
 *
 * @typedef {object} Detail
 * @property {Moment} moment
 * @property {string} method
 * @property {string} url
 * @property {[number, number] | null} range  First byte, and how many.
 * @property {string | null} http_version
 * @property {string | null} remote_addr
 * @property {number | null} lag
 * @property {number | null} announced_bytes
 * @property {[number, number][] | null} arrival
 * @property {[string, string][]} headers
 * @property {string | null} note
 * @property {number | null} confirms
 * @property {number[]} chain
 * @property {{ exchange: number, lane: string | null } | null} listed_by
 * @property {Body | null} body
 *
 * @typedef {Exchange & Detail} OpenExchange
 *
 * @typedef {object} Body
 * @property {string} sha256
 * @property {number} size
 * @property {string | null} path
 * @property {string} replay
 * @property {string | null} text
 * @property {boolean} is_whole
 * @property {string[]} media
 * @property {string | null} lost
 *
 * @typedef {object} Revision
 * @property {number} exchange
 * @property {number} at
 * @property {number | null} not_before
 * @property {boolean} advance
 * @property {number | null} first
 * @property {number | null} last
 * @property {string | null} step
 *
 * @typedef {{ from: number, to: number, url: string, exchange: number | null }} TextLink
 * @typedef {{ text: string, links: TextLink[] }} TextLine
 *
 * @typedef {Revision & TextOf} RevisionText
 *
 * @typedef {object} TextOf
 * @property {string} lane
 * @property {string} url
 * @property {number | null} before
 * @property {number | null} after
 * @property {number} line
 * @property {number} line_count
 * @property {TextLine[]} lines
 *
 * @typedef {{ kind: 'same' | 'removed' | 'added', old: [number, number], new: [number, number] }} Change
 */

export {};
