//! What the columns of a session hold, as conditions of SQL: types, times and references that a recorder writes. SQLite looks at
//! the types of its columns only where it writes.

use crate::session::model::{KEPT_FROM, Remark};
use crate::session::read::facts::Run;

/// The first moment of a session may be rounded, in microseconds.
const BEFORE_US: i64 = 1_000_000;
/// A row may be committed so long before its run is known to have been alive, in microseconds.
const BEHIND_US: i64 = 60_000_000;
/// More bytes than anything has.
const MOST_BYTES: i64 = 1 << 60;
/// Rows that are told apart.
const MOST: usize = 10_000;

/// Within which time a session was recorded, in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    from_us: i64,
    until_us: i64,
}

impl Clock {
    /// Of the runs of a session.
    pub(crate) fn of(runs: &[Run]) -> Self {
        let started_us = runs.iter().map(|run| run.started_us).min().unwrap_or(0);
        let ended_us = runs.iter().map(|run| run.seen_us.max(run.end_us())).max();
        Self {
            from_us: started_us.saturating_sub(BEFORE_US),
            until_us: ended_us.unwrap_or(started_us).saturating_add(BEHIND_US),
        }
    }

    /// Whether anything can have happened then.
    pub(crate) fn has(self, at_us: i64) -> bool {
        (self.from_us..=self.until_us).contains(&at_us)
    }

