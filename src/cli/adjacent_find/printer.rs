//! Gaps as lines of text or of JSON, and what they come to.

use std::io::Write;

use super::printed::Unprinted;
use crate::analysis::adjacent::Search;
use crate::analysis::gaps::gap::{Gap, Unit};
use crate::analysis::gaps::labels::Labels;
use crate::analysis::report;
use crate::analysis::summary::Summary;
use crate::cli::arguments::durations::escaped;
use crate::session::{Body, ExchangeId, PlaylistInfo, ReadError, Reader, StreamInfo};

/// How gaps are printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) json: bool,
    /// The findings alone.
    pub(super) quiet: bool,
    /// Of which playlist gaps are; and outages are counted, too.
    pub(super) headings: bool,
    /// Session zero, in microseconds of Unix time.
    pub(super) zero_us: i64,
    pub(super) unit: Unit,
}

pub(super) struct Printer<'a, W> {
    out: W,
    reader: &'a Reader,
    form: Form,
    labels: Labels<'a>,
    /// The advance that was shown last, which is the first one of the next gap as a rule.
    last: Option<(ExchangeId, Text)>,
    /// What has been found so far.
    sum: Summary,
}

/// What an exchange brought, where that is no file.
type Text = Option<Vec<u8>>;

impl<'a, W: Write> Printer<'a, W> {
    pub(super) fn new(out: W, reader: &'a Reader, form: Form) -> Self {
        Self {
            out,
            reader,
            form,
            labels: Labels::new(reader),
            last: None,
            sum: Summary::of(form.unit),
        }
    }

    /// What has been found.
    pub(super) fn sum(&self) -> &Summary {
        &self.sum
    }

    pub(super) fn print_all(
        &mut self,
        search: &Search<'_>,
        searched: &[PlaylistInfo],
        all: &[PlaylistInfo],
    ) -> Result<(), Unprinted> {
        for playlist in searched {
            let mut label = None;
            let mut is_first = true;
            search.gaps(playlist, |gap| {
                if std::mem::take(&mut is_first) {
                    label = self.labels.of(playlist)?;
                    if self.has_headings() {
                        let heading = heading(playlist, all, label.as_deref());
                        writeln!(self.out, "Playlist {heading}")?;
                    }
                }
                let zero_us = self.form.zero_us;
                self.sum.gap(&playlist.stream, playlist.id, &gap, zero_us);
                self.print(playlist, label.as_deref(), &gap)
            })?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn has_headings(&self) -> bool {
        self.form.headings && !self.form.json && !self.form.quiet
    }

    /// The last line, of texts; outages are counted where all of the session is looked at.
    pub(super) fn sum_up(&mut self, search: &Search<'_>) -> Result<(), Unprinted> {
        if self.form.json || self.form.quiet {
            return Ok(self.out.flush()?);
        }
        if self.form.headings {
            search.outages(|outage| {
                self.sum.outage(&outage);
                Ok::<(), Unprinted>(())
            })?;
        }
        if !self.sum.is_empty() {
            writeln!(self.out, "{}", self.sum.of_gaps())?;
        }
        Ok(self.out.flush()?)
    }

    /// Gaps in raw streams, a line each.
    pub(super) fn print_raw(
        &mut self,
        search: &Search<'_>,
        streams: &[StreamInfo],
    ) -> Result<(), Unprinted> {
        let zero_us = self.form.zero_us;
        for stream in streams {
            let mut is_first = true;
            search.raw_gaps(stream, |gap| {
                if std::mem::take(&mut is_first) && self.has_headings() {
                    writeln!(self.out, "Raw stream {}", escaped(&stream.name))?;
                }
                self.sum.raw_gap(&stream.name, &gap, zero_us);
                match self.form.json {
                    true => gap
                        .finding(stream, zero_us)
                        .write_json(&mut self.out, zero_us)?,
                    false => gap.write_text(&mut self.out, zero_us)?,
                }
                Ok::<(), Unprinted>(())
            })?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn print(
        &mut self,
        playlist: &PlaylistInfo,
        label: Option<&str>,
        gap: &Gap,
    ) -> Result<(), Unprinted> {
        let zero_us = self.form.zero_us;
        if self.form.json {
            let finding = report::finding(playlist, label, gap, zero_us);
            finding.write_json(&mut self.out, zero_us)?;
            return Ok(());
        }
        let from = match self.last.take() {
            Some((exchange, text)) if exchange == gap.from.exchange_id => text,
            _ => self.body(gap.from.exchange_id)?,
        };
        let to = match gap.to {
            Some(to) => self.body(to.exchange_id)?,
            None => None,
        };
        let bodies = [from.as_deref(), to.as_deref()];
        report::write_text(&mut self.out, gap, zero_us, bodies, self.form.quiet)?;
        self.last = gap.to.map(|advance| (advance.exchange_id, to));
        Ok(())
    }

    fn body(&self, exchange: ExchangeId) -> Result<Text, ReadError> {
        let reader = self.reader;
        match reader.together(|| reader.body_of(exchange))? {
            Some(Body::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Body::Chunk(_)) | None => Ok(None),
        }
    }
}

/// The name; with that of the stream where there are several, with its label, and with the URL where another one of the
/// stream has that name, too.
pub(super) fn heading(
    playlist: &PlaylistInfo,
    all: &[PlaylistInfo],
    label: Option<&str>,
) -> String {
    let is_namesake =
        |other: &&PlaylistInfo| (&other.stream, &other.name) == (&playlist.stream, &playlist.name);
    let namesakes = all.iter().filter(is_namesake).count();
    let name = match all.iter().all(|other| other.stream == playlist.stream) {
        true => escaped(&playlist.name),
        false => format!(
            "[{}] {}",
            escaped(&playlist.stream),
            escaped(&playlist.name)
        ),
    };
    let name = match label {
        Some(label) => format!("{name}, {}", escaped(label)),
        None => name,
    };
    match namesakes > 1 {
        true => format!("{name} ({})", escaped(&playlist.url)),
        false => name,
    }
}
