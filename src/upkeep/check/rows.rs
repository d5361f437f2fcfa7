//! What always holds between rows: the invariants of `docs/design/session.md`, as queries for
//! rows of which they are not true.

use rusqlite::types::ValueRef;

use super::report::{Findings, State};
use crate::session::error::ReadError;
use crate::session::headers::Headers;
use crate::session::read::reader::Reader;
use crate::session::read::sound::{numbers, spans};

/// A rule: the table, a query for the numbers of rows that break it, and what that means.
type Rule = (&'static str, &'static str, &'static str);

/// SQLite looks at CHECK constraints only where it may write.
const ALLOWED: [Rule; 7] = [
    (
        "resource",
        "SELECT id FROM resource WHERE kind NOT IN ('main','media','segment','init','part','key','data','steering','assets')
           OR range_first < 0 OR range_length <= 0 OR (range_first IS NULL) <> (range_length IS NULL)",
        "its kind or range is none",
    ),
    (
        "body",
        "SELECT id FROM body WHERE size < 0 OR length(sha256) <> 32 OR (first_line IS NULL) <> (line_owner IS NULL)
           OR (text IS NOT NULL) + (data IS NOT NULL) + (path IS NOT NULL) + (chunk_id IS NOT NULL) <> 1
           OR (coding IS NOT NULL AND data IS NULL) OR (chunk_id IS NULL) <> (chunk_first IS NULL) OR chunk_first < 0",
        "it is no body: its size, its hash, or what it consists of",
    ),
    (
        "exchange",
        "SELECT id FROM exchange WHERE outcome NOT IN ('complete','short','long','reset','refused','unresolved','tls',
           'unreachable','connect timeout','response timeout','body timeout','protocol','scheme','redirects',
           'too large','encoding','not a playlist','disk','aborted','crossed')
           OR own_reason NOT IN ('key again','probe','too often','too late','put off') OR directives_met NOT IN (0, 1) OR can_block NOT IN (0, 1)",
        "its outcome is none",
    ),
    (
        "revision",
        "SELECT exchange_id FROM revision WHERE advance NOT IN (0, 1) OR ended NOT IN (0, 1)",
        "whether it advanced or ended is neither yes nor no",
    ),
    (
        "event",
        "SELECT id FROM event WHERE kind NOT IN ('late','stalled','suspended','clock step','disk full','checkpoint held up',
           'false validators','left alone','refused uri','left out','too many playlists','too many segments',
           'too many assets','date range','icy','panicked','resumed','removed','clock behind','kept from','lost',
           'moved aside','changed')",
        "its kind is none",
    ),
    (
        "placement",
        "SELECT exchange_id FROM placement WHERE place < 0 OR corrected_place < 0
           OR step NOT IN ('first','slid','same','behind','restarted')
           OR corrected_step NOT IN ('first','slid','same','behind','restarted')
           OR (corrected_place IS NULL) <> (corrected_step IS NULL)",
        "its place or its step is none",
    ),
    (
        "run",
        "SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM run WHERE id = 1)",
        "there is no first run",
    ),
];

