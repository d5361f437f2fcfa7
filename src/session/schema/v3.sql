-- The schema of session.db, format version 3. docs/design/session.md says why.
--
-- Times (names ending in _us without a noun of duration) are microseconds of Unix
-- time, from one reading of the wall clock plus the monotonic clock. wait_us,
-- receive_us, failed_us, lag_us, length_us, target_duration_us, part_target_us, can_skip_us, hold_back_us and
-- part_hold_back_us are durations in microseconds.

-- One life of the recorder process.
CREATE TABLE run (
  id          INTEGER PRIMARY KEY,
  started_us  INTEGER NOT NULL,                -- that of run 1 is session zero
  seen_us     INTEGER NOT NULL,                -- last known alive: at each commit, every 10 s at least
  stopped_us  INTEGER,                         -- NULL: being recorded, or killed
  ended       TEXT,                            -- why: 'stopped', 'finished', 'duration', 'failed', 'killed', 'disk full'
  program     TEXT NOT NULL                    -- name and version
) STRICT;

-- One input: what the user typed as a URL.
CREATE TABLE stream (
  id          INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,            -- safe as a file name and in a URL path
  url         TEXT NOT NULL                    -- without user name and password
) STRICT;

-- One URL that was asked for; with a byte range, where a playlist named one. Kind 'main' is what
-- the user typed, until it is known for a media playlist: a raw stream, whose bodies are files, too.
CREATE TABLE resource (
  id           INTEGER PRIMARY KEY,
  stream_id    INTEGER NOT NULL REFERENCES stream(id),
  kind         TEXT NOT NULL CHECK (kind IN (
                 'main','media','segment','init','part','key','data',
                 'steering',                   -- a steering manifest (RFC 8216bis 7)
                 'assets')),                   -- a list of assets (X-ASSET-LIST, RFC 8216bis D.2)
  url          TEXT NOT NULL,                  -- as it was asked for, without a fragment
  path_url     TEXT NOT NULL,                  -- the URL without its query
  name         TEXT NOT NULL,                  -- its path, percent-decoded, without the leading slash
  range_first  INTEGER CHECK (range_first >= 0),  -- first byte of the range; NULL: the whole resource
  range_length INTEGER CHECK (range_length > 0),  -- bytes of the range
  CHECK ((range_first IS NULL) = (range_length IS NULL))
) STRICT;
-- One row for each URL and range of a stream; NULLs are distinct to SQLite, hence ifnull.
CREATE UNIQUE INDEX resource_url ON resource(url, stream_id, ifnull(range_first, -1), ifnull(range_length, -1));
CREATE INDEX resource_path_url ON resource(path_url);

-- Another URL of a resource: the same media sequence number and path with another query; of a media playlist that
-- was renewed its first URL and each later one that was polled, both ways.
CREATE TABLE alias (
  url          TEXT NOT NULL,
  resource_id  INTEGER NOT NULL REFERENCES resource(id),
  PRIMARY KEY (url, resource_id)
) STRICT, WITHOUT ROWID;

-- URLs whose normal spelling (RFC 3986 6.2.2, docs/design/timeline.md) is another: players write them so.
CREATE TABLE url_spelling (
  normal       TEXT NOT NULL,
  url          TEXT NOT NULL,                  -- of a resource, an alias, or what was left out
  PRIMARY KEY (normal, url)
) STRICT, WITHOUT ROWID;

-- Names of query parameters that URLs of a host have together: what else a request has, its player added. At
-- most 128 sets of a host.
CREATE TABLE query_names (
  host         TEXT NOT NULL,                  -- scheme, host and port, as in a URL
  names        TEXT NOT NULL,                  -- in order, each with its =, nothing for one without: 'v=&n='
  PRIMARY KEY (host, names)
) STRICT, WITHOUT ROWID;

