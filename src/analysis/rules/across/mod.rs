//! Rules across the playlists of a stream (X01 to X03, X07 to X10, X12): compared by time and by dates, never by media sequence
//! numbers (RFC 8216bis 4.4.3.2, 6.2.4).
//!
//! | file | rules |
//! | --- | --- |
//! | `family` | which playlists of a stream belong together |
//! | `control` | X08: what servers promise |
//! | `shown` | what each shows now, and X01, X02, X03, X07 |
//! | `rates` | X09, P20: bit rates |
//! | [`codecs`] | X10: what a variant declares of its media |
//! | [`alone`] | X12: one variant stands still while others go on |

pub mod alone;
pub mod codecs;
mod control;
mod family;
mod rates;
mod shown;

pub use self::family::Family;
pub use self::rates::{Came, Rates, Told};
pub use self::shown::{Renditions, Seen};
