//! The text itself: lines, attributes, references, numbers, by byte span.

pub mod attributes;
pub mod byte_range;
pub mod json;
pub mod numbers;
pub mod resolve;
pub mod scan;
pub mod variables;