/// What holds in every session.
const ALWAYS: [Rule; 19] = [
    (
        "heartbeat",
        "SELECT at_us FROM heartbeat WHERE at_us NOT BETWEEN -253402300800000000 AND 253402300800000000
           OR wall_us NOT BETWEEN -253402300800000000 AND 253402300800000000",
        "it is at a time that no clock shows",
    ),
    (
        "run",
        "SELECT id FROM run WHERE stopped_us < started_us OR seen_us < started_us OR (stopped_us IS NULL) <> (ended IS NULL)",
        "it ended before it began, or says half of how it ended",
    ),
    (
        "run",
        "SELECT id FROM run WHERE stopped_us IS NULL AND id < (SELECT max(id) FROM run)",
        "it did not end, and another began",
    ),
    (
        "run",
        "SELECT id FROM (SELECT id, started_us, lag(coalesce(stopped_us, seen_us)) OVER (ORDER BY id) AS before_us FROM run)
          WHERE started_us < before_us",
        "it began before the one before had ended",
    ),
    (
        "resource",
        "SELECT id FROM resource WHERE path_url <> substr(url, 1, instr(url || '?', '?') - 1)",
        "its path_url is not its URL without the query",
    ),
    (
        "body",
        "SELECT max(id) FROM body WHERE path IS NOT NULL GROUP BY lower(+path) HAVING count(*) > 1",
        "its path is that of another, but for case",
    ),
    (
        "body",
        "SELECT b.id FROM body b LEFT JOIN body c ON c.id = b.chunk_id
          WHERE b.chunk_id IS NOT NULL AND (c.path IS NULL OR b.chunk_first > c.size - b.size)",
        "it is no span of a chunk",
    ),
    (
        "body",
        spans::TOO_LARGE,
        "its spans are more than sixteen times as large as it is",
    ),
    (
        "body",
        "SELECT id FROM body b WHERE first_line IS NOT NULL AND (last_line IS NULL OR last_line < first_line
           OR NOT EXISTS (SELECT 1 FROM line l WHERE l.resource_id = b.line_owner AND l.number = b.first_line)
           OR NOT EXISTS (SELECT 1 FROM line l WHERE l.resource_id = b.line_owner AND l.number = b.last_line))",
        "lines of its text are not there",
    ),
    (
        "exchange",
        "SELECT id FROM exchange WHERE min(ifnull(wait_us, 0), ifnull(receive_us, 0), ifnull(failed_us, 0), ifnull(lag_us, 0),
           ifnull(announced_bytes, 0), ifnull(wire_bytes, 0), ifnull(body_first, 0), ifnull(resource_bytes, 0)) < 0
           OR status NOT BETWEEN 100 AND 999",
        "a duration or size is negative, or its status is none",
    ),
    (
        "exchange",
        "SELECT id FROM (SELECT id, requested_us, max(requested_us) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest_us
           FROM exchange) WHERE requested_us < latest_us - 10000000",
        "it was requested before those that come before it",
    ),
    (
        "exchange",
        // Of two that were under way at once the one that landed first is the answer first.
        "SELECT id FROM (SELECT id, requested_us + ifnull(wait_us, 0) + ifnull(receive_us, 0) + ifnull(failed_us, 0) AS over_us,
                                lag(id) OVER before AS before_id, lag(requested_us) OVER before AS before_us
                           FROM exchange WINDOW before AS (PARTITION BY resource_id ORDER BY from_us, id))
          WHERE before_id > id AND before_us > over_us",
        "it is the answer from before an earlier exchange of its resource on",
    ),
    (
        "exchange",
        "SELECT id FROM exchange WHERE referrer_id >= id OR head_id >= id OR confirms_id >= id",
        "it names an exchange that came after it",
    ),
    (
        "exchange",
        "SELECT id FROM exchange e WHERE head_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM exchange h WHERE h.id = e.head_id)",
        "the exchange that its redirects began with is not there",
    ),
    (
        "exchange",
        "SELECT e.id FROM exchange e LEFT JOIN exchange c ON c.id = e.confirms_id
          WHERE e.confirms_id IS NOT NULL AND (e.status IS NOT 304 OR c.body_id IS NULL)",
        "it confirms what was no answer",
    ),
    (
        "revision",
        "SELECT v.exchange_id FROM revision v LEFT JOIN exchange e ON e.id = v.exchange_id WHERE e.body_id IS NULL",
        "it has no body",
    ),
    (
        "revision",
        "SELECT v.exchange_id FROM revision v LEFT JOIN exchange e ON e.id = v.exchange_id
          WHERE v.seen_us <> e.requested_us + ifnull(e.wait_us, 0)",
        "it was not seen when its response began",
    ),
    (
        "placement",
        "SELECT p.exchange_id FROM placement p LEFT JOIN revision v ON v.exchange_id = p.exchange_id
          WHERE v.media_sequence IS NULL",
        "it places what is no revision of a media playlist",
    ),
    (
        "event",
        "SELECT id FROM event WHERE id = 0 AND kind <> 'kept from'",
        "number 0 says from when on everything is kept",
    ),
];

