//! Reading a session: a file for each kind of question.

pub mod advances;
pub mod answer;
pub mod faults;
pub mod find;
pub mod heal;
pub mod history;
pub mod listed;
pub mod notices;
pub mod numbers;
pub mod parts;
pub mod paths;
pub mod placement;
pub mod reader;

pub mod trouble;
