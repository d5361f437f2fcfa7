//! Rows that break what always holds.

use super::{a_session, finds};

/// An alteration, and what is found: the kind, and words.
const ALTERATIONS: [(&str, &str, &str); 39] = [
    (
        "UPDATE run SET seen_us = 9223372036854775807, stopped_us = 9223372036854775807",
        "database",
        "its runs are at times that no clock shows",
    ),
    (
        "INSERT INTO heartbeat VALUES (9223372036854775807, -9223372036854775808, 1)",
        "row",
        "it is at a time that no clock shows",
    ),
    (
        "UPDATE exchange SET body_id = NULL WHERE id = (SELECT max(exchange_id) FROM revision)",
        "row",
        "it has no body",
    ),
    (
        "UPDATE exchange SET body_id = 999 WHERE id = 3",
        "reference",
        "exchange 3: there is no such body",
    ),
    (
        "UPDATE exchange SET requested_us = requested_us - 20000000 WHERE id = 9",
        "row",
        "exchange 9: it was requested",
    ),
    (
        "UPDATE exchange SET from_us = from_us - 3000000 WHERE id = 5",
        "row",
        "exchange 5: it is the answer from before session zero on",
    ),
    (
        "UPDATE exchange SET referrer_id = 400 WHERE id = 4",
        "row",
        "exchange 4: it names an exchange that came after it",
    ),
    (
        "UPDATE exchange SET referrer_id = 3 WHERE id = 4",
        "row",
        "exchange 4: the revision that listed it is not there",
    ),
    (
        "UPDATE exchange SET wait_us = -1 WHERE id = 4",
        "row",
        "exchange 4: a duration or size is negative",
    ),
    (
        "UPDATE exchange SET header_values = '[' WHERE id = 4",
        "row",
        "exchange 4: its header fields cannot be read",
    ),
    (
        "UPDATE body SET path = '../outside' WHERE id = (SELECT min(id) FROM body WHERE path IS NOT NULL)",
        "path",
        "is no path beneath chunks/",
    ),
    (
        "DROP INDEX body_path; UPDATE body SET path = (SELECT upper(max(path)) FROM body) WHERE id = (SELECT min(id) FROM body WHERE path IS NOT NULL);
         CREATE INDEX body_path ON body(path COLLATE NOCASE) WHERE path IS NOT NULL",
        "schema",
        "body_path",
    ),
    (
        "CREATE TRIGGER more AFTER INSERT ON run BEGIN DELETE FROM body; END",
        "schema",
        "it has a trigger, \"more\"",
    ),
    (
        "DROP VIEW keys; CREATE VIEW keys AS SELECT 1",
        "schema",
        "\"keys\"",
    ),
    (
        "INSERT INTO run SELECT 2, started_us + 1, seen_us, stopped_us, ended, program FROM run",
        "row",
        "run 2: it began before the one before had ended",
    ),
    (
        "INSERT INTO run SELECT 2, seen_us + 1, seen_us + 2, seen_us + 2, 'stopped', program FROM run;
         UPDATE run SET stopped_us = NULL, ended = NULL WHERE id = 1",
        "row",
        "run 1: it did not end",
    ),
    (
        "INSERT INTO pending VALUES (1, 1, 1)",
        "row",
        "pending 1: somebody waits for it",
    ),
    (
        "UPDATE exchange SET outcome = 'eaten' WHERE id = 4",
        "row",
        "exchange 4: its outcome is none",
    ),
    (
        "UPDATE resource SET path_url = 'http://elsewhere/' WHERE id = 2",
        "row",
        "resource 2: its path_url",
    ),
    (
        "INSERT INTO alias VALUES ('http://h/%7e.ts', 1)",
        "row",
        "http://h/%7e.ts: its normal spelling is not there",
    ),
    (
        "INSERT INTO alias VALUES ('http://nowhere/a.ts?x=1', 1)",
        "row",
        "http://nowhere/a.ts?x=1: the names of its parameters are not there",
    ),
    (
        "INSERT INTO url_spelling VALUES ('http://h/~.ts', 'http://h/%7e.ts')",
        "row",
        "http://h/~.ts is not its normal spelling, or nothing has that URL",
    ),
    (
        "UPDATE resource SET range_first = 5 WHERE id = 3",
        "row",
        "resource 3: its kind or range is none",
    ),
    (
        "UPDATE body SET sha256 = x'00' WHERE id = 1",
        "row",
        "body 1: it is no body",
    ),
    (
        "UPDATE body SET text = NULL WHERE id = 1",
        "row",
        "body 1 has no content",
    ),
    (
        "UPDATE body SET coding = 'gzip' WHERE id = 1",
        "row",
        "body 1: it is no body",
    ),
    (
        "UPDATE revision SET advance = 2 WHERE exchange_id = 2",
        "row",
        "revision 2: whether it advanced",
    ),
    (
        "INSERT INTO placement (exchange_id, place, step, corrected_step) VALUES (2, 1, 'slid', 'slid')",
        "row",
        "its place or its step is none",
    ),
    (
        "INSERT INTO placement (exchange_id, place, step) VALUES (2, 1, 'slid'); UPDATE revision SET media_sequence = NULL",
        "row",
        "it places what is no revision of a media playlist",
    ),
    (
        "UPDATE run SET id = 2",
        "row",
        "run 0: there is no first run",
    ),
    (
        "UPDATE run SET stopped_us = started_us - 1",
        "row",
        "run 1: it ended before it began",
    ),
    (
        "UPDATE exchange SET requested_us = requested_us + 20000000 WHERE id = 3",
        "row",
        "exchange 4: it was requested before those that come before it",
    ),
    (
        "UPDATE exchange SET requested_us = requested_us + 90000000 WHERE id = (SELECT max(id) FROM exchange)",
        "row",
        "it was requested when no recorder ran",
    ),
    (
        "UPDATE exchange SET from_us = (SELECT started_us FROM run) WHERE id =
           (SELECT max(e.id) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'media')",
        "row",
        "it is the answer from before an earlier exchange of its resource on",
    ),
    (
        "UPDATE exchange SET head_id = 0 WHERE id = 4",
        "row",
        "exchange 4: the exchange that its redirects began with is not there",
    ),
    (
        "UPDATE exchange SET confirms_id = 1 WHERE id = 2",
        "row",
        "exchange 2: it confirms what was no answer",
    ),
    (
        "UPDATE revision SET seen_us = seen_us + 1 WHERE exchange_id = 2",
        "row",
        "revision 2: it was not seen when its response began",
    ),
    (
        "INSERT INTO event (id, at_us, kind, detail) SELECT 0, seen_us, 'lost', '{}' FROM run",
        "row",
        "event 0: number 0 says from when on everything is kept",
    ),
    (
        "UPDATE exchange SET from_us = from_us + 1 WHERE id =
           (SELECT min(e.id) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'segment')",
        "row",
        "it is the first of its resource, and there later than its listing",
    ),
];

#[test]
fn rows_that_break_an_invariant_are_found() {
    for (sql, kind, words) in ALTERATIONS {
        let made = a_session();
        made.alter(sql);
        finds(&made, kind, words);
    }
}

#[test]
fn paths_that_are_equal_but_for_case_are_found() {
    let made = a_session();
    // As on a disk whose index page went bad: the index itself does not stand in its way.
    made.alter(
        "PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'COLLATE NOCASE', 'COLLATE BINARY') WHERE name = 'body_path'",
    );
    made.alter(
        "UPDATE body SET path = (SELECT upper(max(path)) FROM body) WHERE id = (SELECT min(id) FROM body WHERE path IS NOT NULL);
         PRAGMA writable_schema=ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'COLLATE BINARY', 'COLLATE NOCASE') WHERE name = 'body_path'",
    );
    finds(&made, "row", "its path is that of another, but for case");
}
