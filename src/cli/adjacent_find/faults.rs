//! `adjacent-find --faults`: outages, a line each, and what they come to.

use std::io::{self, Write};

use super::printed::{Unprinted, printed};
use crate::analysis::adjacent::Search;
use crate::analysis::faults;
use crate::analysis::outages::cause::Own;
use crate::analysis::outages::outage::Outage;
use crate::analysis::outages::told;
use crate::analysis::summary::Summary;
use crate::cli::exit::{Failure, warn};
use crate::session::Reader;

/// How faults are listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) json: bool,
    /// Each fault as well.
    pub(super) verbose: bool,
    /// The findings alone.
    pub(super) quiet: bool,
    /// Session zero, in microseconds of Unix time.
    pub(super) zero_us: i64,
}

/// Prints the outages of a session.
pub(super) fn list(reader: &Reader, search: &Search<'_>, form: Form) -> Result<(), Failure> {
    let names_stream = reader.streams()?.len() > 1;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut sum = Summary::default();
    let mut full = Vec::new();
    let print = |outage: Outage| {
        let cost = search.cost(&outage)?;
        if outage.key.own == Some(Own::Disk) {
            let until_us = outage.good_us.unwrap_or(outage.last.at_us);
            full.push((outage.key.stream_id, outage.first.at_us, until_us));
        }
        sum.outage(&outage);
        sum.skips(&outage.stream, &cost.skips);
        let finding = told::finding(&outage, &cost, form.zero_us);
        match form.json {
            true => finding.write_json(&mut out, form.zero_us)?,
            false => finding.write_text(&mut out, names_stream)?,
        }
        if !form.verbose {
            return Ok(());
        }
        let own = outage.key.own.is_some();
        search.faults_of(&outage, |fault, again_us| {
            match form.json {
                true => faults::write_json(&mut out, (&fault, own), again_us, form.zero_us)?,
                false => {
                    faults::write_text(&mut out, &fault, again_us, form.zero_us, names_stream)?;
                }
            }
            Ok::<(), Unprinted>(())
        })
    };
    let done = search.outages(print).and_then(|()| {
        search.disk_holes(&full, |stream, span, names| {
            sum.disk_hole();
            let finding = told::disk_hole(stream, span, &names, form.zero_us);
            match form.json {
                true => finding.write_json(&mut out, form.zero_us)?,
                false => finding.write_text(&mut out, names_stream)?,
            }
            Ok::<(), Unprinted>(())
        })?;
        if !sum.is_empty() && !form.json && !form.quiet {
            writeln!(out, "{}", sum.of_outages())?;
        }
        Ok(out.flush()?)
    });
    printed(done, "faults")?;
    if sum.is_empty() && !form.quiet {
        warn(
            "No fault in this session; times in which nothing new was listed are no faults: adjacent-find without --faults shows them",
        );
    }
    Ok(())
}
