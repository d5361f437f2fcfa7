//! Which resources a URL means, as players ask: in another spelling, with parameters of their own
//! (`docs/design/timeline.md`, "answer(url, t)"). Each look-up is a search of an index.

use crate::session::database::spellings::MOST_SETS;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use crate::session::error::ReadError;
use crate::session::read::facts::ResourceInfo;
use crate::session::read::reader::Reader;
use crate::session::read::resources::resource_row;
use crate::session::spelling::{Reduced, Spelling};

/// So many URLs of a path are looked at where sets of names are not kept of all of a host: in sessions of format
/// version 1, or where there are too many.
const SAMPLE: i64 = 256;
/// A request is looked up as so many other URLs at most.
const MOST_TRIES: usize = 64;

/// A playlist that was renewed is known under the first of its URLs, and that means each URL that was asked for in
/// its place: the newest answer of them is the answer.
const BY_URL: &str =
    "SELECT id, kind, url, range_first, range_length, stream_id FROM resource WHERE url = ?1
    UNION
    SELECT r.id, r.kind, r.url, r.range_first, r.range_length, r.stream_id
      FROM alias a JOIN resource r ON r.id = a.resource_id WHERE a.url = ?1
    UNION
    SELECT r.id, r.kind, r.url, r.range_first, r.range_length, r.stream_id
      FROM alias a JOIN resource p ON p.id = a.resource_id AND p.kind = 'media'
      JOIN alias b ON b.url = p.url JOIN resource r ON r.id = b.resource_id WHERE a.url = ?1
     LIMIT 20000";
const SPELT: &str = "SELECT url FROM url_spelling WHERE normal = ?1 LIMIT 16";
const SETS: &str = "SELECT names FROM query_names WHERE host = ?1 LIMIT ?2";
const SAMPLED: &str =
    "SELECT DISTINCT url FROM (SELECT url FROM resource WHERE path_url = ?1 LIMIT ?2)";
/// A few of the resources that `BY_URL` finds: whether there are any, and whether two URLs are of one, takes no more,
/// however many byte ranges there are of each.
const FEW_BY_URL: &str = "SELECT id FROM (SELECT id FROM resource WHERE url = ?1 LIMIT 8)
    UNION ALL
    SELECT resource_id FROM (SELECT resource_id FROM alias WHERE url = ?1 LIMIT 8)
    UNION ALL
    SELECT b.resource_id FROM resource p JOIN alias b ON b.url = p.url
     WHERE p.id IN (SELECT resource_id FROM alias WHERE url = ?1 LIMIT 8) AND p.kind = 'media'
     LIMIT 24";
/// Whether `BY_URL` finds that resource.
const IS_BY_URL: &str = "SELECT EXISTS (SELECT 1 FROM resource WHERE id = ?2 AND url = ?1)
    OR EXISTS (SELECT 1 FROM alias WHERE url = ?1 AND resource_id = ?2)
    OR EXISTS (SELECT 1 FROM resource p JOIN alias b ON b.url = p.url AND b.resource_id = ?2
     WHERE p.id IN (SELECT resource_id FROM alias WHERE url = ?1 LIMIT 8) AND p.kind = 'media')";
/// Of the URLs of a path the one without a query, the first and the last with one, as they are in order: what follows
/// a path is a question mark, and `@` follows that. Where they are the same there is no other.
pub(crate) const ENDS_OF_PATH: &str = "SELECT url FROM (SELECT url FROM resource WHERE url = ?1 LIMIT 1)
    UNION ALL
    SELECT url FROM (SELECT url FROM resource WHERE url >= ?1 || '?' AND url < ?1 || '@' ORDER BY url LIMIT 1)
    UNION ALL
    SELECT url FROM (SELECT url FROM resource WHERE url >= ?1 || '?' AND url < ?1 || '@' ORDER BY url DESC LIMIT 1)";

