//! Response header fields: kept in order, shared between exchanges.
//!
//! Most of what an origin sends is the same each time. A *header set* holds the names and
//! the values that stay; the values that change at each answer (Date, ETag, …) are left
//! out of it and stand in the exchange. Which ones change is learnt by comparing.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Header fields in the order received: name in lower case, value as bytes.
///
/// Values are written as ISO 8859-1 text, so that any byte survives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, Vec<u8>)>);

impl Headers {
    /// The first value of a field, if it is ASCII; `name` in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok().map(str::trim)
    }

    /// Puts back together what [`HeaderSets::split`] took apart.
    ///
    /// `None`: the texts are not what `split` makes.
    pub(crate) fn join(fields: &str, values: Option<&str>) -> Option<Self> {
        HeaderSet::read(fields)?.with(values)
    }
}

/// A header set, read once for all exchanges that share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSet {
    /// Name and value; `None`: the exchange has it.
    fields: Vec<(String, Option<Vec<u8>>)>,
}

impl HeaderSet {
    /// Reads the text of one; `None`: that is none.
    pub fn read(fields: &str) -> Option<Self> {
        let fields: Vec<(String, Option<String>)> = serde_json::from_str(fields).ok()?;
        let field = |(name, value): (String, Option<String>)| {
            let value = value.map(|text| from_latin1(&text).ok_or(()));
            Some((name, value.transpose().ok()?))
        };
        let fields = fields.into_iter().map(field).collect::<Option<_>>()?;
        Some(Self { fields })
    }

    /// Whether one of these fields has a value that the set leaves out; names in lower case.
    pub fn leaves_out(&self, names: &[&str]) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|(name, value)| value.is_none() && names.contains(&name.as_str()))
    }

    /// Whether it has a field, wherever its value is; `name` in lower case.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own == name)
    }

    /// The dates that fields say, in seconds of Unix time; `values`: those that an exchange has. `None`: one of them is not there.
    pub fn dates<const N: usize>(
        &self,
        names: [&str; N],
        values: Option<&str>,
    ) -> Option<[u64; N]> {
        let values: Vec<Value> = match values {
            Some(text) => serde_json::from_str(text).ok()?,
            None => Vec::new(),
        };
        let mut dates = [0; N];
        for (date, name) in dates.iter_mut().zip(names) {
            let at = self.fields.iter().position(|(own, _)| own == name)?;
            let (before, own) = (self.fields.get(..at)?, self.fields.get(at)?);
            *date = match &own.1 {
                Some(value) => {
                    let text = std::str::from_utf8(value).ok()?;
                    let time = httpdate::parse_http_date(text).ok()?;
                    time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()
                }
                None => {
                    let place = before.iter().filter(|(_, value)| value.is_none()).count();
                    values.get(place)?.as_u64()?
                }
            };
        }
        Some(dates)
    }

    /// The fields whose values it has.
    pub fn own(&self) -> Headers {
        let fields = self.fields.iter();
        let own = fields.filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        Headers(own.collect())
    }

    /// All fields, with the values that an exchange has; `None`: these are not what it leaves out.
    pub fn with(&self, values: Option<&str>) -> Option<Headers> {
        let values: Vec<Value> = match values {
            Some(text) => serde_json::from_str(text).ok()?,
            None => Vec::new(),
        };
        let mut left_out = values.into_iter();
        let mut all = Vec::with_capacity(self.fields.len());
        for (name, value) in &self.fields {
            let value = match value {
                Some(value) => value.clone(),
                None => match left_out.next()? {
                    Value::String(text) => from_latin1(&text)?,
                    Value::Number(n) => http_date(n.as_u64()?)?.into_bytes(),
                    _ => return None,
                },
            };
            all.push((name.clone(), value));
        }
        Some(Headers(all))
    }
}

/// Learns which values change, per list of names.
#[derive(Debug, Default)]
pub(super) struct HeaderSets {
    last: HashMap<Vec<String>, Learnt>,
    /// What that takes.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Learnt {
    values: Vec<Vec<u8>>,
    changing: HashSet<usize>,
}

/// More lists of names than this are an origin that makes them up: start over.
const MAX_LISTS: usize = 1024;
/// Or so many bytes of names and values.
const MAX_BYTES: usize = 4 * 1024 * 1024;

