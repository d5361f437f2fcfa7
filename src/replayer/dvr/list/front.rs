//! The front of a list, of which `--keep` takes away what it removes. Pure.

use std::collections::HashMap;

use crate::clock::micros;
use crate::hls::{DATERANGE, attributes, seconds, unix_us};
use crate::session::rfc3339;

/// The tags that a segment begins with after a discontinuity.
pub(super) const DISCONTINUITY: &str = "#EXT-X-DISCONTINUITY";
const KEY: &str = "#EXT-X-KEY:";
const MAP: &str = "#EXT-X-MAP:";
const BITRATE: &str = "#EXT-X-BITRATE:";
const DATE: &str = "#EXT-X-PROGRAM-DATE-TIME:";
const EXTINF: &str = "#EXTINF:";

/// Lines of date ranges that are said again, the last ones, and their bytes: no channel has so many at once.
const MOST_RANGES: usize = 256;
const MOST_RANGE_BYTES: usize = 256 * 1024;

/// Lines of keys that apply together, by their KEYFORMAT.
type Keys<'a> = Vec<(Vec<u8>, &'a str)>;

/// What still holds behind the lines that have gone, said again before the segment whose lines are `first` (RFC 8216bis 4.4.4, 4.4.5.1):
/// date ranges that are not over, keys, the initialization section, the bit rate, and the date, by the last one and the durations since.
pub(super) fn still_in_force(gone: &str, first: &str) -> String {
    let says = |tag: &str| first.lines().any(|line| line.starts_with(tag));
    let begins_us = begins_us(gone).filter(|_| !first.lines().any(|line| line == DISCONTINUITY));
    let own_us = first.lines().find_map(date_us);
    let mut lines = ranges(gone, own_us.or(begins_us));
    lines.extend(keys_and_map(gone));
    let rate = gone.lines().rev().find(|line| line.starts_with(BITRATE));
    lines.extend(rate.filter(|_| !says(BITRATE)).map(str::to_owned));
    let date = begins_us.filter(|_| !says(DATE));
    lines.extend(date.map(|us| format!("{DATE}{}", rfc3339(us))));
    lines.into_iter().map(|line| line + "\n").collect()
}

fn date_us(line: &str) -> Option<i64> {
    unix_us(line.strip_prefix(DATE)?.as_bytes())
}

/// When what follows begins, in microseconds of Unix time; `None`: no date says, or none since the last discontinuity.
fn begins_us(gone: &str) -> Option<i64> {
    let mut us = None;
    for line in gone.lines() {
        if line == DISCONTINUITY {
            us = None;
        } else if line.starts_with(DATE) {
            us = date_us(line).or(us);
        } else if let Some(length) = line.strip_prefix(EXTINF) {
            let length_us = seconds(length.as_bytes()).map(micros);
            us = us
                .zip(length_us)
                .and_then(|(us, length_us): (i64, _)| us.checked_add(length_us));
        }
    }
    us
}

/// What is known of a date range: several lines may say it. In microseconds of Unix time.
#[derive(Default)]
struct DateRange {
    start_us: Option<i64>,
    end_us: Option<i64>,
    length_us: Option<i64>,
    /// It ends with the next one of its class.
    ends_on_next: Option<Vec<u8>>,
}

impl DateRange {
    fn take(&mut self, line: &str) {
        for attribute in attributes(line.as_bytes()) {
            let value = attribute.value;
            match attribute.name {
                b"START-DATE" => self.start_us = unix_us(value).or(self.start_us),
                b"END-DATE" => self.end_us = unix_us(value).or(self.end_us),
                b"DURATION" => self.length_us = seconds(value).map(micros).or(self.length_us),
                b"END-ON-NEXT" if value == b"YES" => {
                    self.ends_on_next = attribute_of(line.as_bytes(), b"CLASS");
                }
                _ => {}
            }
        }
    }

    /// When it is over; `None`: nobody has said.
    fn over_us(&self, next_us: impl Fn(&[u8], i64) -> Option<i64>) -> Option<i64> {
        let start_us = self.start_us?;
        let by_length = self.length_us.map(|us| start_us.saturating_add(us));
        let by_next = self.ends_on_next.as_deref();
        self.end_us
            .or(by_length)
            .or_else(|| next_us(by_next?, start_us))
    }
}

