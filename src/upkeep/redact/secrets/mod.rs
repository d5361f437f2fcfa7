//! Where secrets stand and how they look. Pure.

pub mod folders;
pub mod hosts;
pub mod keys;
pub mod lexical;
pub mod look;
pub mod ordinary;
pub mod places;
pub mod playlist;
pub mod secret;
mod text;
mod urls;