/// Not in a clip, which has the answers that held when it begins, and the first good ones behind its end.
const IN_RUNS: [Rule; 2] = [
    (
        "exchange",
        "SELECT id FROM exchange WHERE requested_us > (SELECT max(max(seen_us, ifnull(stopped_us, seen_us))) FROM run) + 60000000
           OR requested_us < (SELECT min(started_us) FROM run) - 1000000",
        "it was requested when no recorder ran",
    ),
    (
        "exchange",
        "SELECT id FROM exchange WHERE from_us < (SELECT started_us FROM run WHERE id = 1)",
        "it is the answer from before session zero on",
    ),
];

/// Only where nothing was removed: where the last hours are kept, what came first may be gone.
const WHERE_ALL_IS_KEPT: [Rule; 2] = [
    (
        "exchange",
        // What a list of assets, or the playlist of an asset, lists: neither is polled, nor has revisions.
        "SELECT id FROM exchange e WHERE referrer_id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM revision v WHERE v.exchange_id = e.referrer_id)
           AND NOT EXISTS (SELECT 1 FROM exchange l JOIN resource r ON r.id = l.resource_id
                             JOIN exchange h ON h.id = ifnull(l.head_id, l.id)
                            WHERE l.id = e.referrer_id AND r.kind IN ('assets', 'media') AND h.lag_us IS NULL)",
        "the revision that listed it is not there",
    ),
    (
        "exchange",
        // The first ones at once: one by one they would be looked for in all rows for each row. What a revision announced is
        // there when its response began, or when another revision lists it.
        "WITH first AS MATERIALIZED (SELECT min(id) AS id FROM exchange GROUP BY resource_id)
         SELECT e.id FROM first JOIN exchange e USING (id) JOIN exchange l ON l.id = e.referrer_id
          WHERE e.from_us > l.from_us AND e.head_id IS NULL
            AND NOT EXISTS (SELECT 1 FROM exchange b WHERE b.resource_id = e.resource_id
                             AND b.id > e.id AND b.from_us <= e.from_us)
            AND NOT EXISTS (SELECT 1 FROM resource r JOIN alias a ON a.url = r.url
                             WHERE r.id = e.resource_id AND r.kind = 'media')
            AND NOT EXISTS (SELECT 1 FROM resource r JOIN revision v ON v.exchange_id = l.id
                             WHERE r.id = e.resource_id AND r.kind IN ('part', 'init')
                               AND (e.from_us = e.requested_us + ifnull(e.wait_us, 0)
                                    OR EXISTS (SELECT 1 FROM revision w JOIN exchange x ON x.id = w.exchange_id
                                                WHERE w.playlist_id = v.playlist_id AND x.from_us = e.from_us
                                                  AND w.seen_us BETWEEN v.seen_us AND e.from_us + 10000000)))",
        "it is the first of its resource, and there later than its listing",
    ),
];

/// Only of a session that nobody records.
const WHEN_STOPPED: Rule = (
    "pending",
    "SELECT resource_id FROM pending",
    "somebody waits for it, and nobody will bring it",
);

pub(super) fn check(reader: &Reader, found: &mut Findings) -> Result<(), ReadError> {
    totals(reader, found)?;
    if let Some((table, id)) = numbers::first_wrong(reader)? {
        found.add(
            "row",
            format!("{table} {id}: nothing can come behind this number"),
        );
    }
    for rule in ALLOWED.into_iter().chain(ALWAYS) {
        broken(reader, rule, found)?;
    }
    if !begins_later(reader)? {
        for rule in IN_RUNS {
            broken(reader, rule, found)?;
        }
    }
    if reader.kept_from_us()?.is_none() {
        for rule in WHERE_ALL_IS_KEPT {
            broken(reader, rule, found)?;
        }
    }
    if found.state == State::Stopped {
        broken(reader, WHEN_STOPPED, found)?;
    }
    urls(reader, found).map_err(|e| reader.failed(e))?;
    header_fields(reader, found)
}

