//! Altered sessions.

use super::*;
use crate::session::SCHEMA;

fn altered(sql: &str) -> Option<String> {
    let fresh = Connection::open_in_memory().unwrap();
    fresh.execute_batch(SCHEMA).unwrap();
    let wanted = schema_of(&fresh).unwrap();
    fresh.execute_batch(sql).unwrap();
    first_difference(&schema_of(&fresh).unwrap(), &wanted)
}

#[test]
fn an_altered_schema_is_noticed() {
    assert_eq!(altered(""), None);
    assert_eq!(
        altered("CREATE INDEX own ON exchange(status); CREATE VIEW mine AS SELECT 1"),
        None
    );
    assert_eq!(altered("DROP VIEW keys").as_deref(), Some("keys"));
    assert_eq!(
        altered("DROP TABLE line; CREATE VIEW line AS SELECT 1 resource_id, 1 number, 'x' text")
            .as_deref(),
        Some("line")
    );
    assert!(altered("CREATE TRIGGER t AFTER INSERT ON event BEGIN SELECT 1; END").is_some());
}

#[test]
fn comments_and_layout_are_no_alteration() {
    assert_eq!(
        meaning("CREATE TABLE a (\n  b TEXT, -- what it is\n  c TEXT\n)"),
        meaning("CREATE TABLE a ( b TEXT,\n c TEXT )")
    );
}