-- What a revision lists and what has not been asked for yet on its account. Empty in a
-- session that was stopped; in one that is being recorded, a replayer waits for these.
CREATE TABLE pending (
  resource_id  INTEGER PRIMARY KEY REFERENCES resource(id),
  referrer_id  INTEGER NOT NULL,               -- the revision
  from_us      INTEGER NOT NULL                -- when that is the answer
) STRICT;

-- Response header fields, in the order received, shared by exchanges.
CREATE TABLE header_set (
  id           INTEGER PRIMARY KEY,
  -- JSON array of [name, value]; value null: it changes at each answer, see exchange.header_values
  fields       TEXT NOT NULL UNIQUE
) STRICT;

-- Distinct content.
CREATE TABLE body (
  id           INTEGER PRIMARY KEY,
  size         INTEGER NOT NULL CHECK (size >= 0),  -- bytes
  sha256       BLOB NOT NULL CHECK (length(sha256) = 32),
  text         TEXT,                           -- a playlist or other text; of a large playlist: the head
  first_line   INTEGER,                        -- of a large playlist: then these rows of `line`, ...
  last_line    INTEGER,
  tail         TEXT,                           -- ... then this
  line_owner   INTEGER REFERENCES resource(id),-- whose lines
  data         BLOB,                           -- keys, what is not UTF-8, and texts that are kept compressed: ...
  coding       TEXT,                           -- ... in these content codings, as they came; size and sha256 are
                                               -- those of the text. NULL: it is not compressed
  path         TEXT,                           -- a chunk: relative to chunks/
  CHECK ((text IS NOT NULL) + (data IS NOT NULL) + (path IS NOT NULL) = 1),
  CHECK ((first_line IS NULL) = (line_owner IS NULL)),
  CHECK (coding IS NULL OR data IS NOT NULL)
) STRICT;
CREATE INDEX body_sha256 ON body(sha256) WHERE text IS NULL;
CREATE UNIQUE INDEX body_path ON body(path COLLATE NOCASE) WHERE path IS NOT NULL;

-- Lines of playlists that are not very small, each kept once, with its line ending; those of a segment,
-- from its EXTINF to its URI, are one row.
CREATE TABLE line (
  resource_id  INTEGER NOT NULL REFERENCES resource(id),
  number       INTEGER NOT NULL,               -- in the order in which lines appeared
  text         TEXT NOT NULL,
  PRIMARY KEY (resource_id, number)
) STRICT, WITHOUT ROWID;

