//! Integration tests, in one binary: the real programs against scripted origins.

// In helpers too, an error is the failure of the test.
#![allow(clippy::unwrap_used)]

mod analysis;
mod asking;
mod bans;
mod beside;
mod check;
mod chunks;
mod command_line;
mod corpus;
mod curl;
mod dvr;
mod encoded_chunks;
mod endings;
mod faithful;
mod faults;
mod growth;
mod hostile_clients;
mod hostile_origins;
mod hostile_sessions;
mod http;
mod images;
mod inject;
mod interstitials;
mod keep;
mod kills;
mod late;
mod layers;
mod lists;
mod measured;
mod metrics;
mod multivariant;
mod odd_origins;
mod packaging;
mod plain;
mod plain_replay;
mod playlists;
mod proxy;
mod readme;
mod redact;
mod replay;
mod resources;
mod resume;
mod service;
mod sessions_in_urls;
mod spellings;
mod steering;
mod streams;
mod support;
mod tls;
mod versions;
mod views;
mod waiting;
mod windows;
mod zero;