    /// Whether anything can have lasted so long.
    pub(crate) fn lasts(self, length_us: i64) -> bool {
        (0..=self.until_us.saturating_sub(self.from_us)).contains(&length_us)
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Holds {
    /// A moment of the session.
    Moment,
    /// The same, of an event: earlier recorders wrote that everything is kept from before session zero on.
    EventMoment,
    /// For how long something went on.
    Length,
    /// Bytes, or how many.
    Count,
    /// Any number.
    Number,
    /// 0 or 1.
    Flag,
    /// A status of HTTP.
    Status,
    /// An exchange that began before.
    Earlier,
    /// A row of a table.
    RowOf(&'static str),
    Text,
    Json,
    Blob,
    /// One of these words.
    OneOf(&'static str),
}

/// A column: its name, what it holds, and whether it may hold nothing.
type Column = (&'static str, Holds, bool);

/// A table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Its number.
    id: &'static str,
    columns: &'static [Column],
    /// What is not so of its columns together: conditions of a row `t`.
    never: &'static [&'static str],
}

use Holds::{
    Blob, Count, Earlier, EventMoment, Flag, Json, Length, Moment, Number, OneOf, RowOf, Status,
    Text,
};

const MAY_BE_NULL: bool = true;
const IS_THERE: bool = false;

/// Those whose rows are exchanges, or belong to one.
pub(super) const BY_EXCHANGE: [Table; 3] = [
    Table {
        name: "exchange",
        id: "id",
        columns: &[
            ("resource_id", RowOf("resource"), IS_THERE),
            ("referrer_id", Earlier, MAY_BE_NULL),
            ("head_id", Earlier, MAY_BE_NULL),
            ("from_us", Moment, IS_THERE),
            ("requested_us", Moment, IS_THERE),
            ("lag_us", Length, MAY_BE_NULL),
            ("directives", Text, MAY_BE_NULL),
            ("directives_met", Flag, MAY_BE_NULL),
            ("last_parts", Count, MAY_BE_NULL),
            ("next_parts", Count, MAY_BE_NULL),
            ("can_block", Flag, MAY_BE_NULL),
            ("can_skip_us", Number, MAY_BE_NULL),
            ("hold_back_us", Number, MAY_BE_NULL),
            ("part_hold_back_us", Number, MAY_BE_NULL),
            ("wait_us", Length, MAY_BE_NULL),
            ("receive_us", Length, MAY_BE_NULL),
            ("failed_us", Length, MAY_BE_NULL),
            ("status", Status, MAY_BE_NULL),
            ("http_version", Text, MAY_BE_NULL),
            ("remote_addr", Text, MAY_BE_NULL),
            ("header_set_id", RowOf("header_set"), MAY_BE_NULL),
            ("header_values", Json, MAY_BE_NULL),
            ("announced_bytes", Count, MAY_BE_NULL),
            ("wire_bytes", Count, MAY_BE_NULL),
            ("arrival", Json, MAY_BE_NULL),
            ("body_id", RowOf("body"), MAY_BE_NULL),
            ("body_encoding", Text, MAY_BE_NULL),
            ("body_first", Count, MAY_BE_NULL),
            ("resource_bytes", Count, MAY_BE_NULL),
            ("confirms_id", Earlier, MAY_BE_NULL),
            (
                "outcome",
                OneOf(
                    "'complete','short','long','reset','refused','unresolved','tls','unreachable','connect timeout',
                     'response timeout','body timeout','protocol','scheme','redirects','too large','encoding',
                     'not a playlist','disk','aborted','crossed'",
                ),
                IS_THERE,
            ),
            (
                "own_reason",
                OneOf("'key again','probe','too often','too late','put off'"),
                MAY_BE_NULL,
            ),
            ("error", Text, MAY_BE_NULL),
            ("note", Text, MAY_BE_NULL),
        ],
        never: &[
            // A response has a status, header fields, and a moment at which it began.
            "(t.status IS NULL) <> (t.header_set_id IS NULL)",
            "(t.status IS NULL) <> (t.wait_us IS NULL)",
            "t.outcome = 'complete' AND t.status IS NULL",
            // A short part of a raw stream is not kept.
            "t.status = 200 AND t.outcome = 'complete' AND t.body_id IS NULL AND t.wire_bytes > 0
              AND NOT EXISTS (SELECT 1 FROM resource r WHERE r.id = t.resource_id AND r.kind = 'main'
                               AND NOT EXISTS (SELECT 1 FROM revision v WHERE v.playlist_id = r.id))",
            "t.confirms_id IS NOT NULL AND t.status IS NOT 304",
        ],
    },
    Table {
        name: "revision",
        id: "exchange_id",
        columns: &[
            ("playlist_id", RowOf("resource"), IS_THERE),
            ("seen_us", Moment, IS_THERE),
            ("not_before_us", Moment, MAY_BE_NULL),
            ("advance", Flag, IS_THERE),
            ("media_sequence", Number, MAY_BE_NULL),
            ("segment_count", Count, MAY_BE_NULL),
            ("last_sequence", Number, MAY_BE_NULL),
            ("target_duration_us", Count, MAY_BE_NULL),
            ("part_target_us", Count, MAY_BE_NULL),
            ("discontinuity_sequence", Number, MAY_BE_NULL),
            ("ended", Flag, MAY_BE_NULL),
        ],
        never: &[
            "t.not_before_us > t.seen_us",
            "(t.media_sequence IS NULL) <> (t.segment_count IS NULL)",
            "(t.media_sequence IS NULL) <> (t.ended IS NULL)",
            "t.segment_count > 0 AND t.last_sequence IS NULL",
            // EXT-X-SKIP stands for segments that are counted on, and not listed.
            "t.segment_count > 0 AND t.last_sequence - t.media_sequence < t.segment_count - 1",
            "NOT EXISTS (SELECT 1 FROM exchange e WHERE e.id = t.exchange_id AND e.body_id IS NOT NULL
                          AND t.seen_us = e.requested_us + ifnull(e.wait_us, 0))",
            // A recorder found it so in the text.
            "t.target_duration_us = 0 AND EXISTS (SELECT 1 FROM exchange e JOIN body b ON b.id = e.body_id
              WHERE e.id = t.exchange_id AND b.text IS NOT NULL AND instr(b.text, '#EXT-X-TARGETDURATION:0') = 0)",
            "EXISTS (SELECT 1 FROM placement p WHERE p.exchange_id = t.exchange_id
                      AND t.advance <> (p.step IN ('first', 'slid', 'restarted')))",
        ],
    },
    Table {
        name: "placement",
        id: "exchange_id",
        columns: &[
            ("place", Number, IS_THERE),
            ("step", OneOf(STEPS), IS_THERE),
            ("corrected_place", Number, MAY_BE_NULL),
            ("corrected_step", OneOf(STEPS), MAY_BE_NULL),
        ],
        never: &["(t.corrected_place IS NULL) <> (t.corrected_step IS NULL)"],
    },
];

const STEPS: &str = "'first','slid','same','behind','restarted'";

