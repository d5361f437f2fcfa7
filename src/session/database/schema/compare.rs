//! Whether what SQLite keeps of a schema is what it keeps of a landed one. Pure: no comment is cut and nothing is
//! parsed but the first words of an entry, since whoever takes a text apart in another way than SQLite can be
//! led astray.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An entry of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: String,
    pub(crate) name: String,
    /// The table that it says it is on.
    pub(crate) table: String,
    /// The page that its rows begin on; 0: it has none.
    pub(crate) page: i64,
    /// `None`: an index that a constraint brings along.
    pub(crate) sql: Option<String>,
}

/// The schema of a landed version, as SQLite keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Landed {
    pub(crate) entries: Vec<Entry>,
    /// All indexes of its tables (table, name): some have no entry.
    pub(crate) indexes: Vec<(String, String)>,
    /// Other texts that builds of this version made, by name: they differ in comments.
    pub(crate) also: BTreeMap<String, Vec<String>>,
}

/// Where a schema differs from a landed one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// It has no such thing (kind, name).
    Missing(String, String),
    /// A thing of this name (kind, name) is another.
    Other(String, String),
    /// What the entry of this name makes is not what it says.
    Mislabelled(String),
    /// It has a name that only SQLite gives, and is none that SQLite makes.
    System(String),
    /// Rows of it are on a page that it has no right to.
    Page(String),
    /// A trigger.
    Trigger(String),
    /// An index (name, table).
    Index(String, String),
}

