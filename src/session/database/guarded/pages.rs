//! Whether each page of a database is in one place. Where one is in two, rows or a text may have no end.
//!
//! `PRAGMA quick_check` follows all trees and lists of pages first, each page once, and looks at rows after that, which
//! takes many times as long. As it follows them, SQLite asks for each page of a tree whether to go on; so it is ended when it
//! has asked for more than there are, which is in the rows.

use rusqlite::{Connection, ErrorCode, Result};

/// Pages between two questions.
const STEPS: i32 = 1000;
/// Pages that are followed before something is written: a gibibyte, a second or two.
const SOME_PAGES: i64 = 256 * 1024;
/// SQLite looks for no more faults of pages than these. They could hide one that matters.
const MOST_FAULTS: i64 = 100;

/// How much of a database is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HowFar {
    /// What takes a second or two.
    Some,
    All,
}

/// The first fault. `tables`: only these, and what they share is not seen.
pub(super) fn first_fault(
    db: &mut Connection,
    tables: Option<Vec<&'static str>>,
    how_far: HowFar,
) -> Result<Option<String>> {
    let pages: i64 = db.query_row("PRAGMA main.page_count", [], |row| row.get(0))?;
    let pages = match how_far {
        HowFar::Some => pages.min(SOME_PAGES),
        HowFar::All => pages,
    };
    let looks = (pages + MOST_FAULTS) / i64::from(STEPS) + 1;
    let checks: Vec<String> = match tables {
        Some(tables) => tables
            .iter()
            .map(|t| format!("PRAGMA main.quick_check({t})"))
            .collect(),
        None => vec![format!("PRAGMA main.quick_check({MOST_FAULTS})")],
    };
    for check in checks {
        let mut asked = 0;
        let is_over = move || {
            asked += 1;
            asked > looks
        };
        db.progress_handler(STEPS, Some(is_over))?;
        let said = db.query_row(&check, [], |row| row.get::<_, String>(0));
        let said = match said {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                continue;
            }
            said => said?,
        };
        if let Some(fault) = fault(&said) {
            return Ok(Some(named(db, fault)?));
        }
    }
    Ok(None)
}

/// What is said of a page that is in two places. Other damage has an end, and rows are looked at by others.
fn fault(said: &str) -> Option<&str> {
    let said = said.strip_prefix("*** in database main ***")?;
    let mut faults = said.lines().filter(|line| !line.is_empty());
    let is_shared = |line: &&str| line.contains("2nd reference to page");
    let most = usize::try_from(MOST_FAULTS).unwrap_or(usize::MAX);
    let shared = faults.clone().find(is_shared);
    shared.or_else(|| faults.nth(most.saturating_sub(1)))
}

/// With the name of the table or index, in place of the number of its first page.
fn named(db: &Connection, fault: &str) -> Result<String> {
    let Some((root, rest)) = fault
        .strip_prefix("Tree ")
        .and_then(|rest| rest.split_once(' '))
    else {
        return Ok(fault.to_owned());
    };
    let name =
        "SELECT type || ' \"' || name || '\"' FROM sqlite_schema WHERE rootpage = ?1 LIMIT 1";
    let mut statement = db.prepare(name)?;
    let mut names = statement.query_map([root], |row| row.get::<_, String>(0))?;
    let name = names.next().transpose()?;
    let name = name.unwrap_or_else(|| "its schema".to_owned());
    Ok(format!("{name}: {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_of_pages_is_a_fault_of_them() {
        assert_eq!(fault("ok"), None);
        assert_eq!(fault("CHECK constraint failed in body"), None);
        let one = "Tree 5 page 9 cell 0: Offset 4095 out of range 500..4092\n";
        let shared = "Tree 14 page 14 cell 0: 2nd reference to page 31";
        let said = |faults: &str| format!("*** in database main ***\n{faults}");
        assert_eq!(fault(&said(&format!("{one}{shared}\n{one}"))), Some(shared));
        assert_eq!(fault(&said(one)), None);
        assert_eq!(fault(&said(&one.repeat(100))), Some(one.trim_end()));
    }
}
