//! Secrets that were found: kept in little memory, met again, given pseudonyms.

pub mod dictionary;
pub mod fingerprint;
pub mod pseudonym;
pub mod pseudonyms;
pub mod register;
pub mod spelling;
pub mod starts;
pub mod variables;
pub mod views;
