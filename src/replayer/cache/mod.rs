//! Answers that were made for one request and are given to the next one for the same path.
//!
//! | file | is |
//! | --- | --- |
//! | `answer_cache` | answers by path, each from one moment until another; one look-up for concurrent requests |
//! | `cached_answer` | one of these answers, for each kind of request |
//! | `prepared` | a response without conditions, which is sent again as it is |

pub(super) mod answer_cache;
pub(super) mod cached_answer;
mod prepared;
