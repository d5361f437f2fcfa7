//! What marks a database as a session: application, version, schema.

/// Marks a database as one of ours: "isrc".
pub(crate) const APPLICATION_ID: i32 = 0x6973_7263;

/// The schema's version, kept in `PRAGMA user_version`.
pub const FORMAT_VERSION: i32 = 2;

/// The schema, as executed; it reads as documentation.
pub const SCHEMA: &str = include_str!("schema.sql");
