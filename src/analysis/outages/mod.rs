//! Outages: faults that are one event, told once.
//!
//! | file | is |
//! | --- | --- |
//! | `cause` | why there was no good answer: for a reason of the origin's, or of the recorder's own |
//! | `grouping` | which faults are one outage. Pure |
//! | `outage` | one of them, and what it took |
//! | `sentences` | an outage in a sentence |
//! | `search` | the outages of a session |
//! | `things` | what had faults in one |
//! | `told` | an outage as a finding |

pub mod cause;
pub mod grouping;
pub mod outage;
pub mod search;
mod sentences;
pub mod things;
pub mod told;
