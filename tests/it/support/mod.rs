//! What the tests are told with: an origin that does as it is scripted, the real recorder,
//! and a look into the session that it leaves.

pub mod channel;
pub mod client;
pub mod hostile_media;
pub mod low_latency;
pub mod made;
pub mod origin;
pub mod programs;
pub mod proxy;
pub mod replayed;
pub mod reply;
pub mod rounds;
pub mod seen;
pub mod session;
pub mod three;

pub use channel::{Files, Stage, Window, ts};
pub use low_latency::{Broken, Hints, LowLatency, Names, PARTS, part_body};
pub use origin::{Ask, Origin};
pub use programs::{Finished, Recorder, Recording};
pub use reply::{End, Reply, Then};
pub use rounds::{Dice, rounds, seed};
pub use session::Session;
