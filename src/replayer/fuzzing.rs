//! Targets for fuzzers: what a client sends, what a user injects, what a session says of time.

use crate::hls::fuzzing::Target;
use crate::replayer::body::pace::Pace;
use crate::replayer::header::range;
use crate::replayer::header::range::Resolved;
use crate::replayer::inject;
use crate::replayer::request::paths::clock_prefix;
use crate::replayer::request::route::route;

pub(crate) const TARGETS: &[Target] = &[
    ("range", ranges),
    ("routes", routes),
    ("inject", rules),
    ("arrival", arrival),
];

/// A range is never outside the body.
fn ranges(value: &[u8]) {
    let Some(spec) = range::parse(value) else {
        return;
    };
    for size in [0, 1, 2, 100, u64::MAX - 1, u64::MAX] {
        if let Resolved::Range { first, length } = spec.resolve(size) {
            assert!(
                length > 0 && first < size && length <= size - first,
                "{spec:?} of {size}"
            );
        }
    }
}

/// A clock in a path is read as it is written.
fn routes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for path in [text.to_string(), format!("/{text}"), format!("/@{text}")] {
        let Ok(found) = route(&path) else { continue };
        let again = route(&format!("{}/", clock_prefix(found.clock)));
        assert_eq!(again.map(|route| route.clock), Ok(found.clock), "{path:?}");
    }
}

/// A rule, or a sentence that says where it is wrong.
fn rules(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = inject::parse(&text) {
        assert!(!error.to_string().is_empty());
    }
}

/// Bytes come in order and end with the last one, whatever a session says of their times.
fn arrival(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (length_us, size) in [(0, 0), (1_000_000, 1), (i64::MAX, u64::MAX), (i64::MIN, 3)] {
        let pace = Pace::of_part(Some(&text), length_us, size);
        let mut before = 0;
        for at_us in [i64::MIN, 0, 1, 1_000_000, 60_000_000, i64::MAX] {
            let allowed = pace.allowed(at_us);
            assert!(before <= allowed && allowed <= pace.last(), "{text:?}");
            before = allowed;
        }
        let _ = (
            pace.time_of(0),
            pace.time_of(size),
            pace.slice(1, size).end_us(),
        );
    }
}
