//! Integration tests, in one binary: the real programs against scripted origins.

mod chunks;
mod command_line;
mod corpus;
mod endings;
mod faults;
mod http;
mod playlists;
mod resources;
mod support;
mod tls;
