//! Polls of playlists: a loop for each, which asks when it is time, judges what came, and hands it over.

mod exchanges;
mod playlist_loop;
mod poller;
mod request;
mod restart;
mod revision;
#[cfg(test)]
mod rhythms;
mod state;

pub(super) use self::playlist_loop::start;
pub(super) use self::request::{log_recovery, log_standstill};
