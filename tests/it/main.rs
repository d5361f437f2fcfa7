//! Integration tests, in one binary.

mod corpus;
