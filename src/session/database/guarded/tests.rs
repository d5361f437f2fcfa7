use rusqlite::{Connection, StatementStatus};

use super::restrict;

#[test]
fn a_statement_is_compiled_once_whatever_is_bound() {
    let db = Connection::open_in_memory().unwrap();
    restrict(&db).unwrap();
    db.execute_batch("CREATE TABLE t (a)").unwrap();
    let mut statement = db.prepare("SELECT a FROM t LIMIT ?1").unwrap();
    for most in 2..20 {
        let rows = statement.query_map([most], |_| Ok(())).unwrap();
        assert_eq!(rows.count(), 0);
    }
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}
