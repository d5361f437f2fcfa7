//! What a session has to play, in lines: as isreplayer starts, and as a list.

use crate::cli::exit::Failure;
use crate::clock::Clock;
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::replayer::{Description, Options, Replay};
use crate::session::SessionFolder;

/// What the session has at its end.
///
/// # Errors
/// It cannot be read.
pub(crate) fn at_the_end(folder: SessionFolder) -> Result<Description, Failure> {
    let replay = Replay::open(folder, Clock::start(), Options::default())?;
    Ok(replay.describe(replay.span().end_us, "")?)
}

/// The description, as people read it.
pub(crate) fn lines(description: &Description) -> Vec<String> {
    let state = if description.recording {
        ", being recorded"
    } else {
        ""
    };
    let mut lines = vec![
        format!("Session  {}", description.session),
        format!("Recorded {}", format_utc(description.recorded_us)),
        format!("Length   {}{state}", format_time(description.length_us)),
    ];
    if description.kept_from_us > 0 {
        let from = format_time(description.kept_from_us);
        lines.push(format!("Kept     from {from} on"));
    }
    let holes = description.holes.iter();
    lines.extend(holes.map(|hole| format!("Hole     {hole}: no recorder ran")));
    for stream in &description.streams {
        lines.push(format!("Stream   {}  {}", stream.name, stream.url));
        let paths = [
            Some(&stream.path),
            stream.dvr.as_ref(),
            stream.dump.as_ref(),
        ];
        let paths: Vec<&str> = paths.into_iter().flatten().map(String::as_str).collect();
        lines.push(format!("           {}", paths.join(", ")));
        lines.extend(
            stream
                .playlists
                .iter()
                .map(|playlist| format!("           {}", playlist.label)),
        );
    }
    lines
}
