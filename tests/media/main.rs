//! Media as ffmpeg writes it is read as ffprobe reads it, keeps all rules, and breaks one where it is damaged in one way.

// In helpers too, an error is the failure of the test.
#![allow(clippy::unwrap_used)]

mod channel;
mod damaged;
mod measured;
mod recorded;
#[cfg(feature = "archive")]
mod replayed;
mod spliced;

// Of these not all is needed here.
#[allow(dead_code)]
#[path = "../it/damaged_recordings/list.rs"]
mod list;
#[allow(dead_code)]
#[path = "../it/damaged_recordings/packets.rs"]
mod packets;
#[allow(dead_code)]
#[path = "../it/damaged_recordings/tape.rs"]
mod tape;
#[allow(dead_code)]
#[path = "../it/damaged_recordings/told.rs"]
mod told;

use std::fs;

use channel::{Channel, Pictures, Sound, arguments, run};
use tempfile::TempDir;

const KEY: [u8; 16] = *b"sixteen bytes..!";

/// What must not be said of a channel that keeps the standard. How often a clock comes (M04) is worth knowing, and no more.
fn assert_is_clean(name: &str, channel: &Channel) {
    let count = channel.segments.len();
    assert!(count >= 4, "{name}: {count} segments");
    let mut found = channel.found();
    found.retain(|(_, one)| one.rule != "M04");
    let said: Vec<_> = found
        .iter()
        .map(|(at, one)| (at, one.rule, &one.text))
        .collect();
    assert!(said.is_empty(), "{name}: {said:#?}");
}

#[test]
fn a_transport_stream_of_ffmpeg_breaks_no_rule() {
    use {Pictures as P, Sound as S};
    for (pictures, sound) in [
        (P::H264, S::Aac48),
        (P::H264, S::None),
        (P::H265, S::Aac44),
        (P::Mpeg2, S::Ac3),
        (P::H264, S::Mp3),
        (P::None, S::Aac44),
        (P::None, S::Aac48),
        (P::None, S::Ac3),
        (P::None, S::Mp3),
    ] {
        let channel = Channel::made(pictures, sound, &[]);
        assert_is_clean(&format!("{pictures:?} {sound:?}"), &channel);
    }
}

#[test]
fn fragments_of_ffmpeg_break_no_rule() {
    use {Pictures as P, Sound as S};
    for (pictures, sound) in [
        (P::H264, S::Aac48),
        (P::H264, S::None),
        (P::H265, S::Aac44),
        (P::None, S::Aac44),
        (P::None, S::Ac3),
    ] {
        let channel = Channel::made(pictures, sound, &["-hls_segment_type", "fmp4"]);
        assert_is_clean(&format!("{pictures:?} {sound:?}"), &channel);
    }
}

#[test]
fn all_forms_of_a_playlist_of_ffmpeg_break_no_rule() {
    for fragments in [false, true] {
        for more in [
            &["-hls_flags", "independent_segments+program_date_time"][..],
            &["-hls_flags", "single_file"],
            &["-hls_playlist_type", "event", "-hls_init_time", "1"],
            &["-hls_flags", "round_durations"],
            &["-hls_flags", "split_by_time"],
            &[
                "-hls_flags",
                "append_list+omit_endlist",
                "-start_number",
                "7",
            ],
            &["-muxdelay", "0", "-output_ts_offset", "95440"],
        ] {
            let kind: &[&str] = match fragments {
                true => &["-hls_segment_type", "fmp4"],
                false => &[],
            };
            let all = [more, kind].concat();
            let channel = Channel::made(Pictures::H264, Sound::Aac48, &all);
            assert_is_clean(&format!("{all:?}"), &channel);
        }
    }
}

#[test]
fn what_ffmpeg_encrypts_is_read_and_breaks_no_rule() {
    for iv in [None, Some("00112233445566778899aabbccddeeff")] {
        let folder = TempDir::new().unwrap();
        let info = ["key", "key", iv.unwrap_or_default()].join("\n");
        fs::write(folder.path().join("key"), KEY).unwrap();
        fs::write(folder.path().join("info"), info).unwrap();
        let more = ["-hls_key_info_file", "info"];
        let channel = Channel::made_in(&folder, Pictures::H264, Sound::Aac48, &more);
        assert!(channel.segments.iter().all(|segment| segment.key.is_some()));
        assert_is_clean("AES-128", &channel);
        let keys = [
            "-hls_key_info_file",
            "info",
            "-hls_flags",
            "independent_segments",
        ];
        let channel = Channel::made_in(&folder, Pictures::None, Sound::Aac44, &keys);
        assert_is_clean("AES-128 of sound", &channel);
    }
}

#[test]
fn pictures_that_come_at_irregular_times_break_no_rule() {
    for kind in [&[][..], &["-hls_segment_type", "fmp4"]] {
        // Every picture but the first of each second is left out now and then.
        let filter = [
            "-vf",
            "select='not(mod(n,30))+gt(random(1),0.6)'",
            "-fps_mode",
            "vfr",
        ];
        let keys = ["-force_key_frames", "expr:gte(t,n_forced*2)"];
        let all = [&filter[..], &keys, kind].concat();
        let channel = Channel::made(Pictures::H264, Sound::Aac48, &all);
        assert_is_clean("irregular", &channel);
    }
}

#[test]
fn a_channel_that_goes_on_in_another_run_of_ffmpeg_breaks_no_rule() {
    let folder = TempDir::new().unwrap();
    for _ in 0..2 {
        let more = ["-hls_flags", "append_list", "index.m3u8"];
        let all = [&arguments(Pictures::H264, Sound::Aac48)[..], &more].concat();
        run("ffmpeg", &all, folder.path());
    }
    let channel = Channel::read(folder.path());
    assert!(channel.segments.iter().any(|segment| segment.discontinuity));
    assert_is_clean("appended", &channel);
}
