//! Databases and rows as nobody wrote them.

use std::path::Path;

use isrecorder::session::SCHEMA;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::support::Dice;
use crate::support::made::Made;

/// A database with some bytes changed, pages swapped, copied or cut.
pub(super) fn mutated(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    const PAGE: u64 = 4096;
    let mut content = whole.to_vec();
    let pages = content.len() as u64 / PAGE;
    for _ in 0..=dice.below(4) {
        let (one, other) = (dice.below(pages) * PAGE, dice.below(pages) * PAGE);
        let (one, other) = (one as usize, other as usize);
        match dice.below(8) {
            0 => content.copy_within(one..one + PAGE as usize, other),
            1 => content[one..one + PAGE as usize].fill(dice.roll() as u8),
            2 => content.truncate(one.max(512)),
            3 => {
                // The head of a page: its kind, its cells.
                let at = one + dice.below(16) as usize;
                content[at] = dice.roll() as u8;
            }
            4 => {
                let at = dice.below(100) as usize;
                content[at] = dice.roll() as u8;
            }
            _ => {
                for _ in 0..dice.below(20) {
                    let at = dice.below(content.len() as u64) as usize;
                    content[at] = dice.roll() as u8;
                }
            }
        }
        if (content.len() as u64) < pages * PAGE {
            break;
        }
    }
    content
}

/// The schema without what keeps values in order.
pub(super) fn loose(sql: &str) -> String {
    let is_set = sql
        .replace("IS NOT NULL", "IS SET")
        .replace(" NOT NULL", "");
    let loose = is_set
        .replace("IS SET", "IS NOT NULL")
        .replace(" STRICT", "");
    loose.replace(", WITHOUT ROWID", " WITHOUT ROWID")
}

pub(super) const TABLES: [&str; 11] = [
    "run",
    "stream",
    "resource",
    "alias",
    "pending",
    "header_set",
    "body",
    "line",
    "exchange",
    "revision",
    "event",
];

/// A copy of a session's database that takes any value in any column.
pub(super) fn loosened(made: &Made, path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(&loose(SCHEMA)).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; PRAGMA synchronous=OFF",
    )
    .unwrap();
    db.execute(
        "ATTACH ?1 AS own",
        [made.file("session.db").to_str().unwrap()],
    )
    .unwrap();
    for table in TABLES {
        db.execute_batch(&format!(
            "INSERT INTO main.{table} SELECT * FROM own.{table}"
        ))
        .unwrap();
    }
    db.execute_batch(&format!(
        "PRAGMA application_id = {}; PRAGMA user_version = 2",
        0x6973_7263
    ))
    .unwrap();
    db
}

/// Makes the schema look as it should.
pub(super) fn tightened(db: &Connection) {
    let fresh = Connection::open_in_memory().unwrap();
    fresh.execute_batch(SCHEMA).unwrap();
    db.execute_batch("PRAGMA writable_schema=ON").unwrap();
    let mut all = fresh
        .prepare("SELECT sql, type, name FROM sqlite_schema WHERE sql IS NOT NULL")
        .unwrap();
    let mut rows = all.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (sql, kind, name): (String, String, String) = (
            row.get(0).unwrap(),
            row.get(1).unwrap(),
            row.get(2).unwrap(),
        );
        db.execute(
            "UPDATE main.sqlite_schema SET sql = ?1 WHERE type = ?2 AND name = ?3",
            [sql, kind, name],
        )
        .unwrap();
    }
}

pub(super) fn hostile_value(dice: &mut Dice, canary: &Path) -> Value {
    let numbers = [
        i64::MAX,
        i64::MIN,
        -1,
        0,
        1,
        2,
        i64::MAX - 1,
        1 << 62,
        1 << 32,
        65_536,
    ];
    let texts = [
        "",
        "../canary",
        "../../canary",
        "outside/seg.ts",
        "link/seg.ts",
        "link.ts",
        "fifo",
        ".",
        "[",
        "[[0,1],[-5,99],[9223372036854775807,18446744073709551615]]",
        "complete",
        "segment",
        "main",
        "http://h.example/live/a.m3u8",
        "file:///etc/passwd",
        "\u{1b}[31m",
        "9999999999",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n#EXTINF:1e308,\na\n",
    ];
    match dice.below(10) {
        0 => Value::Null,
        1..=3 => Value::Integer(numbers[dice.below(numbers.len() as u64) as usize]),
        4 => Value::Integer(dice.below(60) as i64),
        5 => Value::Real(f64::from_bits(dice.roll())),
        6 => Value::Blob((0..dice.below(40)).map(|_| dice.roll() as u8).collect()),
        7 => Value::Text(canary.to_str().unwrap().to_owned()),
        _ => Value::Text(texts[dice.below(texts.len() as u64) as usize].to_owned()),
    }
}

/// Puts a value into a column of a row of chance; a text may be none in UTF-8.
pub(super) fn mutate_row(db: &Connection, dice: &mut Dice, canary: &Path) {
    let table = TABLES[dice.below(TABLES.len() as u64) as usize];
    let columns = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let column = columns.column_name(dice.below(columns.column_count() as u64) as usize);
    let column = column.unwrap().to_owned();
    let key = match table {
        "alias" => "url",
        "line" => "number",
        _ => "rowid",
    };
    let cast = if dice.below(8) == 0 {
        "CAST(x'ff80c041' AS TEXT)"
    } else {
        "?1"
    };
    let value = hostile_value(dice, canary);
    // What a number of a row cannot be is refused.
    let _ = db.execute(
        &format!(
            "UPDATE {table} SET {column} = iif(?1 IS 0.5, 0, {cast}) WHERE {key} IN
               (SELECT {key} FROM {table} ORDER BY {key} LIMIT 1 OFFSET {})",
            dice.below(12)
        ),
        [value],
    );
}
