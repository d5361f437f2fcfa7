//! What a reader may ask of a database: what its own statements ask, and nothing that a stranger's schema could add
//! to them. Pure.

use rusqlite::hooks::AuthAction;

/// Until the schema has been compared.
const OF_SCHEMA: [&str; 6] = [
    "application_id",
    "user_version",
    "encoding",
    "table_xinfo",
    "index_list",
    "index_xinfo",
];
const CHECKS: [&str; 4] = [
    "quick_check",
    "integrity_check",
    "foreign_key_check",
    "page_count",
];
/// Whether anything was committed.
const VERSION: &str = "data_version";

/// The one of our views that is asked, and the functions of SQLite that are tables.
const LIKE_TABLES: [&str; 3] = ["body_text", "json_each", "sqlite_schema"];

/// Functions in statements of readers and in `body_text`.
const FUNCTIONS: [&str; 27] = [
    "->>",
    "abs",
    "coalesce",
    "count",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json_each",
    "json_extract",
    "json_valid",
    "lag",
    "length",
    "like",
    "lower",
    "max",
    "min",
    "nullif",
    "octet_length",
    "replace",
    "round",
    "row_number",
    "substr",
    "sum",
    "total",
    "typeof",
];

/// As long as the schema has not been compared.
pub(super) fn schema(action: AuthAction<'_>) -> bool {
    match action {
        AuthAction::Select | AuthAction::Transaction { .. } => true,
        AuthAction::Read { table_name, .. } => is_of_schema(table_name),
        AuthAction::Pragma { pragma_name, .. } => OF_SCHEMA.contains(&pragma_name),
        _ => false,
    }
}

/// When it has been: `tables` are ours, of any version.
pub(super) fn reading(action: AuthAction<'_>, tables: &[&str]) -> bool {
    match action {
        AuthAction::Select
        | AuthAction::Recursive
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. } => true,
        AuthAction::Read {
            table_name,
            column_name,
        } => {
            // Without a column it may be a name that the statement itself gives (WITH).
            column_name.is_empty()
                || is_of_schema(table_name)
                || tables.contains(&table_name)
                || LIKE_TABLES.contains(&table_name)
        }
        AuthAction::Function { function_name } => FUNCTIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(function_name)),
        AuthAction::Pragma { pragma_name, .. } => {
            OF_SCHEMA.contains(&pragma_name)
                || CHECKS.contains(&pragma_name)
                || pragma_name == VERSION
        }
        _ => false,
    }
}

fn is_of_schema(table: &str) -> bool {
    matches!(table, "sqlite_schema" | "sqlite_master")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_denied() {
        let read = |table_name| AuthAction::Read {
            table_name,
            column_name: "a",
        };
        let function = |function_name| AuthAction::Function { function_name };
        let pragma = |pragma_name| AuthAction::Pragma {
            pragma_name,
            pragma_value: None,
        };
        for granted in [read("exchange"), function("IFNULL"), pragma("quick_check")] {
            assert!(
                reading(granted, &["exchange"]) && !schema(granted),
                "{granted:?}"
            );
        }
        for granted in [read("sqlite_master"), pragma("table_xinfo")] {
            assert!(
                reading(granted, &["exchange"]) && schema(granted),
                "{granted:?}"
            );
        }
        let insert = AuthAction::Insert {
            table_name: "exchange",
        };
        let denied = [
            read("notes"),
            read("sqlite_stat1"),
            function("zeroblob"),
            function("load_extension"),
            pragma("writable_schema"),
            AuthAction::Attach { filename: "x" },
            insert,
        ];
        for denied in denied {
            assert!(
                !reading(denied, &["exchange"]) && !schema(denied),
                "{denied:?}"
            );
        }
    }
}
