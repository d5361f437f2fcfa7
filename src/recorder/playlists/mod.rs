//! The playlists of a stream: which there are, which are recorded, when all are over.

pub mod names;
pub mod over;
pub mod playlist;
pub mod renewal;

pub mod set;
pub mod standing;
