//! Rows by which a URL is found in another spelling, or with parameters of a player: written, looked at, forgotten.

use crate::session::spelling::Spelling;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// So many sets of names of parameters are kept of a host.
pub(crate) const MOST_SETS: i64 = 128;

/// URLs that somebody may ask for.
pub(crate) const ALL: [&str; 3] = [
    "SELECT url FROM resource",
    "SELECT url FROM alias",
    "SELECT detail FROM event WHERE kind = 'left out'",
];

pub(crate) const IS_IN_USE: &str = "SELECT EXISTS (SELECT 1 FROM resource WHERE url = ?1) OR EXISTS (SELECT 1 FROM alias WHERE url = ?1)
    OR EXISTS (SELECT 1 FROM event WHERE kind = 'left out' AND detail = ?1)";

/// A slash is what follows a host, and `0` what follows a slash.
pub(crate) const IS_HOST_IN_USE: &str = "SELECT EXISTS (SELECT 1 FROM resource WHERE url >= ?1 || '/' AND url < ?1 || '0')
    OR EXISTS (SELECT 1 FROM alias WHERE url >= ?1 || '/' AND url < ?1 || '0')
    OR EXISTS (SELECT 1 FROM event WHERE kind = 'left out' AND detail >= ?1 || '/' AND detail < ?1 || '0')";

/// Notes what a URL is looked up by beside itself: its normal spelling, where that is another, and the names of its
/// parameters. `false`: there are too many sets of names of its host.
pub(crate) fn note(db: &Connection, url: &str) -> rusqlite::Result<bool> {
    let spelling = Spelling::of_url(url);
    note_spelling(db, url, &spelling)?;
    match spelling.names() {
        Some(names) => note_names(db, spelling.host(), &names),
        None => Ok(true),
    }
}

/// Notes the normal spelling of a URL, where that is another. How many bytes were noted.
pub(crate) fn note_spelling(
    db: &Connection,
    url: &str,
    spelling: &Spelling,
) -> rusqlite::Result<usize> {
    let normal = spelling.text();
    if normal == url {
        return Ok(0);
    }
    let count = db
        .prepare_cached("INSERT OR IGNORE INTO url_spelling (normal, url) VALUES (?1,?2)")?
        .execute([normal.as_str(), url])?;
    Ok(count * (normal.len() + url.len()))
}

/// Notes names of parameters that URLs of a host have together. `false`: there are too many sets of them.
pub(crate) fn note_names(db: &Connection, host: &str, names: &str) -> rusqlite::Result<bool> {
    if has_names(db, host, names)? {
        return Ok(true);
    }
    if is_full(db, host)? {
        return Ok(false);
    }
    db.prepare_cached("INSERT INTO query_names (host, names) VALUES (?1,?2)")?
        .execute([host, names])?;
    Ok(true)
}

pub(crate) fn has_names(db: &Connection, host: &str, names: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM query_names WHERE host = ?1 AND names = ?2")?
        .exists([host, names])
}

/// Whether no more sets of names are kept of a host.
pub(crate) fn is_full(db: &Connection, host: &str) -> rusqlite::Result<bool> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM query_names WHERE host = ?1")?
        .query_row([host], |row| row.get(0))?;
    Ok(count >= MOST_SETS)
}

/// Notes all URLs of a session.
pub(crate) fn note_all(db: &Connection) -> rusqlite::Result<()> {
    for sql in ALL {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            note(db, row.get_ref(0)?.as_str()?)?;
        }
    }
    Ok(())
}

/// Forgets what was noted of URLs that are gone, where nothing else needs it.
pub(crate) fn forget<'a>(
    db: &Connection,
    urls: impl IntoIterator<Item = &'a str>,
) -> rusqlite::Result<()> {
    let mut hosts = BTreeSet::new();
    for url in urls {
        let spelling = Spelling::of_url(url);
        if spelling.names().is_some() {
            hosts.insert(spelling.host().to_owned());
        }
        let normal = spelling.text();
        let is_in_use = || {
            db.prepare_cached(IS_IN_USE)?
                .query_row([url], |row| row.get(0))
        };
        if normal != url && !is_in_use()? {
            db.prepare_cached("DELETE FROM url_spelling WHERE normal = ?1 AND url = ?2")?
                .execute([normal.as_str(), url])?;
        }
    }
    for host in hosts {
        let is_in_use: bool = db
            .prepare_cached(IS_HOST_IN_USE)?
            .query_row([&host], |row| row.get(0))?;
        if !is_in_use {
            db.prepare_cached("DELETE FROM query_names WHERE host = ?1")?
                .execute([&host])?;
        }
    }
    Ok(())
}

/// What is wrong with what is noted of a URL.
pub(crate) fn fault(db: &Connection, url: &str) -> rusqlite::Result<Option<&'static str>> {
    let spelling = Spelling::of_url(url);
    let normal = spelling.text();
    let is_there = || {
        db.prepare_cached("SELECT 1 FROM url_spelling WHERE normal = ?1 AND url = ?2")?
            .exists([normal.as_str(), url])
    };
    if normal != url && !is_there()? {
        return Ok(Some("its normal spelling is not there"));
    }
    let Some(names) = spelling.names() else {
        return Ok(None);
    };
    let host = spelling.host();
    let is_noted = has_names(db, host, &names)? || is_full(db, host)?;
    Ok((!is_noted).then_some("the names of its parameters are not there"))
}

/// Whether a row of `url_spelling` is as it should be, and needed.
pub(crate) fn is_spelling(db: &Connection, normal: &str, url: &str) -> rusqlite::Result<bool> {
    let is_in_use = || {
        db.prepare_cached(IS_IN_USE)?
            .query_row([url], |row| row.get(0))
    };
    Ok(normal != url && Spelling::of_url(url).text() == normal && is_in_use()?)
}