impl Reader {
    /// Exactly; then without `_HLS_` directives; then in another spelling; then what has the most parameters of those
    /// that are asked for, and no other; then without the query, where that is one resource.
    pub(crate) fn resources(&self, url: &str) -> Result<Vec<ResourceInfo>, ReadError> {
        let plain = without_directives(url);
        for url in [Some(url), plain.as_deref()].into_iter().flatten() {
            let found = self.resources_of(url)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        for url in [Some(url), plain.as_deref()].into_iter().flatten() {
            let found = self.spelt(&Spelling::of_url(url).text())?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        match self.with_added(&Spelling::of_url(url))? {
            Added::Found(found) => Ok(found),
            Added::Other => Ok(Vec::new()),
            Added::None => self.only_of_path(url),
        }
    }

    /// What is known under a URL. A playlist that was renewed is known under the first of its URLs, and that
    /// means each URL that was asked for in its place: the newest answer of them is the answer.
    pub(super) fn resources_of(&self, url: &str) -> Result<Vec<ResourceInfo>, ReadError> {
        self.list(BY_URL, [url], resource_row)
    }

    /// Resources with a URL whose normal spelling is this one.
    fn spelt(&self, normal: &str) -> Result<Vec<ResourceInfo>, ReadError> {
        self.all_of(&self.spellings(normal)?)
    }

    /// URLs with that normal spelling, itself first.
    fn spellings(&self, normal: &str) -> Result<Vec<String>, ReadError> {
        let mut urls = vec![normal.to_owned()];
        urls.extend(self.list(SPELT, [normal], |row| row.get(0))?);
        Ok(urls)
    }

    /// Resources with any of these URLs, each once.
    fn all_of(&self, urls: &[String]) -> Result<Vec<ResourceInfo>, ReadError> {
        let mut ids = BTreeSet::new();
        let mut found = Vec::new();
        for url in urls {
            let here = self.resources_of(url)?;
            found.extend(here.into_iter().filter(|resource| ids.insert(resource.id)));
        }
        Ok(found)
    }

    /// Numbers of some of the resources with any of these URLs; none: there are none.
    fn few_of(&self, urls: &[String]) -> Result<Vec<i64>, ReadError> {
        for url in urls {
            let few: Vec<i64> = self.list(FEW_BY_URL, [url], |row| row.get(0))?;
            if !few.is_empty() {
                return Ok(few);
            }
        }
        Ok(Vec::new())
    }

    /// Whether resources with these numbers all have one of these URLs.
    fn are_of(&self, ids: &[i64], urls: &[String]) -> Result<bool, ReadError> {
        for id in ids {
            let mut is_of = false;
            for url in urls {
                let found: Vec<bool> = self.list(IS_BY_URL, params![url, id], |row| row.get(0))?;
                is_of |= found.first() == Some(&true);
            }
            if !is_of {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Resources all of whose parameters are among those asked for: of these the ones with most.
    fn with_added(&self, asked: &Spelling) -> Result<Added, ReadError> {
        let mut tries = vec![asked.bare()];
        let by_name = asked.by_name();
        for names in self.sets_of_names(asked)? {
            let most = MOST_TRIES.saturating_sub(tries.len());
            tries.extend(asked.reduced(&by_name, &names, most));
        }
        let mut by_count: BTreeMap<usize, Vec<Reduced>> = BTreeMap::new();
        for reduced in tries {
            by_count
                .entry(reduced.parameters.len())
                .or_default()
                .push(reduced);
        }
        for tries in by_count.into_values().rev() {
            match self.one_of(tries)? {
                Added::None => {}
                found => return Ok(found),
            }
        }
        Ok(Added::None)
    }

    /// URLs with as many parameters each. Those with the same ones, in another order, are one. All resources are
    /// read only where it is known that they are meant.
    fn one_of(&self, tries: Vec<Reduced>) -> Result<Added, ReadError> {
        let mut found: Option<(Vec<String>, Vec<String>)> = None;
        for reduced in tries {
            let here = self.spellings(&reduced.text)?;
            let few = self.few_of(&here)?;
            if few.is_empty() {
                // What the user did not want is not what has fewer parameters.
                match self.is_left_out(&reduced.text)? {
                    true => return Ok(Added::Other),
                    false => continue,
                }
            }
            let Some((parameters, urls)) = &mut found else {
                found = Some((reduced.parameters, here));
                continue;
            };
            if *parameters != reduced.parameters && !self.are_of(&few, urls)? {
                return Ok(Added::Other);
            }
            urls.extend(here);
        }
        Ok(match found {
            Some((_, urls)) => Added::Found(self.all_of(&urls)?),
            None => Added::None,
        })
    }

    /// Sets of names of parameters that URLs of the host, or of the path, were recorded with.
    fn sets_of_names(&self, asked: &Spelling) -> Result<Vec<String>, ReadError> {
        let values = params![asked.host(), MOST_SETS];
        let mut sets: Vec<String> = self.list(SETS, values, |row| row.get(0))?;
        let is_all = i64::try_from(sets.len()).is_ok_and(|count| count < MOST_SETS);
        if is_all && !sets.is_empty() {
            return Ok(sets);
        }
        let values = params![asked.path_url(), SAMPLE];
        let sample: Vec<String> = self.list(SAMPLED, values, |row| row.get(0))?;
        for names in sample
            .iter()
            .filter_map(|url| Spelling::of_url(url).names())
        {
            if !sets.contains(&names) {
                sets.push(names);
            }
        }
        Ok(sets)
    }

    /// Whatever the query, where all that was recorded of the path has one URL.
    fn only_of_path(&self, url: &str) -> Result<Vec<ResourceInfo>, ReadError> {
        let only = only_of_path(self.db.connection(), url).map_err(|e| self.failed(e))?;
        match only {
            Some(only) if !self.is_left_out(url)? => self.resources_of(&only),
            _ => Ok(Vec::new()),
        }
    }
}

/// The URL that all has that was recorded of the path of a URL; `None`: there is none, or there are several.
pub(crate) fn only_of_path(db: &Connection, url: &str) -> rusqlite::Result<Option<String>> {
    let path_url = url.split('?').next().unwrap_or(url);
    let mut statement = db.prepare_cached(ENDS_OF_PATH)?;
    let ends = statement.query_map([path_url], |row| row.get(0))?;
    let ends: Vec<String> = ends.collect::<rusqlite::Result<_>>()?;
    let is_one = ends.iter().all(|end| ends.first() == Some(end));
    Ok(ends.into_iter().next().filter(|_| is_one))
}

/// What is found under some of the parameters that are asked for.
enum Added {
    Found(Vec<ResourceInfo>),
    /// Nothing that would be the one: two that differ, or what was left out.
    Other,
    None,
}

/// `None`: there are no directives.
fn without_directives(url: &str) -> Option<String> {
    let (path, query) = url.split_once('?')?;
    let kept: Vec<&str> = query
        .split('&')
        .filter(|p| !p.starts_with("_HLS_"))
        .collect();
    if kept.len() == query.split('&').count() {
        return None;
    }
    Some(if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    })
}

#[cfg(test)]
mod steps;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::database::spellings::*;
    use crate::session::format::SCHEMA;

    fn database() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        db
    }

    fn count(db: &Connection, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        db.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn each_look_up_is_a_search_of_an_index() {
        let db = database();
        let left_out = "SELECT id FROM event WHERE kind = 'left out' AND detail = ?1 LIMIT 1";
        for sql in [
            BY_URL,
            SPELT,
            SETS,
            SAMPLED,
            FEW_BY_URL,
            IS_BY_URL,
            ENDS_OF_PATH,
            left_out,
        ] {
            let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let values = (0..plan.parameter_count()).map(|_| 1);
            let steps = plan.query_map(rusqlite::params_from_iter(values), |row| row.get(3));
            let steps: Vec<String> = steps.unwrap().map(Result::unwrap).collect();
            let is_scan = |s: &&String| {
                s.starts_with("SCAN ") && !s.contains("subquery") && *s != "SCAN CONSTANT ROW"
            };
            assert_eq!(steps.iter().find(is_scan), None, "{sql}: {steps:?}");
        }
    }

    #[test]
    fn what_is_noted_of_a_url_goes_with_it() {
        let db = database();
        let url = "http://h/a%7e.ts?x=1&y=2";
        db.execute_batch(
            "INSERT INTO stream (name, url) VALUES ('s', 'http://h/');
             INSERT INTO resource (stream_id, kind, url, path_url, name) VALUES (1, 'main', 'http://other/', 'http://other/', '')",
        )
        .unwrap();
        db.execute("INSERT INTO alias VALUES (?1, 1)", [url])
            .unwrap();
        assert_eq!(
            fault(&db, url).unwrap(),
            Some("its normal spelling is not there")
        );
        note_all(&db).unwrap();
        note_all(&db).unwrap();
        assert_eq!(
            (count(&db, "url_spelling"), count(&db, "query_names")),
            (1, 1)
        );
        assert_eq!(fault(&db, url).unwrap(), None);
        assert!(is_spelling(&db, "http://h/a~.ts?x=1&y=2", url).unwrap());
        assert!(!is_spelling(&db, "http://h/a.ts?x=1&y=2", url).unwrap());
        forget(&db, [url]).unwrap();
        assert_eq!(count(&db, "url_spelling"), 1, "an alias has it");
        db.execute_batch("DELETE FROM alias").unwrap();
        forget(&db, [url]).unwrap();
        assert_eq!(
            (count(&db, "url_spelling"), count(&db, "query_names")),
            (0, 0)
        );
        note(&db, "http://other/?x=1").unwrap();
        forget(&db, ["http://other/?x=1"]).unwrap();
        assert_eq!(count(&db, "query_names"), 1, "the host has another URL");
    }

    #[test]
    fn an_origin_that_makes_up_names_costs_no_more_than_so_many() {
        let db = database();
        for n in 0..MOST_SETS {
            assert!(note(&db, &format!("http://h/a?x{n}=1")).unwrap());
        }
        assert!(!note(&db, "http://h/a?another=1").unwrap());
        assert!(note(&db, "http://h/a?x5=2").unwrap());
        assert!(note(&db, "http://h:8080/a?another=1").unwrap());
        assert_eq!(count(&db, "query_names"), MOST_SETS + 1);
        assert_eq!(fault(&db, "http://h/a?another=1").unwrap(), None);
    }

    #[test]
    fn only_directives_are_taken_out_of_a_query() {
        assert_eq!(
            without_directives("http://h/a?_HLS_msn=3&x=1&_HLS_part=0").as_deref(),
            Some("http://h/a?x=1")
        );
        assert_eq!(
            without_directives("http://h/a?_HLS_skip=YES").as_deref(),
            Some("http://h/a")
        );
        assert_eq!(without_directives("http://h/a?x=1"), None);
        assert_eq!(without_directives("http://h/a"), None);
    }
}
