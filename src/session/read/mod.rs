//! Reading a session: a file for each kind of question.

pub mod answers;
pub mod history;
pub mod parts;
pub mod reader;
pub mod sound;
pub mod trouble;
