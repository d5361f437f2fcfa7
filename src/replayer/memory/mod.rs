//! Texts that several responses share, and the memory that they may take, those on their way to clients included.
//!
//! | file | is |
//! | --- | --- |
//! | `budget` | memory for texts |
//! | `text` | a text: its bytes, its entity tag, its compressed form |
//! | `bounded` | a cache that takes a bounded number of bytes |

pub(super) mod bounded;
pub(super) mod budget;
pub(super) mod text;
