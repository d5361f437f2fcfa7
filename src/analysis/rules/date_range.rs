//! An EXT-X-DATERANGE (RFC 8216bis 4.4.5.1). Pure.

use crate::analysis::rules::playlist::micros;
use crate::hls::{attributes, unix_us};

/// What a tag says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DateRange {
    /// Its attributes, as they are written: name and value.
    pub attributes: Vec<(String, String)>,
    /// START-DATE, in microseconds of Unix time.
    pub start_us: Option<i64>,
    /// END-DATE, in microseconds of Unix time.
    pub end_us: Option<i64>,
    /// DURATION, in microseconds.
    pub duration_us: Option<i64>,
}

impl DateRange {
    /// Reads the value of a tag.
    pub fn read(value: &[u8]) -> Self {
        let mut range = Self::default();
        for attribute in attributes(value) {
            let text = String::from_utf8_lossy(attribute.value).into_owned();
            match attribute.name {
                b"START-DATE" => range.start_us = unix_us(attribute.value),
                b"END-DATE" => range.end_us = unix_us(attribute.value),
                b"DURATION" => range.duration_us = text.parse().ok().and_then(micros),
                _ => {}
            }
            let name = String::from_utf8_lossy(attribute.name).into_owned();
            range.attributes.push((name, text));
        }
        range
    }

    /// An attribute.
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Its ID.
    pub fn id(&self) -> Option<&str> {
        self.value("ID").filter(|id| !id.is_empty())
    }
}
