//! Rules across the playlists of a stream (X01 to X03, X06 to X10, X12, L06): compared by time and by dates, never by media sequence
//! numbers (RFC 8216bis 4.4.3.2, 6.2.4).
//!
//! | file | rules |
//! | --- | --- |
//! | `family` | which playlists of a stream belong together |
//! | `shown` | what each shows now, and X03 |
//! | `statements` | X01, X07: what they say of themselves |
//! | `numbers` | X02: discontinuity numbers at one date |
//! | `date_ranges` | X06: date ranges |
//! | `reports` | L06: what they report of each other |
//! | `control` | X08: what servers promise |
//! | [`disputes`] | which of those that differ is the odd one |
//! | `rates` | X09, P20: bit rates |
//! | [`codecs`] | X10: what a variant declares of its media |
//! | [`alone`] | X12: one variant stands still while others go on |

pub mod alone;
pub mod codecs;
mod control;
mod date_ranges;
pub mod disputes;
mod family;
mod numbers;
mod rates;
mod reports;
mod shown;
mod statements;

#[cfg(test)]
pub use self::date_ranges::Role;
pub use self::family::Family;
pub use self::rates::{Came, Rates, Told};
pub use self::shown::{Renditions, Seen};