/// Those whose rows exchanges share, and the column that names them.
pub(super) const SHARED: [(Table, &str); 3] = [
    (
        Table {
            name: "resource",
            id: "id",
            columns: &[
                ("stream_id", RowOf("stream"), IS_THERE),
                (
                    "kind",
                    OneOf(
                        "'main','media','segment','init','part','key','data','steering','assets'",
                    ),
                    IS_THERE,
                ),
                ("url", Text, IS_THERE),
                ("name", Text, IS_THERE),
                ("range_first", Count, MAY_BE_NULL),
                ("range_length", Count, MAY_BE_NULL),
            ],
            never: &["(t.range_first IS NULL) <> (t.range_length IS NULL)"],
        },
        "resource_id",
    ),
    (
        Table {
            name: "body",
            id: "id",
            columns: &[
                ("size", Count, IS_THERE),
                ("sha256", Blob, IS_THERE),
                ("text", Text, MAY_BE_NULL),
                ("first_line", Number, MAY_BE_NULL),
                ("last_line", Number, MAY_BE_NULL),
                ("tail", Text, MAY_BE_NULL),
                ("line_owner", RowOf("resource"), MAY_BE_NULL),
                ("data", Blob, MAY_BE_NULL),
                ("coding", Text, MAY_BE_NULL),
                ("path", Text, MAY_BE_NULL),
                ("chunk_id", RowOf("body"), MAY_BE_NULL),
                ("chunk_first", Count, MAY_BE_NULL),
            ],
            never: &[
                "octet_length(t.sha256) <> 32",
                "(t.text IS NOT NULL) + (t.data IS NOT NULL) + (t.path IS NOT NULL) + (t.chunk_id IS NOT NULL) <> 1",
                "(t.chunk_id IS NULL) <> (t.chunk_first IS NULL)",
                "(t.first_line IS NULL) <> (t.line_owner IS NULL)",
                // What is empty is known by its hash.
                "(t.size = 0) <> (hex(t.sha256) = 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855')",
                "t.text IS NOT NULL AND t.first_line IS NULL AND octet_length(t.text) <> t.size",
                "t.data IS NOT NULL AND t.coding IS NULL AND octet_length(t.data) <> t.size",
            ],
        },
        "body_id",
    ),
    (
        Table {
            name: "header_set",
            id: "id",
            columns: &[("fields", Json, IS_THERE)],
            never: &[],
        },
        "header_set_id",
    ),
];

pub(super) const EVENT: Table = Table {
    name: "event",
    id: "id",
    columns: &[
        ("at_us", EventMoment, IS_THERE),
        ("length_us", Number, MAY_BE_NULL),
        (
            "kind",
            OneOf(
                "'late','stalled','suspended','clock step','disk full','checkpoint held up','false validators','left alone',
                 'refused uri','left out','too many playlists','too many segments','too many assets','date range','icy',
                 'panicked','resumed','removed','clock behind','kept from','lost','moved aside','changed'",
            ),
            IS_THERE,
        ),
        ("detail", Text, IS_THERE),
    ],
    never: &[],
};

/// Numbers of the rows of a table that are damaged, as SQL.
pub(super) fn damaged(table: &Table, clock: &Clock) -> String {
    let columns = table.columns.iter().map(|(name, holds, may_be_null)| {
        let column = format!("t.{name}");
        let is = condition(&column, *holds, table.id, clock);
        match may_be_null {
            true => format!("({column} IS NOT NULL AND ({is}) IS NOT 1)"),
            false => format!("({is}) IS NOT 1"),
        }
    });
    let never = table.never.iter().map(|never| format!("({never})"));
    let all: Vec<String> = columns.chain(never).collect();
    let (id, name) = (table.id, table.name);
    format!(
        "SELECT t.{id} FROM {name} t WHERE {} LIMIT {MOST}",
        all.join(" OR ")
    )
}

/// That a column holds a moment of the session.
pub(crate) fn moment(column: &str, clock: &Clock) -> String {
    condition(column, Holds::Moment, "id", clock)
}

fn condition(column: &str, holds: Holds, id: &str, clock: &Clock) -> String {
    let integer = |least: i64, most: i64| {
        format!("typeof({column}) = 'integer' AND {column} BETWEEN {least} AND {most}")
    };
    match holds {
        Moment => integer(clock.from_us, clock.until_us),
        EventMoment => {
            let before = integer(i64::MIN, clock.from_us);
            format!(
                "({}) OR (t.id = {KEPT_FROM} AND t.kind = '{}' AND {before})",
                integer(clock.from_us, clock.until_us),
                Remark::KeptFrom.as_str()
            )
        }
        Length => integer(0, clock.until_us.saturating_sub(clock.from_us)),
        Count => integer(0, MOST_BYTES),
        Number => format!("typeof({column}) = 'integer'"),
        Flag => integer(0, 1),
        Status => integer(100, 999),
        Earlier => format!("typeof({column}) = 'integer' AND {column} > 0 AND {column} < t.{id}"),
        RowOf(table) => format!(
            "typeof({column}) = 'integer' AND {column} > 0 AND {column} <= (SELECT max(id) FROM {table})"
        ),
        Text => format!("typeof({column}) = 'text'"),
        Json => format!("typeof({column}) = 'text' AND json_valid({column})"),
        Blob => format!("typeof({column}) = 'blob'"),
        OneOf(words) => format!("{column} IN ({words})"),
    }
}
