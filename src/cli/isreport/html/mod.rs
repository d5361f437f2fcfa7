//! A report to mail: one file of HTML without scripts that asks nothing of a network.
//!
//! | file | is |
//! | --- | --- |
//! | `findings` | the table of two columns, then each event with its evidence |
//! | `listed` | which events the page shows |
//! | `evidence` | the texts that show it |
//! | `pictures` | each rendition over the session |
//! | `chart` | one chart |
//! | `channel` | what the channel is: renditions, hosts |
//!
//! What an origin said is text in it, and never markup: `maud` escapes whatever is not marked.

mod channel;
mod chart;
mod evidence;
mod findings;
mod listed;
mod pictures;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) use self::evidence::Evidence;
use self::listed::Listed;
use super::form::Shown;
use super::text::verdict;
use crate::shown::escaped;

const STYLE: &str = include_str!("style.css");

/// Written in pieces: none of them is larger than the pictures of a channel.
pub(super) fn write(
    shown: &Shown<'_>,
    evidence: &Evidence,
    out: &mut impl Write,
) -> io::Result<()> {
    let listed = Listed::of(shown);
    let pictured = pictures::pictures(shown, &listed);
    put(
        out,
        html! {
            (DOCTYPE)
            (PreEscaped("<html lang=\"en\">"))
            (head(shown))
            (PreEscaped("<body>"))
            header {
                h1 { (title(shown)) }
                @for line in verdict(shown) { p { (line) } }
            }
            (PreEscaped("<main>"))
            (findings::table(shown))
            h2 id="findings" { "Findings" }
        },
    )?;
    for (number, event) in &listed.events {
        put(
            out,
            findings::one(shown, event, *number, evidence, &pictured),
        )?;
    }
    put(
        out,
        html! {
            (findings::left_out(shown, &listed))
            h2 id="channel" { "The channel" }
            (channel::channel(shown))
            h2 id="pictures" { "Pictures" }
            (pictured.markup)
            (PreEscaped("</main></body></html>"))
        },
    )
}

fn put(out: &mut impl Write, markup: Markup) -> io::Result<()> {
    out.write_all(markup.into_string().as_bytes())
}

fn title(shown: &Shown<'_>) -> String {
    format!("isreport {}", escaped(&shown.name))
}

fn head(shown: &Shown<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
            title { (title(shown)) }
            style { (PreEscaped(STYLE)) }
        }
    }
}
