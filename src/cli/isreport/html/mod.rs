//! A report to mail: one file of HTML without scripts that asks nothing of a network.
//!
//! | file | is |
//! | --- | --- |
//! | `findings` | the table of two columns, then each finding with its evidence |
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
mod pictures;

use std::io::{self, Write};

use maud::{DOCTYPE, PreEscaped, html};

pub(super) use self::evidence::Evidence;
use super::form::Shown;
use super::text::verdict;
use crate::shown::escaped;

const STYLE: &str = include_str!("style.css");

pub(super) fn write(
    shown: &Shown<'_>,
    evidence: &Evidence,
    out: &mut impl Write,
) -> io::Result<()> {
    let pictured = pictures::pictures(shown);
    let title = format!("isreport {}", escaped(&shown.session));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    @for line in verdict(shown) { p { (line) } }
                }
                main {
                    (findings::table(shown))
                    h2 id="findings" { "Findings" }
                    (findings::all(shown, evidence, &pictured))
                    h2 id="channel" { "The channel" }
                    (channel::channel(shown))
                    h2 id="pictures" { "Pictures" }
                    (pictured.markup)
                }
            }
        }
    };
    out.write_all(page.into_string().as_bytes())
}
