//! What the bytes of a chunk say, in lines. Nothing is decrypted here.

use std::io::Read as _;

use crate::media::cipher::Protection;
use crate::media::facts::{Beginning, ChunkFacts, Content, NoMedia, Track, TrackKind};
use crate::media::read::read;
use crate::session::ChunkFile;
use crate::shown::{counted, escaped};

/// Larger chunks are not read.
const LARGEST: u64 = 64 * 1024 * 1024;

pub(super) fn lines(chunk: &ChunkFile) -> Vec<String> {
    if chunk.size > LARGEST {
        return vec!["larger than 64 MiB, not looked into".to_owned()];
    }
    let mut bytes = Vec::new();
    match (&chunk.file).take(chunk.size).read_to_end(&mut bytes) {
        Ok(_) => said(&read(&mut bytes, Protection::None, None)),
        Err(error) => vec![format!("its file cannot be read: {error}")],
    }
}

fn said(facts: &ChunkFacts) -> Vec<String> {
    let mut lines = Vec::new();
    match &facts.content {
        Content::Transport(facts) => {
            lines.push(format!(
                "MPEG transport stream, {}",
                counted(facts.packets, "packet")
            ));
            if facts.sync_lost > 0 {
                lines.push(format!("sync lost {}", times(facts.sync_lost)));
            }
            let jumps: u32 = facts.counters.iter().map(|counter| counter.jumps).sum();
            if jumps > 0 {
                lines.push(format!("continuity counters jump {}", times(jumps)));
            }
            if !facts.cues.is_empty() {
                lines.push(counted(facts.cues.len() as u64, "SCTE-35 message"));
            }
        }
        Content::Fragments(facts) => {
            lines.push(format!(
                "fragmented MP4, {}",
                counted(facts.fragments, "fragment")
            ));
            if !facts.events.is_empty() {
                lines.push(counted(facts.events.len() as u64, "event message"));
            }
        }
        Content::Packed(facts) => {
            let time = facts.time.map_or("no time stamp".to_owned(), |ticks| {
                format!("time stamp {:.3} s", ticks as f64 / 90_000.0)
            });
            lines.push(format!("packed audio, {time}"));
        }
        Content::Subtitles(facts) => {
            lines.push(format!("WebVTT, {}", counted(facts.cues, "cue")));
        }
        Content::NoMedia(what) => lines.push(no_media(*what).to_owned()),
        Content::NotRead => lines.push("not looked into".to_owned()),
    }
    lines.extend(facts.tracks().iter().take(16).map(track));
    lines
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

fn no_media(what: NoMedia) -> &'static str {
    match what {
        NoMedia::Empty => "no byte",
        NoMedia::Html => "a web page",
        NoMedia::Playlist => "a playlist",
        NoMedia::Text => "text",
        NoMedia::Image => "a picture",
        NoMedia::Noise => "bytes that look encrypted",
        NoMedia::Unknown => "nothing that is known",
    }
}

fn track(track: &Track) -> String {
    let kind = match track.kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
        TrackKind::Other => "other",
    };
    let mut line = format!("{kind} {}", track.id);
    if let Some(codec) = &track.codec {
        line.push(' ');
        line.push_str(&escaped(codec));
    }
    if let (Some(times), true) = (track.times, track.timescale > 0) {
        let seconds = |ticks: i64| track.us(ticks) as f64 / 1e6;
        let length = times.end_latest.saturating_sub(times.first_decode);
        line.push_str(&format!(
            ": {}, first shown at {:.3} s, {:.3} s long",
            counted(times.units, "unit"),
            seconds(times.earliest_shown),
            seconds(length)
        ));
    }
    match track.begins {
        Some(Beginning::RandomAccess) => line.push_str(", begins with a random access point"),
        Some(Beginning::Recovery) => line.push_str(", begins with a recovery point"),
        Some(Beginning::Dependent) => line.push_str(", begins with a picture that needs others"),
        None => {}
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_media_is_said() {
        let said_of = |bytes: &[u8]| said(&read(&mut bytes.to_vec(), Protection::None, None));
        assert_eq!(said_of(b""), ["no byte"]);
        assert_eq!(
            said_of(b"<!doctype html><title>Sign in</title>"),
            ["a web page"]
        );
        assert_eq!(
            said_of(b"WEBVTT\n\n00:01.000 --> 00:02.000\nHi\n"),
            ["WebVTT, 1 cue"]
        );
    }
}