-- One request and its outcome. Written once, never changed.
CREATE TABLE exchange (
  id            INTEGER PRIMARY KEY,           -- in the order in which requests began
  resource_id   INTEGER NOT NULL REFERENCES resource(id),
  -- The playlist exchange that listed the resource, or the list of assets; NULL: what the user typed
  referrer_id   INTEGER,
  head_id       INTEGER,                       -- a hop of a redirect: the exchange that the chain began with
  from_us       INTEGER NOT NULL,              -- from when on this is the answer (docs/design/timeline.md)
  requested_us  INTEGER NOT NULL,
  lag_us        INTEGER,                       -- a poll: how late the recorder was against its own grid
  -- A poll that the origin was to hold (RFC 8216bis 6.2.5.2): what the URL had beside that of the playlist,
  -- '_HLS_msn=273&_HLS_part=2'
  directives    TEXT,
  directives_met INTEGER CHECK (directives_met IN (0, 1)),  -- 0: it came without that
  -- Of a revision, what a low-latency playlist says of itself:
  last_parts    INTEGER,                       -- how many parts are listed of the last segment,
  next_parts    INTEGER,                       -- ... and behind it, of the one that comes next;
  can_block     INTEGER CHECK (can_block IN (0, 1)),  -- EXT-X-SERVER-CONTROL: CAN-BLOCK-RELOAD,
  can_skip_us   INTEGER,                       -- ... CAN-SKIP-UNTIL,
  hold_back_us  INTEGER,                       -- ... HOLD-BACK,
  part_hold_back_us INTEGER,                   -- ... PART-HOLD-BACK
  wait_us       INTEGER,                       -- requested to first byte of the response; NULL: no response
  receive_us    INTEGER,                       -- first byte to last byte, or to the break
  failed_us     INTEGER,                       -- requested to its end, where there was no response
  status        INTEGER,                       -- HTTP status; NULL: no response
  http_version  TEXT,                          -- 'HTTP/1.1', 'HTTP/2.0'; 'ICY': SHOUTcast 1
  remote_addr   TEXT,                          -- address and port that answered
  header_set_id INTEGER REFERENCES header_set(id),
  header_values TEXT,                          -- JSON array: the values that header_set leaves out; an integer is a date, in Unix seconds
  announced_bytes INTEGER,                     -- Content-Length; NULL: none
  wire_bytes    INTEGER,                       -- bytes of the body that came, as transferred
  -- How the body came, where that was not at once: JSON [[microseconds after the first byte,
  -- bytes so far], ...], at most 64 points; of a part of a raw stream one every second or so
  arrival       TEXT,
  body_id       INTEGER REFERENCES body(id),   -- NULL: there is none
  -- Content codings that the body is still in; NULL: it is plain (decoded, or never encoded)
  body_encoding TEXT,
  body_first    INTEGER,                       -- a partial answer (206): where in the resource the body begins;
                                               -- a 200: it goes on with the response before, from this byte on
  resource_bytes INTEGER,                      -- a partial answer: the size of the whole, where the origin said
  confirms_id   INTEGER,                       -- 304: the exchange whose body it confirmed
  outcome       TEXT NOT NULL CHECK (outcome IN (
                  'complete',                  -- a response and all of its body, whatever its status
                  'short', 'long',             -- the body ended before, or went on after, its announced length
                                               -- short without a status: closed in good order before any answer
                  'reset',                     -- the connection was reset, before or in the answer
                  'crossed',                   -- the origin closed a kept connection as the request crossed it:
                                               -- asked again at once, on a new one
                  'refused', 'unresolved', 'tls', 'unreachable',  -- no connection
                  'connect timeout', 'response timeout', 'body timeout',
                  'protocol',                  -- the response was no HTTP
                  'scheme',                    -- a redirect to what is not http(s), or from https to http: not followed
                  'redirects',                 -- too many
                  'too large',                 -- cut by the recorder's own limit
                  'encoding',                  -- its Content-Encoding could not be decoded
                  'not a playlist',            -- a playlist was expected
                  'disk',                      -- the recorder could not store the body
                  'aborted')),                 -- the recorder was stopped
  -- Why it happened only because a recorder asked. No player
  -- would have met it: it is never the answer and no fault of the origin. NULL: a player could have
  own_reason    TEXT CHECK (own_reason IN (
                  'key again',                 -- a key that was known was asked for once more
                  'probe',                     -- it was asked to compare the answer with what is known
                  'too often',                 -- 429 to polls denser than those of a player
                  'too late',                  -- asked for later than the origin has to keep it (RFC 8216bis 6.2.2),
                                               -- or under a URL that a player would have left
                  'put off')),                 -- a redirect that was not followed yet: where it leads had asked for patience
  error         TEXT,                          -- what went wrong, for people
  note          TEXT                           -- what was odd and did no harm, for people
) STRICT;
-- answer(url, t) and "all polls of a playlist" are both ranges of this one.
CREATE INDEX exchange_answer ON exchange(resource_id, from_us);

-- Facts of an exchange that brought a new body of a playlist, so that analysis never reads bodies.
CREATE TABLE revision (
  exchange_id   INTEGER PRIMARY KEY REFERENCES exchange(id),  -- the one with the body: the last hop
  playlist_id   INTEGER NOT NULL REFERENCES resource(id),     -- the playlist that was polled: of the head
  seen_us       INTEGER NOT NULL,              -- when the response that brought it began
  not_before_us INTEGER,                       -- when the last poll that still brought the one before was requested
  advance       INTEGER NOT NULL CHECK (advance IN (0, 1)),   -- 1: its end is new
  -- NULL in what follows: a multivariant playlist
  media_sequence         INTEGER,              -- numbers of segments have 64 bits, in two's complement: 2^63 and
                                               -- more are negative, and nothing relies on their order
  segment_count          INTEGER,
  last_sequence          INTEGER,              -- of the last segment; NULL also where there is none
  target_duration_us     INTEGER,
  part_target_us         INTEGER,
  discontinuity_sequence INTEGER,
  ended                  INTEGER CHECK (ended IN (0, 1))      -- 1: EXT-X-ENDLIST
) STRICT;
CREATE INDEX revision_playlist ON revision(playlist_id, seen_us);

