//! Low latency: parts are recorded as they appear, by requests that the origin holds.

use crate::support::{Finished, LowLatency, Names, Origin, PARTS, Recorder, Session, part_body};

fn recorded(origin: &Origin, arguments: &[&str]) -> Finished {
    Recorder::new(origin.url("/live/live.m3u8"))
        .args(arguments.iter().copied())
        .run()
}

/// Every part that was listed has come once, and means what it is at its moment.
fn has_all_parts(session: &Session, names: Names, end: u64) {
    let first = match names {
        // Those of whole segments that the first revision listed.
        _ => PARTS,
    };
    let parts = "SELECT count(*) FROM resource WHERE kind = 'part'";
    assert_eq!(session.number(parts), (end - first) as i64);
    let good = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
        WHERE r.kind = 'part' AND e.outcome = 'complete' AND e.status IN (200, 206)";
    assert_eq!(session.number(good), (end - first) as i64);
    let asked = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'part'";
    assert_eq!(session.number(asked), (end - first) as i64, "each once");
    let bodies: Vec<Vec<u8>> = session
        .list::<i64>("SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind = 'part'")
        .into_iter()
        .map(|id| session.body(id))
        .collect();
    for n in first..end {
        assert!(bodies.contains(&part_body(n)), "part {n}");
    }
}

#[test]
fn each_part_is_recorded_as_it_appears_by_requests_that_the_origin_holds() {
    for names in [Names::Uris, Names::Ranges, Names::Queries] {
        let channel = LowLatency::new(names);
        let (origin, edge) = channel.start();
        let finished = recorded(&origin, &[]);
        assert_eq!(finished.status.code(), Some(0), "{}", finished.stderr);
        let session = finished.session();
        has_all_parts(&session, names, channel.end);
        // Each state of the playlist from the first one on was seen, by one request each.
        let polls = "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.kind IN ('main', 'media')";
        let revisions = session.number("SELECT count(*) FROM revision");
        let steps = (channel.end - 3 * PARTS) as i64 + 1;
        assert_eq!(revisions, steps, "{names:?}");
        assert_eq!(session.number(polls), steps, "{names:?}");
        let held = "SELECT count(*) FROM exchange WHERE directives_met = 1";
        assert_eq!(session.number(held), steps - 1, "{names:?}");
        let first: String = session.one("SELECT directives FROM exchange WHERE directives IS NOT NULL LIMIT 1");
        assert_eq!(first, "_HLS_msn=3&_HLS_part=0");
        let one = "SELECT count(*) FROM resource WHERE kind IN ('main', 'media')";
        assert_eq!(session.number(one), 1, "the playlist is one resource");
        session.check_invariants();
        drop(edge);
    }
}
