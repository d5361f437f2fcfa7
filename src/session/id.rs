//! The identity of an exchange.

/// Number of an exchange: it grows in the order in which requests began.
pub type ExchangeId = i64;