impl HeaderSets {
    /// The text of `header_set.fields` and of `exchange.header_values`.
    pub(super) fn split(&mut self, headers: &Headers) -> (String, Option<String>) {
        let names: Vec<String> = headers.0.iter().map(|(n, _)| n.clone()).collect();
        if !self.last.contains_key(&names) {
            let bytes: usize = headers.0.iter().map(|(n, v)| n.len() + v.len()).sum();
            self.bytes += bytes;
            if self.last.len() >= MAX_LISTS || self.bytes > MAX_BYTES {
                self.last.clear();
                self.bytes = bytes;
            }
        }
        let learnt = self.last.entry(names).or_insert_with_key(|names| Learnt {
            values: headers.0.iter().map(|(_, v)| v.clone()).collect(),
            changing: (0..names.len())
                .filter(|&i| changes_by_nature(&names[i]))
                .collect(),
        });
        for (i, (_, value)) in headers.0.iter().enumerate() {
            if learnt.values.get(i) != Some(value) {
                learnt.changing.insert(i);
            }
        }
        let mut fields = Vec::with_capacity(headers.0.len());
        let mut values = Vec::new();
        for (i, (name, value)) in headers.0.iter().enumerate() {
            if learnt.changing.contains(&i) {
                fields.push((name, None));
                values.push(short_value(value));
            } else {
                fields.push((name, Some(to_latin1(value))));
            }
        }
        let fields = serde_json::to_string(&fields).unwrap_or_default();
        let values = (!values.is_empty()).then(|| Value::Array(values).to_string());
        (fields, values)
    }
}

fn changes_by_nature(name: &str) -> bool {
    matches!(
        name,
        "date" | "age" | "expires" | "last-modified" | "etag" | "content-length" | "content-range"
    )
}

/// A date as its seconds, where that loses nothing.
fn short_value(value: &[u8]) -> Value {
    let text = to_latin1(value);
    if text.ends_with("GMT")
        && let Ok(time) = httpdate::parse_http_date(&text)
        && let Ok(since) = time.duration_since(std::time::UNIX_EPOCH)
        && http_date(since.as_secs()).as_deref() == Some(text.as_str())
    {
        return Value::from(since.as_secs());
    }
    Value::String(text)
}

fn http_date(seconds: u64) -> Option<String> {
    // The last second of the year 9999: httpdate panics after it.
    const LAST: u64 = 253_402_300_799;
    (seconds <= LAST).then(|| {
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
    })
}

fn to_latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

fn from_latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(list: &[(&str, &str)]) -> Headers {
        Headers(
            list.iter()
                .map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()))
                .collect(),
        )
    }

    #[test]
    fn values_that_change_leave_the_set_unchanged() {
        let mut sets = HeaderSets::default();
        let first = headers(&[
            ("date", "Fri, 20 Nov 2026 12:00:00 GMT"),
            ("server", "nginx"),
            ("x-id", "1"),
        ]);
        let second = headers(&[
            ("date", "Fri, 20 Nov 2026 12:00:01 GMT"),
            ("server", "nginx"),
            ("x-id", "2"),
        ]);
        let third = headers(&[
            ("date", "Fri, 20 Nov 2026 12:00:02 GMT"),
            ("server", "nginx"),
            ("x-id", "3"),
        ]);
        sets.split(&first);
        let (fields2, values2) = sets.split(&second);
        let (fields3, _) = sets.split(&third);
        assert_eq!(fields2, fields3);
        assert_eq!(values2.as_deref(), Some(r#"[1795176001,"2"]"#));
    }

    #[test]
    fn a_set_that_is_read_once_knows_what_it_leaves_out() {
        let set = HeaderSet::read(r#"[["date",null],["server","nginx"]]"#).unwrap();
        assert!(set.leaves_out(&["age", "date"]) && !set.leaves_out(&["age", "server"]));
        assert_eq!(set.own(), headers(&[("server", "nginx")]));
        assert!(set.has("date") && !set.has("age"));
        assert_eq!(set.dates(["date"], Some("[7]")), Some([7]));
        assert_eq!(set.dates(["date"], None), None);
        assert_eq!(set.dates(["date", "age"], Some("[7]")), None);
        let fixed = HeaderSet::read(r#"[["etag",null],["date","Thu, 01 Jan 1970 00:00:09 GMT"]]"#);
        assert_eq!(fixed.unwrap().dates(["date"], Some("[\"x\"]")), Some([9]));
        let whole = set.with(Some("[0]")).unwrap();
        assert_eq!(whole.get("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
        assert_eq!(set.with(None), None);
    }

    #[test]
    fn damaged_texts_are_none() {
        assert_eq!(Headers::join("[", None), None);
        assert_eq!(Headers::join(r#"[["date",null]]"#, None), None);
        assert_eq!(
            Headers::join(r#"[["date",null]]"#, Some(&format!("[{}]", u64::MAX))),
            None
        );
    }

    proptest! {
        #[test]
        fn any_bytes_survive(lists in prop::collection::vec(
            prop::collection::vec(("[a-c]{1,2}", prop::collection::vec(any::<u8>(), 0..12)), 0..5), 1..6)) {
            let mut sets = HeaderSets::default();
            for list in lists {
                let headers = Headers(list);
                let (fields, values) = sets.split(&headers);
                prop_assert_eq!(Headers::join(&fields, values.as_deref()), Some(headers));
            }
        }
    }
}
