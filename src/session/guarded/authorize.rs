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
const CHECKS: [&str; 3] = ["quick_check", "integrity_check", "foreign_key_check"];

/// Our tables, of any version.
const TABLES: [&str; 14] = [
    "run",
    "stream",
    "resource",
    "alias",
    "url_spelling",
    "query_names",
    "pending",
    "header_set",
    "body",
    "line",
    "exchange",
    "revision",
    "event",
    "heartbeat",
];
/// The one of our views that is asked, and the functions of SQLite that are tables.
const LIKE_TABLES: [&str; 3] = ["body_text", "json_each", "sqlite_schema"];

/// Functions in statements of readers and in `body_text`.
const FUNCTIONS: [&str; 23] = [
    "->>",
    "abs",
    "coalesce",
    "count",
    "group_concat",
    "hex",
    "ifnull",
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
    "octet_length",
    "replace",
    "round",
    "substr",
    "sum",
    "total",
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

/// When it has been.
pub(super) fn reading(action: AuthAction<'_>) -> bool {
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
                || TABLES.contains(&table_name)
                || LIKE_TABLES.contains(&table_name)
        }
        AuthAction::Function { function_name } => FUNCTIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(function_name)),
        AuthAction::Pragma { pragma_name, .. } => {
            OF_SCHEMA.contains(&pragma_name) || CHECKS.contains(&pragma_name)
        }
        _ => false,
    }
}

fn is_of_schema(table: &str) -> bool {
    matches!(table, "sqlite_schema" | "sqlite_master")
}