-- How the window of a revision of a media playlist lies on those before it: our judgement (docs/design/windows.md). What
-- was said while it was recorded stays; what is known better later stands beside it.
CREATE TABLE placement (
  exchange_id     INTEGER PRIMARY KEY REFERENCES revision(exchange_id),
  place           INTEGER NOT NULL,            -- of its first segment: segments of one place are one
  step            TEXT NOT NULL CHECK (step IN ('first', 'slid', 'same', 'behind', 'restarted')),
  -- What it was in truth, as what came later tells; NULL: what was said
  corrected_place INTEGER,
  corrected_step  TEXT CHECK (corrected_step IN ('first', 'slid', 'same', 'behind', 'restarted')),
  CHECK ((corrected_place IS NULL) = (corrected_step IS NULL))
) STRICT;

-- What the recorder noticed about itself and refused to do; docs/design/session.md lists the kinds.
CREATE TABLE event (
  id        INTEGER PRIMARY KEY,
  at_us     INTEGER NOT NULL,                  -- when it began
  -- How long it lasted; of 'clock step' by how much the wall clock was set. NULL: a moment, or
  -- ('disk full', 'checkpoint held up') not over when the run ended
  length_us INTEGER,
  kind      TEXT NOT NULL CHECK (kind IN (
              'late', 'stalled', 'suspended', 'clock step', 'disk full', 'checkpoint held up',
              'false validators',              -- of the playlist whose URL is the detail, 304 was answered though it had changed
              'left alone',                    -- the host that is the detail had asked for patience
              'refused uri', 'left out', 'too many playlists', 'too many segments', 'too many assets',
              'date range',                    -- JSON of stream, id, url: what it names (X-ASSET-LIST, X-ASSET-URI) was asked for
              'icy',                           -- JSON of stream, exchange, byte in its body, metadata
              'panicked',                      -- a loop or a download of the recorder
              'resumed', 'removed', 'clock behind',  -- of a run that goes on from another
              'kept from',                     -- number 0: since at_us everything is kept
              -- Of a repair: 'lost' (JSON of body and path: a reader does not get it)
              'lost', 'moved aside', 'changed')),
  detail    TEXT NOT NULL                      -- for people
) STRICT;

-- URLs that the user did not want are asked for, too.
CREATE INDEX event_left_out ON event(detail) WHERE kind = 'left out';

-- The clocks of the machine, every 10 s and when one of them did what it should not.
CREATE TABLE heartbeat (
  at_us    INTEGER PRIMARY KEY,                -- session time goes by this one: wall clock at the start of the run, then monotonic
  wall_us  INTEGER NOT NULL,                   -- the wall clock then
  boot_us  INTEGER                             -- since the machine was started, sleep included; NULL: the system does not say
) STRICT;

-- Text of a body, whole. NULL: it is no text, or is kept compressed (body.coding).
CREATE VIEW body_text AS
  SELECT b.id, b.size,
         CASE WHEN b.first_line IS NULL THEN b.text
              ELSE b.text
                   || ifnull((SELECT group_concat(l.text, '') FROM
                        (SELECT text FROM line
                          WHERE resource_id = b.line_owner AND number BETWEEN b.first_line AND b.last_line
                          ORDER BY number) l), '')
                   || ifnull(b.tail, '')
         END AS text
    FROM body b;

