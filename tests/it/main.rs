//! Integration tests, in one binary.

mod corpus;
mod replay;
