//! What a session has to play, in lines: as isreplayer starts, and as a list.

use crate::cli::exit::Failure;
use crate::clock::Clock;
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::replayer::{Description, Options, Replay};
use crate::session::SessionFolder;
use crate::upkeep::{Standing, State};

/// What the session has at its end, and how it stands with it: whether a recorder has its lock, not when one was last seen.
///
/// # Errors
/// It cannot be read.
pub(crate) fn at_the_end(folder: SessionFolder) -> Result<(Description, Standing), Failure> {
    let standing = Standing::read(&folder)?;
    let replay = Replay::open(folder, Clock::start(), Options::default())?;
    let mut description = replay.describe(replay.span().end_us, "")?;
    description.recording = standing.state == State::Recording;
    Ok((description, standing))
}

/// What is said of a session behind its length.
pub(crate) fn state(standing: &Standing) -> &'static str {
    match (standing.state, standing.ended.as_deref()) {
        (State::Recording, _) => ", being recorded",
        (State::Killed, _) => ", its recorder was killed",
        // A repair did that.
        (State::Stopped, Some("killed")) => ", closed after its recorder was killed",
        (State::DiskFull, _) | (State::Stopped, Some("disk full")) => {
            ", its recorder ended on a full disk"
        }
        (State::Stopped, Some("failed")) => ", its recorder failed",
        (State::Stopped, _) => "",
    }
}

/// The description of a session that is played, as people read it.
pub(crate) fn lines_as_played(description: &Description) -> Vec<String> {
    lines(
        description,
        if description.recording {
            ", being recorded"
        } else {
            ""
        },
    )
}

/// The description, as people read it; `state`: what is said behind the length.
pub(crate) fn lines(description: &Description, state: &str) -> Vec<String> {
    let mut lines = vec![
        format!("Session  {}", description.session),
        format!("Recorded {}", format_utc(description.recorded_us)),
        format!("Length   {}{state}", format_time(description.length_us)),
    ];
    if description.kept_from_us > 0 {
        let from = format_time(description.kept_from_us);
        lines.push(format!("Kept     from {from} on"));
    }
    if let Some(clip_of) = &description.clip_of {
        lines.push(format!("Origin   {clip_of}"));
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
        let left_out = stream.left_out.iter();
        lines.extend(left_out.map(|label| format!("           {label}: left out, not recorded")));
    }
    lines
}
