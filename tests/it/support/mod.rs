//! What the tests are told with: an origin that does as it is scripted, the real recorder,
//! and a look into the session that it leaves.

pub mod channel;
pub mod client;
pub mod made;
pub mod origin;
pub mod programs;
#[allow(dead_code)]
pub mod replayed;
pub mod reply;
#[allow(dead_code)]
pub mod rounds;
#[allow(dead_code)]
pub mod seen;
pub mod session;
#[allow(dead_code)]
pub mod three;

pub use channel::{Files, Stage, Window, ts};
pub use origin::{Ask, Origin};
pub use programs::{Finished, Recorder, Recording};
pub use reply::{End, Reply, Then};
#[allow(unused_imports)]
pub use rounds::{Dice, rounds, seed};
pub use session::Session;