/// Whether it is a clip, in which everything is kept from session zero on: exchanges may be older.
fn begins_later(reader: &Reader) -> Result<bool, ReadError> {
    let zero_us: Vec<i64> = reader.list("SELECT started_us FROM run WHERE id = 1", [], |row| {
        row.get(0)
    })?;
    let is_kept_from_zero = reader.kept_from_us()?.is_some_and(|us| zero_us == [us]);
    Ok(is_kept_from_zero && reader.clip_of()?.is_some())
}

/// What URLs are looked up by, beside themselves. Format version 1 has none.
fn urls(reader: &Reader, found: &mut Findings) -> rusqlite::Result<()> {
    if reader.version < 2 {
        return Ok(());
    }
    let db = reader.db.connection();
    for sql in crate::session::database::spellings::ALL {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            reader.db.fresh();
            let url: String = row.get(0)?;
            if let Some(fault) = crate::session::database::spellings::fault(db, &url)? {
                found.add("row", format!("{url}: {fault}"));
            }
        }
    }
    let mut statement = db.prepare("SELECT normal, url FROM url_spelling")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        reader.db.fresh();
        let (normal, url): (String, String) = (row.get(0)?, row.get(1)?);
        if !crate::session::database::spellings::is_spelling(db, &normal, &url)? {
            found.add(
                "row",
                format!("{url}: {normal} is not its normal spelling, or nothing has that URL"),
            );
        }
    }
    Ok(())
}

/// Whether a recorder of it was killed.
pub(super) fn any_killed(reader: &Reader) -> Result<bool, ReadError> {
    let killed = reader.list(
        "SELECT 1 FROM run WHERE ended IN ('killed', 'disk full', 'failed') LIMIT 1",
        [],
        |_| Ok(()),
    )?;
    Ok(!killed.is_empty())
}

fn totals(reader: &Reader, found: &mut Findings) -> Result<(), ReadError> {
    // `count(*)` would be one step of SQLite's machine, whose end nothing bounds in a damaged tree.
    let count = |sql: &str| -> Result<i64, ReadError> {
        let counted = reader.list(sql, [], |row| row.get(0))?;
        Ok(counted.first().copied().unwrap_or(0))
    };
    found.totals.runs = count("SELECT count(id) FROM run")?;
    found.totals.exchanges = count("SELECT count(id) FROM exchange")?;
    found.totals.revisions = count("SELECT count(exchange_id) FROM revision")?;
    Ok(())
}

fn broken(
    reader: &Reader,
    (table, sql, what): Rule,
    found: &mut Findings,
) -> Result<(), ReadError> {
    let mut query = || -> rusqlite::Result<()> {
        let mut statement = reader.db.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id = match row.get_ref(0)? {
                ValueRef::Integer(id) => id.to_string(),
                _ => "?".to_owned(),
            };
            found.add("row", format!("{table} {id}: {what}"));
        }
        Ok(())
    };
    query().map_err(|e| reader.failed(e))
}

/// Whether the response header fields of every exchange can be put together.
fn header_fields(reader: &Reader, found: &mut Findings) -> Result<(), ReadError> {
    let mut query = || -> rusqlite::Result<()> {
        let mut statement = reader.db.prepare_cached(
            "SELECT e.id, h.fields, e.header_values FROM exchange e JOIN header_set h ON h.id = e.header_set_id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |at: usize| -> rusqlite::Result<Option<&str>> {
                Ok(row.get_ref(at)?.as_str_or_null().unwrap_or_default())
            };
            if Headers::join(text(1)?.unwrap_or_default(), text(2)?).is_none() {
                let id: i64 = row.get(0)?;
                found.add(
                    "row",
                    format!("exchange {id}: its header fields cannot be read"),
                );
            }
        }
        Ok(())
    };
    query().map_err(|e| reader.failed(e))
}
