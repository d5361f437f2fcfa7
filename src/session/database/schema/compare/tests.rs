//! Entries that say something else than they make.

use super::*;

fn entry(kind: &str, name: &str, sql: &str) -> Entry {
    Entry {
        kind: kind.to_owned(),
        name: name.to_owned(),
        table: name.to_owned(),
        page: 9,
        sql: Some(sql.to_owned()),
    }
}

#[test]
fn what_an_entry_makes_is_what_it_says() {
    for (kind, name, sql) in [
        ("table", "mine", "CREATE TABLE mine(a)"),
        ("table", "my own", "CREATE TABLE \"my own\" (a)"),
        ("table", "a\"b", "CREATE TABLE \"a\"\"b\"(a)"),
        ("table", "it's", "CREATE TABLE [it's](a)"),
        ("table", "words", "CREATE VIRTUAL TABLE words USING fts5(a)"),
        ("view", "späte", "CREATE VIEW späte AS SELECT 1"),
        ("index", "i", "CREATE UNIQUE INDEX i ON mine(a)"),
    ] {
        assert_eq!(fault_of_other(&entry(kind, name, sql)), None, "{sql}");
    }
    for (kind, name, sql) in [
        (
            "view",
            "v",
            "CREATE TRIGGER v AFTER INSERT ON run BEGIN SELECT 1; END",
        ),
        ("table", "mine", "CREATE TABLE exchange(a)"),
        ("table", "mine", "create table mine(a)"),
        ("table", "main", "CREATE TABLE main.exchange(a)"),
        ("table", "main", "CREATE TABLE main /**/ .exchange(a)"),
        ("table", "IF", "CREATE TABLE IF NOT EXISTS exchange(a)"),
        ("table", "t", "CREATE TEMP TABLE t(a)"),
        ("table", "ab", "CREATE TABLE \"a\"\"b\"(a)"),
        ("thing", "mine", "CREATE TABLE mine(a)"),
        ("view", "", ""),
    ] {
        let is = fault_of_other(&entry(kind, name, sql));
        assert_eq!(is, Some(Difference::Mislabelled(name.to_owned())), "{sql}");
    }
}

#[test]
fn an_entry_is_of_the_kind_and_of_the_table_that_it_is_to_be_of() {
    let wanted = entry("index", "i", "CREATE INDEX i ON a(b)");
    let landed = Landed {
        entries: vec![wanted.clone()],
        indexes: Vec::new(),
        also: BTreeMap::new(),
    };
    let told = |here: Entry| differences(&[here], &[], &landed);
    assert_eq!(told(wanted.clone()), []);
    for kind in ["view", "table", ""] {
        let other = Difference::Other(kind.to_owned(), "i".to_owned());
        let here = entry(kind, "i", "CREATE INDEX i ON a(b)");
        assert_eq!(told(here), [other]);
    }
    let elsewhere = Entry {
        table: "c".to_owned(),
        ..wanted
    };
    let other = Difference::Other("index".to_owned(), "i".to_owned());
    assert_eq!(told(elsewhere), [other]);
}

#[test]
fn tables_with_a_name_of_sqlite_are_as_sqlite_makes_them() {
    let (name, sql) = SYSTEM[0];
    assert_eq!(fault_of_other(&entry("table", name, sql)), None);
    let forged = "CREATE TABLE sqlite_stat1(tbl, idx, stat AS (hex(idx)))";
    for other in [
        entry("table", name, forged),
        entry("view", name, "CREATE VIEW sqlite_stat1 AS SELECT 1"),
        entry("table", "SQLITE_x", "CREATE TABLE SQLITE_x(a)"),
    ] {
        let is = fault_of_other(&other);
        assert_eq!(is, Some(Difference::System(other.name.clone())));
    }
}

#[test]
fn two_things_on_one_page_and_things_on_none_are_told() {
    let mut here = vec![
        entry("table", "a", "CREATE TABLE a(a)"),
        entry("table", "b", "CREATE TABLE b(a)"),
        entry("table", "c", "CREATE VIRTUAL TABLE c USING fts5(a)"),
    ];
    assert_eq!(faults_of_pages(&here), [Difference::Page("b".to_owned())]);
    here[0].page = 1;
    assert_eq!(faults_of_pages(&here), [Difference::Page("a".to_owned())]);
}

#[test]
fn a_name_is_quoted_where_it_is_dropped() {
    let trigger = Difference::Trigger("a\"; DROP TABLE run; --".to_owned());
    let statement = trigger.removal().unwrap();
    assert_eq!(statement, "DROP TRIGGER main.\"a\"\"; DROP TABLE run; --\"");
    assert_eq!(Difference::Mislabelled("x".to_owned()).removal(), None);
}
