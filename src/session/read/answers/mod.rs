//! What the origin answered: `answer(url, t)`, how a URL leads to a resource, and who listed that.

pub mod announced;
pub mod answer;
pub mod blocked;
pub mod find;
pub mod heal;
pub mod listed;
pub mod versions;
