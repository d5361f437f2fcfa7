//! A gap as the original printed it, and what stands around that.

use std::io::{self, Write};

use super::sentences::{remarks, span};
use crate::analysis::gaps::gap::Gap;
use crate::analysis::noticed;
use crate::analysis::times::{timedelta, utc};
use crate::session::{Advance, NoticeEvent};
use crate::shown::{escaped, escaped_lines};

/// Between the two rows of a finding.
const DASHES: &str = "-------------------------------------------------------------------";

/// Writes a gap as the original did: both rows with their bodies. `zero_us` is session zero; `bare`: without what the
/// original did not say.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut impl Write,
    gap: &Gap,
    zero_us: i64,
    [from_body, to_body]: [Option<&[u8]>; 2],
    bare: bool,
) -> io::Result<()> {
    let difference = timedelta(gap.length_us());
    let open = match (gap.to, gap.is_left) {
        _ if bare => "",
        (Some(_), _) => "",
        (None, false) => " (open: no advance until the end of the recording)",
        (None, true) => " (open: no advance until it was no longer recorded)",
    };
    writeln!(out, "Find time difference {difference}{open}")?;
    if !bare {
        writeln!(out, "{}", span(gap, zero_us))?;
        for remark in remarks(gap, zero_us) {
            writeln!(out, "{}", escaped(&remark))?;
        }
    }
    write_row(out, &gap.from, from_body)?;
    writeln!(out, "{DASHES}")?;
    match &gap.to {
        Some(to) => write_row(out, to, to_body),
        None if gap.is_left => writeln!(out, "no longer recorded - {}\n", utc(gap.until_us)),
        None => writeln!(out, "end of the recording - {}\n", utc(gap.until_us)),
    }
}

fn write_row(out: &mut impl Write, advance: &Advance, body: Option<&[u8]>) -> io::Result<()> {
    writeln!(out, "{} - {}", advance.exchange_id, utc(advance.seen_us))?;
    let body = body.unwrap_or(b"(its body was not stored)");
    let text = escaped_lines(&String::from_utf8_lossy(body));
    out.write_all(text.as_bytes())?;
    out.write_all(if text.ends_with('\n') { b"\n" } else { b"\n\n" })
}

/// What was noticed, in a sentence. `zero_us` is session zero.
pub fn noticed(event: &NoticeEvent, zero_us: i64) -> String {
    noticed::noticed_lines(std::slice::from_ref(event), zero_us).concat()
}
