//! SQL of what counts as an advance, and where a window lies.

/// What is correct of a column of `placement` (`p`) beside `revision` (`v`); what was said while the run of the revision
/// goes on: whoever follows it has been told that.
macro_rules! corrected {
    ($said:literal, $corrected:literal) => {
        concat!(
            "iif(",
            $corrected,
            " IS NOT NULL AND v.seen_us < ifnull((SELECT started_us FROM run WHERE stopped_us IS NULL), 9223372036854775807), ",
            $corrected,
            ", ",
            $said,
            ")"
        )
    };
}
pub(crate) use corrected;

/// Place of the first segment.
pub(crate) const PLACE: &str = corrected!("p.place", "p.corrected_place");

/// Whether the end is new.
pub(crate) const ADVANCE: &str = corrected!(
    "v.advance",
    "(p.corrected_step IN ('first', 'slid', 'restarted'))"
);
