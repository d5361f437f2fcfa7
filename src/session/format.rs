//! What marks a database as a session: application, version, schema.

/// Marks a database as one of ours: "isrc".
pub(crate) const APPLICATION_ID: i32 = 0x6973_7263;

/// The schema's version, kept in `PRAGMA user_version`.
pub const FORMAT_VERSION: i32 = 4;

/// The schema, as executed; it reads as documentation.
pub const SCHEMA: &str = include_str!("schema.sql");

/// Schemas of versions that have been in use, the first one first.
const EARLIER: [&str; 3] = [
    include_str!("schema/v1.sql"),
    include_str!("schema/v2.sql"),
    include_str!("schema/v3.sql"),
];

/// The schema of a format version; `None`: there is no such version.
pub(crate) fn schema_of(version: i32) -> Option<&'static str> {
    let at = usize::try_from(version).ok()?.checked_sub(1)?;
    match EARLIER.get(at) {
        Some(earlier) => Some(earlier),
        None => (version == FORMAT_VERSION).then_some(SCHEMA),
    }
}