/// Lines of date ranges that are not over at a moment, in microseconds of Unix time, as far as is known.
fn ranges(gone: &str, begins_us: Option<i64>) -> Vec<String> {
    let lines = gone.lines().filter(|line| line.starts_with(DATERANGE));
    let lines: Vec<(Option<Vec<u8>>, &str)> = lines
        .map(|line| (attribute_of(value_of(line).as_bytes(), b"ID"), line))
        .collect();
    let mut all: HashMap<&Option<Vec<u8>>, DateRange> = HashMap::new();
    let mut starts: HashMap<Vec<u8>, Vec<i64>> = HashMap::new();
    for (id, line) in &lines {
        let range = all.entry(id).or_default();
        range.take(value_of(line));
        let class = attribute_of(value_of(line).as_bytes(), b"CLASS");
        if let (Some(class), Some(us)) = (class, range.start_us) {
            starts.entry(class).or_default().push(us);
        }
    }
    starts
        .values_mut()
        .for_each(|starts| starts.sort_unstable());
    let next_us = |class: &[u8], start_us: i64| {
        let starts = starts.get(class)?;
        let next = starts.partition_point(|us| *us <= start_us);
        starts.get(next).copied()
    };
    let is_over = |id: &Option<Vec<u8>>| {
        let over_us = all.get(id).and_then(|range| range.over_us(next_us));
        over_us
            .zip(begins_us)
            .is_some_and(|(over_us, us)| over_us <= us)
    };
    let mut bytes = 0;
    let on = lines.iter().rev().filter(|(id, _)| !is_over(id));
    let on = on.take(MOST_RANGES).map(|(_, line)| *line);
    let on = on.take_while(|line| {
        bytes += line.len();
        bytes <= MOST_RANGE_BYTES
    });
    let mut on: Vec<String> = on.map(str::to_owned).collect();
    on.reverse();
    on
}

fn value_of(line: &str) -> &str {
    line.split_once(':').map_or("", |(_, value)| value)
}

fn attribute_of(list: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut found = attributes(list).filter(|attribute| attribute.name == name);
    found.next().map(|attribute| attribute.value.to_vec())
}

/// The lines of keys and of an initialization section that still apply behind these lines.
fn keys_and_map(gone: &str) -> Vec<String> {
    let mut keys: Keys<'_> = Vec::new();
    let mut map: Option<(&str, Keys<'_>)> = None;
    for line in gone.lines() {
        if let Some(key) = line.strip_prefix(KEY) {
            take_key(&mut keys, line, key);
        } else if line.starts_with(MAP) {
            // The keys before it are its own (RFC 8216bis 4.4.4.5).
            map = Some((line, keys.clone()));
        }
    }
    let mut lines = Vec::new();
    let of = |keys: &[(Vec<u8>, &'_ str)]| {
        keys.iter()
            .map(|(_, line)| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let mut said = Vec::new();
    if let Some((map, its_keys)) = map {
        lines.extend(of(&its_keys));
        lines.push(map.to_owned());
        said = its_keys;
    }
    if said != keys {
        if !said.is_empty() {
            lines.push(format!("{KEY}METHOD=NONE"));
        }
        lines.extend(of(&keys));
    }
    lines
}

fn take_key<'a>(keys: &mut Keys<'a>, line: &'a str, key: &str) {
    let value = |name: &[u8]| attribute_of(key.as_bytes(), name);
    if value(b"METHOD").as_deref() == Some(b"NONE") {
        keys.clear();
        return;
    }
    let format = value(b"KEYFORMAT").unwrap_or_else(|| b"identity".to_vec());
    match keys.iter_mut().find(|(known, _)| *known == format) {
        Some((_, known)) => *known = line,
        None => keys.push((format, line)),
    }
}

/// The exchanges that these lines refer to.
pub(super) fn referred(lines: &str) -> impl Iterator<Item = i64> {
    let paths = lines.split("exchange/").skip(1);
    paths.filter_map(|path| path.split('/').next()?.parse().ok())
}

#[cfg(test)]
mod tests;
