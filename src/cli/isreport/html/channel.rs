//! What the channel is: its renditions, and who answered.

use maud::{Markup, html};

use crate::cli::isreport::channel::{host_rows, raw_rows, rendition_rows};
use crate::cli::isreport::form::Shown;
use crate::shown::escaped;

/// A table for each.
pub(super) fn channel(shown: &Shown<'_>) -> Markup {
    html! {
        @for (title, rows) in [("Playlists", rendition_rows(shown)), ("Raw streams", raw_rows(shown)), ("Hosts", host_rows(shown))] {
            @if !rows.is_empty() {
                h3 { (title) }
                @for (name, facts) in &rows {
                    div.wide tabindex="0" role="region" aria-label=(escaped(name)) {
                        table {
                            caption { (escaped(name)) }
                            tbody {
                                @for (what, value) in facts {
                                    tr { th scope="row" { (what) } td { (escaped(value)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