/// Tables that SQLite makes by itself (ANALYZE, AUTOINCREMENT of a user's table).
pub(crate) const SYSTEM: [(&str, &str); 4] = [
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    (
        "sqlite_stat3",
        "CREATE TABLE sqlite_stat3(tbl,idx,neq,nlt,ndlt,sample)",
    ),
    (
        "sqlite_stat4",
        "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ),
    ("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
];

/// Longer names are cut in messages.
const LONGEST_NAME: usize = 60;

impl Difference {
    /// Whether it can be dropped, and all is well then.
    pub(crate) fn is_removable(&self) -> bool {
        matches!(self, Self::Trigger(_) | Self::Index(..))
    }

    /// The statement that drops it.
    pub(crate) fn removal(&self) -> Option<String> {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        match self {
            Self::Trigger(name) => Some(format!("DROP TRIGGER main.{}", quoted(name))),
            Self::Index(name, _) => Some(format!("DROP INDEX main.{}", quoted(name))),
            _ => None,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |name: &str| -> String {
            let cut: String = name.chars().take(LONGEST_NAME).collect();
            format!("{cut:?}")
        };
        match self {
            Self::Missing(kind, name) => write!(f, "the {kind} {} is missing", short(name)),
            Self::Other(kind, name) => write!(
                f,
                "the {kind} {} is not as this program makes it",
                short(name)
            ),
            Self::Mislabelled(name) => write!(
                f,
                "the entry {} of its schema makes something else than it says",
                short(name)
            ),
            Self::System(name) => write!(f, "{} is not as SQLite makes it", short(name)),
            Self::Page(name) => write!(
                f,
                "the rows of {} are on a page of something else",
                short(name)
            ),
            Self::Trigger(name) => write!(f, "it has a trigger, {}", short(name)),
            Self::Index(name, table) => write!(
                f,
                "it has an index {} on the table {} that is none of this program's",
                short(name),
                short(table)
            ),
        }
    }
}

/// All differences. `indexes`: those that SQLite keeps up (table, name) for tables of this program and for its own,
/// whatever table their entries name.
pub(crate) fn differences(
    here: &[Entry],
    indexes: &[(String, String)],
    landed: &Landed,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for wanted in &landed.entries {
        match here.iter().find(|entry| entry.name == wanted.name) {
            None => found.push(Difference::Missing(
                wanted.kind.clone(),
                wanted.name.clone(),
            )),
            Some(entry) if !landed.is_same(entry, wanted) => {
                found.push(Difference::Other(entry.kind.clone(), entry.name.clone()));
            }
            Some(_) => {}
        }
    }
    let is_wanted = |name: &str| landed.entries.iter().any(|wanted| wanted.name == name);
    for entry in here.iter().filter(|entry| !is_wanted(&entry.name)) {
        found.extend(fault_of_other(entry));
    }
    for added in indexes
        .iter()
        .filter(|index| !landed.indexes.contains(index))
    {
        let (table, name) = added;
        found.push(match is_system(table) {
            true => Difference::System(table.clone()),
            false => Difference::Index(name.clone(), table.clone()),
        });
    }
    found.extend(faults_of_pages(here));
    found.sort();
    found
}

impl Landed {
    fn is_same(&self, entry: &Entry, wanted: &Entry) -> bool {
        let is_text = || {
            let also = self.also.get(&wanted.name).into_iter().flatten();
            also.map(Some).any(|sql| entry.sql.as_ref() == sql) || entry.sql == wanted.sql
        };
        entry.kind == wanted.kind && entry.table == wanted.table && is_text()
    }

    /// Names of things of a kind.
    pub(crate) fn names(&self, kind: &str) -> impl Iterator<Item = &str> {
        let of_kind = move |entry: &&Entry| entry.kind == kind;
        let entries = self.entries.iter().filter(of_kind);
        entries.map(|entry| entry.name.as_str())
    }

    /// Whether there are tables beside: a user's, or what SQLite makes for them.
    pub(crate) fn has_others(&self, here: &[Entry]) -> bool {
        let tables = here.iter().filter(|entry| entry.kind == "table");
        tables.count() > self.names("table").count()
    }
}

/// What is wrong with an entry that has none of our names.
fn fault_of_other(entry: &Entry) -> Option<Difference> {
    if entry.kind == "trigger" {
        return Some(match is_labelled(entry) {
            true => Difference::Trigger(entry.name.clone()),
            false => Difference::Mislabelled(entry.name.clone()),
        });
    }
    if is_system(&entry.name) {
        let is_known = SYSTEM.iter().any(|(name, sql)| {
            entry.name == *name && entry.kind == "table" && entry.sql.as_deref() == Some(sql)
        });
        let is_automatic = entry.kind == "index" && entry.sql.is_none();
        return (!is_known && !is_automatic).then(|| Difference::System(entry.name.clone()));
    }
    (!is_labelled(entry)).then(|| Difference::Mislabelled(entry.name.clone()))
}

fn is_system(name: &str) -> bool {
    let start = name.get(..7).unwrap_or_default();
    start.eq_ignore_ascii_case("sqlite_")
}

/// Pages that are none, or those of two.
fn faults_of_pages(here: &[Entry]) -> Vec<Difference> {
    let mut seen = BTreeSet::new();
    let has_page = |entry: &&Entry| {
        let is_virtual = entry
            .sql
            .as_deref()
            .is_some_and(|sql| sql.starts_with("CREATE VIRTUAL"));
        matches!(entry.kind.as_str(), "table" | "index") && !is_virtual
    };
    let kept = here.iter().filter(has_page);
    let wrong = kept.filter(|entry| entry.page < 2 || !seen.insert(entry.page));
    wrong
        .map(|entry| Difference::Page(entry.name.clone()))
        .collect()
}

/// Whether the text of an entry begins as SQLite writes it for a thing of its kind and name: then it makes
/// nothing else. (An index may be on another table than it says.)
fn is_labelled(entry: &Entry) -> bool {
    let beginnings: &[&str] = match entry.kind.as_str() {
        "table" => &["CREATE TABLE ", "CREATE VIRTUAL TABLE "],
        "view" => &["CREATE VIEW "],
        "index" => &["CREATE INDEX ", "CREATE UNIQUE INDEX "],
        "trigger" => &["CREATE TRIGGER "],
        _ => return false,
    };
    let Some(sql) = &entry.sql else {
        return false;
    };
    let rest = beginnings.iter().find_map(|start| sql.strip_prefix(start));
    rest.and_then(name_at)
        .is_some_and(|name| name == entry.name)
}

/// The name that a text begins with, without its quotes.
fn name_at(text: &str) -> Option<String> {
    let first = text.chars().next()?;
    let (name, rest) = match first {
        '"' | '`' | '\'' => quoted(text, first)?,
        '[' => {
            let (name, rest) = text.get(1..)?.split_once(']')?;
            (name.to_owned(), rest)
        }
        _ => {
            let is_part =
                |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
            let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
            let (name, rest) = text.split_at(end);
            // `IF NOT EXISTS` another name.
            if name.is_empty() || name.eq_ignore_ascii_case("if") {
                return None;
            }
            (name.to_owned(), rest)
        }
    };
    // `main.another`
    (!rest.trim_start().starts_with(['.', '-', '/'])).then_some(name)
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.get(1..)?;
    loop {
        let (part, after) = rest.split_once(quote)?;
        name.push_str(part);
        let Some(more) = after.strip_prefix(quote) else {
            return Some((name, after));
        };
        name.push(quote);
        rest = more;
    }
}

#[cfg(test)]
mod tests;
