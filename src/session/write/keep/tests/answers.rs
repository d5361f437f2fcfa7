//! What players get of a session that was written by hand.

use std::collections::BTreeMap;

use super::history::{History, MAIN, MEDIA, SECOND};
use crate::hls::{ByteRange, Variables, read_media};
use crate::session::ExchangeId;
use crate::session::{Body, Faults, Found, Query, Reader, digest};

/// What players get at and after a moment: playlists, and what those list.
pub(super) fn answers(history: &History, from_us: i64) -> BTreeMap<String, String> {
    let reader = Reader::open(&history.folder).unwrap();
    let mut answers = BTreeMap::new();
    let mut at_us = from_us;
    while at_us <= history.now_us + SECOND {
        for faults in [Faults::Recorded, Faults::Healed] {
            let look = Look {
                history,
                reader: &reader,
                at_us,
                faults,
            };
            look.add_to(&mut answers);
        }
        at_us += SECOND * 3 / 2;
    }
    answers
}

/// A look at a session at a moment.
struct Look<'a> {
    history: &'a History,
    reader: &'a Reader,
    at_us: i64,
    faults: Faults,
}

impl Look<'_> {
    fn add_to(&self, answers: &mut BTreeMap<String, String>) {
        for url in [MAIN, MEDIA] {
            let found = self.ask(url, None);
            answers.insert(self.name(url), shown(self.reader, found));
        }
        for url in self.media_urls() {
            let Found::Answer(answer) = self.ask(&url, None) else {
                continue;
            };
            let id = answer.exchange.id;
            let is_chain = self.history.channel.redirected;
            if is_chain && !self.leads_to(answer.confirmed_by.unwrap_or(id)) {
                continue;
            }
            answers.insert(self.name(&url), id.to_string());
            if let Some(Body::Bytes(body)) = self.reader.body_of(id).unwrap() {
                self.add_listed(&body, &url, answers);
            }
        }
    }

    /// The first ones of what a playlist lists are the ones that are about to leave.
    fn add_listed(&self, body: &[u8], url: &str, answers: &mut BTreeMap<String, String>) {
        let media = read_media(body, &url.parse().unwrap(), &Variables::default());
        for entry in media.entries.into_iter().take(8) {
            let found = self.ask(entry.url.as_str(), entry.range);
            let name = self.name(&format!("{} {:?}", entry.url, entry.range));
            answers.insert(name, shown(self.reader, found));
        }
    }

    fn ask(&self, url: &str, range: Option<ByteRange>) -> Found {
        let query = Query {
            url,
            range: range.map(|r| (r.first, Some(r.first + r.length - 1))),
            at_us: self.at_us,
            recording: false,
            faults: self.faults,
        };
        self.reader.answer_to(&query).unwrap()
    }

    fn name(&self, what: &str) -> String {
        format!("{} {:?} {what}", self.at_us, self.faults)
    }

    /// Where the media playlist is, and was.
    fn media_urls(&self) -> Vec<String> {
        if !self.history.channel.redirected {
            return vec![MEDIA.to_owned()];
        }
        let tokens = 0..=self.history.revision_number / 3;
        tokens
            .map(|token| format!("http://cdn/{token}/live/a.m3u8"))
            .collect()
    }

    /// Whether an exchange belongs to the chain that is the answer for the media playlist then.
    fn leads_to(&self, hop: ExchangeId) -> bool {
        let sql = "SELECT head_id FROM exchange WHERE id = ?1";
        let db = &self.history.store.db;
        let head: Option<i64> = db.query_row(sql, [hop], |row| row.get(0)).unwrap();
        match self.reader.answer(MEDIA, None, self.at_us, false).unwrap() {
            Found::Answer(answer) => head == Some(answer.exchange.id),
            _ => false,
        }
    }
}

/// What was found, with a digest of what it says.
fn shown(reader: &Reader, found: Found) -> String {
    let one = |id: ExchangeId| {
        let body = reader.body_of(id).unwrap().map(|body| match body {
            Body::Bytes(bytes) => digest(&bytes),
            Body::Chunk(chunk) => {
                let mut content = Vec::new();
                std::io::Read::read_to_end(&mut { chunk.file }, &mut content).unwrap();
                digest(&content)
            }
        });
        format!("{id} {:?}", body.map(|digest| digest[0]))
    };
    match found {
        Found::Answer(answer) => one(answer.exchange.id),
        // Others of the same file may be no longer kept.
        Found::Ranges(parts) => parts.iter().map(|p| one(p.answer.exchange.id)).collect(),
        other => format!("{other:?}"),
    }
}