-- Everything that happened, with names and times, in session order.
CREATE VIEW timeline AS
  SELECT e.id,
         round((e.requested_us - (SELECT started_us FROM run WHERE id = 1)) / 1e6, 6) AS session_time,
         strftime('%Y-%m-%d %H:%M:%S', e.requested_us / 1000000, 'unixepoch') || printf('.%06d', e.requested_us % 1000000) AS date,
         r.kind, r.name, e.status, e.outcome, e.wire_bytes,
         round(e.wait_us / 1e3, 3) AS wait_ms, round(e.receive_us / 1e3, 3) AS receive_ms,
         round(e.lag_us / 1e3, 3) AS lag_ms, e.error, r.url, e.referrer_id
    FROM exchange e JOIN resource r ON r.id = e.resource_id;

-- The five tables of the original isrecorder, for scripts that were made for it.
-- date: when the response began, or when it was asked for where there was none.
CREATE VIEW meta AS
  SELECT s.id, s.name, s.url,
         strftime('%Y-%m-%d %H:%M:%S', r.started_us / 1000000, 'unixepoch') || printf('.%06d', r.started_us % 1000000) AS start,
         (SELECT strftime('%Y-%m-%d %H:%M:%S', coalesce(l.stopped_us, l.seen_us) / 1000000, 'unixepoch')
                 || printf('.%06d', coalesce(l.stopped_us, l.seen_us) % 1000000)
            FROM run l ORDER BY l.id DESC LIMIT 1) AS stop
    FROM stream s, run r WHERE r.id = 1;

-- Exchanges as the original saw them: of a redirect the last hop, under the name that was asked for.
CREATE VIEW original_row AS
  SELECT e.id, r.kind, r.name,
         strftime('%Y-%m-%d %H:%M:%S', (e.requested_us + ifnull(e.wait_us, 0)) / 1000000, 'unixepoch')
           || printf('.%06d', (e.requested_us + ifnull(e.wait_us, 0)) % 1000000) AS date,
         -- Of a 304 what it confirms.
         ifnull(e.body_id, (SELECT c.body_id FROM exchange c WHERE c.id = e.confirms_id)) AS body_id,
         CASE WHEN e.outcome <> 'complete' THEN coalesce(e.error, e.outcome)
              WHEN e.status >= 400 THEN 'HTTP ' || e.status END AS error,
         CASE WHEN e.status >= 400 THEN e.status WHEN e.outcome <> 'complete' THEN 0 END AS error_code,
         EXISTS (SELECT 1 FROM revision v WHERE v.exchange_id = e.id) AS is_revision
    FROM exchange e
    JOIN resource r ON r.id = ifnull((SELECT h.resource_id FROM exchange h WHERE h.id = e.head_id), e.resource_id)
   WHERE e.outcome <> 'crossed'
     AND (e.status IS NULL OR e.status NOT IN (301, 302, 303, 307, 308) OR e.outcome <> 'complete');

CREATE VIEW main_playlist AS
  SELECT o.id, o.date, t.text AS body, o.error, o.error_code
    FROM original_row o LEFT JOIN body_text t ON t.id = o.body_id
   WHERE o.kind = 'main' AND (o.is_revision OR o.error IS NOT NULL) ORDER BY o.id;

CREATE VIEW simple_playlist AS
  SELECT o.id, o.name, o.date, t.text AS body, o.error, o.error_code
    FROM original_row o LEFT JOIN body_text t ON t.id = o.body_id
   WHERE o.kind = 'media' AND (o.is_revision OR o.error IS NOT NULL) ORDER BY o.id;

CREATE VIEW segments AS
  SELECT o.id, o.name, o.date, 'chunks/' || b.path AS path, o.error, o.error_code
    FROM original_row o LEFT JOIN body b ON b.id = o.body_id
   WHERE o.kind IN ('segment', 'init', 'part') ORDER BY o.id;

CREATE VIEW keys AS
  SELECT o.id, o.name AS path, o.date, b.data, o.error, o.error_code
    FROM original_row o LEFT JOIN body b ON b.id = o.body_id
   WHERE o.kind = 'key' ORDER BY o.id;
