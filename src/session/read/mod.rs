//! Reading a session: a file for each kind of question.

pub mod answers;
mod bodies;
pub mod exchanges;
pub mod facts;
pub mod history;
pub mod parts;
pub mod picture;
pub mod reader;
pub mod resources;
pub mod sound;
pub mod trouble;
