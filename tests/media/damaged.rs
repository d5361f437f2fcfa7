//! A channel that is damaged in one way breaks the rule that is about that, and no other one.

use isrecorder::analysis::finding::Evidence;
use isrecorder::analysis::rules::media::across::{self, Listed, Stamp, Stamps};
use isrecorder::media::fragments::InitFacts;

use super::KEY;
use super::channel::{Channel, Pictures, Segment, Sound, arguments, run};
use super::packets::{PACKET, PAT, PMT, VIDEO, packets_of, shift};

const INDEPENDENT: [&str; 2] = ["-hls_flags", "independent_segments"];

fn transport() -> Channel {
    Channel::made(Pictures::H264, Sound::Aac48, &INDEPENDENT)
}

fn fragments() -> Channel {
    let more = [&INDEPENDENT[..], &["-hls_segment_type", "fmp4"]].concat();
    Channel::made(Pictures::H264, Sound::Aac48, &more)
}

/// The rules that a channel breaks once it was damaged; as it was, it breaks none.
fn broken(channel: &Channel, damage: impl FnOnce(&mut Channel)) -> Vec<&'static str> {
    let mut damaged = channel.clone();
    damage(&mut damaged);
    damaged.rules()
}

/// The third segment, which others stand around.
fn body(channel: &mut Channel) -> &mut Vec<u8> {
    &mut channel.segments[2].body
}

#[test]
fn packets_out_of_step_are_m01() {
    let channel = transport();
    assert_eq!(broken(&channel, |_| {}), ["M04"; 0]);
    let rules = broken(&channel, |channel| body(channel)[PACKET * 9] = 0x48);
    assert_eq!(rules, ["M01"], "a sync byte is another");
    let rules = broken(&channel, |channel| {
        body(channel).drain(PACKET * 9 + 20..PACKET * 9 + 30);
    });
    assert_eq!(rules, ["M01"], "bytes are missing");
    let rules = broken(&channel, |channel| {
        let length = body(channel).len();
        body(channel).truncate(length - 100);
    });
    assert_eq!(rules, ["M01"], "the end is missing");
    for text in ["<!DOCTYPE html><p>Not found", "", "not found", "#EXTM3U\n"] {
        let rules = broken(&channel, |channel| *body(channel) = text.into());
        assert_eq!(rules, ["M01"], "{text:?}");
    }
    let rules = broken(&fragments(), |channel| {
        let length = body(channel).len();
        body(channel).truncate(length - 100);
    });
    assert_eq!(rules, ["M01"], "a box is cut");
}

#[test]
fn tables_that_are_missing_are_m02() {
    let channel = transport();
    for pid in [PAT, PMT] {
        let rules = broken(&channel, |channel| {
            for at in packets_of(&body(channel).clone(), pid) {
                // A packet of stuffing in its place.
                body(channel)[at + 1..at + 3].copy_from_slice(&[0x1F, 0xFF]);
            }
        });
        // The counter of a PID that was not there goes on from where it was.
        assert!(rules.contains(&"M02"), "{pid}: {rules:?}");
        let rules: Vec<_> = rules.into_iter().filter(|rule| *rule != "M03").collect();
        assert_eq!(rules, ["M02"], "{pid}");
    }
    let rules = broken(&channel, |channel| {
        for at in packets_of(&body(channel).clone(), PMT) {
            body(channel)[at + 17] ^= 0x40;
        }
    });
    assert_eq!(rules, ["M02"], "a wrong CRC");
}

#[test]
fn packets_that_are_missing_are_m03() {
    let channel = transport();
    let rules = broken(&channel, |channel| {
        let at = packets_of(&body(channel).clone(), VIDEO)[3];
        body(channel).drain(at..at + PACKET);
    });
    assert_eq!(rules, ["M03"], "inside");
    let rules = broken(&channel, |channel| {
        let at = *packets_of(&body(channel).clone(), VIDEO).last().unwrap();
        body(channel).drain(at..at + PACKET);
    });
    assert_eq!(rules, ["M03"], "at the end");
    let rules = broken(&channel, |channel| {
        let at = packets_of(&body(channel).clone(), VIDEO)[3];
        let packet = body(channel)[at..at + PACKET].to_vec();
        body(channel).splice(at..at, packet);
    });
    assert_eq!(rules, [""; 0], "a packet may be there twice");
    let rules = broken(&channel, |channel| {
        for segment in &mut channel.segments[3..] {
            for packet in segment.body.chunks_mut(PACKET) {
                packet[3] = packet[3] & 0xF0 | (packet[3] + 5) & 0x0F;
            }
        }
    });
    assert_eq!(rules, ["M03"], "across");
    let rules = broken(&channel, |channel| {
        channel.segments[3].discontinuity = true;
        for segment in &mut channel.segments[3..] {
            for packet in segment.body.chunks_mut(PACKET) {
                packet[3] = packet[3] & 0xF0 | (packet[3] + 5) & 0x0F;
            }
        }
    });
    assert_eq!(rules, [""; 0], "a discontinuity is said");
}

#[test]
fn a_duration_that_is_not_that_of_the_media_is_m05() {
    for channel in [transport(), fragments()] {
        for (off_us, wanted) in [(500_000, &["M05"][..]), (-100_000, &["M05"]), (20_000, &[])] {
            let rules = broken(&channel, |channel| channel.segments[2].extinf_us += off_us);
            assert_eq!(rules, wanted, "{off_us}");
            let rules = broken(&channel, |channel| {
                channel.segments.last_mut().unwrap().extinf_us += off_us;
            });
            assert_eq!(rules, wanted, "{off_us}, of the last one");
        }
        let rules = broken(&channel, |channel| {
            channel.segments[2].extinf_us = 2_000_000;
            channel.segments[2].extinf_unit_us = 1_000_000;
        });
        assert_eq!(rules, [""; 0], "whole seconds");
    }
}

#[test]
fn time_that_jumps_from_one_segment_to_the_next_is_m06() {
    let channel = transport();
    for ticks in [90_000, -90_000, 9_000, -18_000, 1 << 32] {
        let rules = broken(&channel, |channel| {
            for segment in &mut channel.segments[3..] {
                shift(&mut segment.body, ticks);
            }
        });
        assert_eq!(rules, ["M06"], "by {ticks}");
    }
    // All time stamps together may be anything, and go round.
    for ticks in [0, 1, (1 << 33) - 5 * 90_000, (1 << 33) - 90_000, 1 << 32] {
        let rules = broken(&channel, |channel| {
            for segment in &mut channel.segments {
                shift(&mut segment.body, ticks);
            }
        });
        assert_eq!(rules, [""; 0], "by {ticks}");
    }
    let rules = broken(&channel, |channel| {
        channel.segments[3].discontinuity = true;
        for segment in &mut channel.segments[3..] {
            shift(&mut segment.body, 900_000);
        }
    });
    assert_eq!(rules, [""; 0], "a discontinuity is said");
    let rules = broken(&channel, |channel| {
        let half = body(channel).len() / PACKET / 2 * PACKET;
        shift(&mut body(channel)[half..], 90_000 * 60);
        for segment in &mut channel.segments[3..] {
            shift(&mut segment.body, 90_000 * 60);
        }
    });
    assert_eq!(rules, ["M06"], "inside a segment");
    // A time of a fragment: the last word of tfdt.
    let rules = broken(&fragments(), |channel| {
        for at in positions(body(channel), b"tfdt") {
            body(channel)[at + 14] ^= 0x40;
        }
    });
    assert_eq!(rules, ["M06"], "of fragments");
}

#[test]
fn a_segment_that_begins_inside_a_group_of_pictures_is_m07() {
    let more = [
        "-hls_flags",
        "split_by_time",
        "-hls_segment_type",
        "mpegts",
        "-force_key_frames",
        "expr:eq(n,0)",
        "-g",
        "300",
    ];
    for kind in ["mpegts", "fmp4"] {
        let mut more = more;
        more[3] = kind;
        let mut channel = Channel::made(Pictures::H264, Sound::None, &more);
        assert_eq!(channel.rules(), [""; 0], "nothing is said of independence");
        channel.independent = true;
        assert_eq!(channel.rules(), ["M07"], "{kind}");
    }
}

#[test]
fn an_encoding_that_changes_without_a_discontinuity_is_m08() {
    let channel = fragments();
    let with_other = |from: &[u8], to: &[u8]| {
        broken(&channel, |channel| {
            let mut init = channel.maps["init.mp4"].clone();
            let at = positions(&init, from)[0];
            init[at..at + to.len()].copy_from_slice(to);
            channel.maps.insert("other.mp4".to_owned(), init);
            channel.segments[3].map = Some("other.mp4".to_owned());
            channel.segments[4].map = Some("other.mp4".to_owned());
        })
    };
    assert_eq!(with_other(b"avc1", b"hvc1"), ["M08"], "another coding");
    assert_eq!(
        with_other(b"avcC", b"avcC\x01\x64\0\x28"),
        ["M08"],
        "another profile"
    );
    let other = transport();
    let rules = broken(&channel, |channel| {
        channel.segments.truncate(3);
        channel.segments.push(Segment {
            map: None,
            ..other.segments[3].clone()
        });
    });
    assert_eq!(rules, ["M08"], "a transport stream behind fragments");
}

/// Where these bytes are.
fn positions(bytes: &[u8], name: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(name.len()).enumerate();
    windows
        .filter(|(_, window)| *window == name)
        .map(|(at, _)| at)
        .collect()
}

#[test]
fn an_initialization_section_that_is_wrong_is_m09() {
    let channel = fragments();
    let with_init = |change: &dyn Fn(&mut Vec<u8>)| {
        broken(&channel, |channel| {
            change(channel.maps.get_mut("init.mp4").unwrap())
        })
    };
    let rename = |from: &'static [u8; 4], to: &'static [u8; 4]| {
        move |bytes: &mut Vec<u8>| {
            for at in positions(bytes, from) {
                bytes[at..at + 4].copy_from_slice(to);
            }
        }
    };
    assert_eq!(with_init(&rename(b"iso6", b"iso4")), ["M09"], "brands");
    assert_eq!(with_init(&rename(b"iso6", b"cmfc")), [""; 0], "CMAF");
    assert_eq!(with_init(&rename(b"ftyp", b"free")), ["M09"], "no ftyp");
    assert_eq!(with_init(&rename(b"mvex", b"free")), ["M09"], "no mvex");
    let samples = |bytes: &mut Vec<u8>| {
        let at = positions(bytes, b"stsz")[0];
        bytes[at + 15] = 7;
    };
    assert_eq!(with_init(&samples), ["M09"], "samples");
    assert_eq!(with_init(&|bytes| *bytes = b"<html>".to_vec()), ["M09"]);
    let in_segments = |from, to| broken(&channel, |channel| rename(from, to)(body(channel)));
    assert_eq!(in_segments(b"tfdt", b"free"), ["M09"], "no time");
    let rules = broken(&channel, |channel| {
        let at = positions(body(channel), b"tfhd")[0];
        body(channel)[at + 11] = 9;
    });
    assert_eq!(rules, ["M09"], "a track that is not there");
    let init = InitFacts::read(&channel.maps["init.mp4"]).unwrap();
    let codecs = init
        .tracks
        .iter()
        .map(|track| track.entry.codec.as_deref().unwrap());
    let codecs: Vec<_> = codecs.collect();
    assert!(
        codecs[0].starts_with("avc1.4d40") && codecs[1] == "mp4a.40.2",
        "{codecs:?}"
    );
    assert_eq!(init.tracks[0].entry.size, Some((128, 96)));
    assert_eq!(
        (init.tracks[1].timescale, init.tracks[1].entry.rate),
        (48_000, Some(48_000))
    );
}

fn encrypted() -> Channel {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("key"), KEY).unwrap();
    std::fs::write(folder.path().join("info"), "key\nkey\n").unwrap();
    let more = ["-hls_key_info_file", "info"];
    let all = [
        &arguments(Pictures::H264, Sound::Aac48)[..],
        &more,
        &["index.m3u8"],
    ]
    .concat();
    run("ffmpeg", &all, folder.path());
    Channel::read(folder.path())
}

#[test]
fn encryption_that_is_not_what_is_said_is_m10_or_m11() {
    let channel = encrypted();
    assert_eq!(broken(&channel, |_| {}), [""; 0]);
    let rules = broken(&channel, |channel| {
        body(channel).pop();
    });
    assert_eq!(rules, ["M10"], "no whole number of blocks");
    for key in [b"another key is 1".to_vec(), b"short".to_vec(), Vec::new()] {
        let rules = broken(&channel, |channel| {
            channel.segments[2].key.as_mut().unwrap().0 = key;
        });
        assert_eq!(rules, ["M10"]);
    }
    let clear = transport();
    let rules = broken(&channel, |channel| {
        channel.independent = false;
        *body(channel) = clear.segments[2].body.clone();
    });
    assert_eq!(rules, ["M11"], "it is not encrypted");
    let rules = broken(&channel, |channel| channel.segments[2].key = None);
    assert_eq!(rules, ["M11"], "no key is said");
}

#[test]
fn packed_audio_without_its_time_is_m12() {
    let folder = tempfile::TempDir::new().unwrap();
    let sound = "sine=frequency=440:sample_rate=48000:duration=2";
    let make = [
        "-nostdin",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        sound,
        "-c:a",
        "aac",
        "-f",
        "adts",
        "a.aac",
    ];
    run("ffmpeg", &make, folder.path());
    let sound = std::fs::read(folder.path().join("a.aac")).unwrap();
    let tag = |time: u64| {
        let owner = b"com.apple.streaming.transportStreamTimestamp\0";
        let head = b"ID3\x04\0\0\0\0\0\x3FPRIV\0\0\0\x35\0\0";
        [&head[..], owner, &time.to_be_bytes()].concat()
    };
    let count = [
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=nb_read_packets",
        "-of",
        "csv=p=0",
        "a.aac",
    ];
    let frames: u64 = run("ffprobe", &count, folder.path())
        .trim()
        .parse()
        .unwrap();
    let segment = |n: u64| Segment {
        body: [tag(n * frames * 1920), sound.clone()].concat(),
        key: None,
        map: None,
        extinf_us: (frames * 1_920_000_000 / 90_000_000) as i64 * 1000,
        extinf_unit_us: 1000,
        discontinuity: false,
        gap: false,
    };
    let channel = Channel {
        segments: (0..5).map(segment).collect(),
        maps: Default::default(),
        independent: true,
    };
    assert_eq!(broken(&channel, |_| {}), [""; 0]);
    let rules = broken(&channel, |channel| {
        body(channel).drain(..tag(0).len());
    });
    assert_eq!(rules, ["M12"], "no tag");
    let rules = broken(&channel, |channel| body(channel)[30] = b'X');
    assert_eq!(rules, ["M12"], "a tag of somebody else");
    let rules = broken(&channel, |channel| {
        let length = tag(0).len();
        body(channel).splice(..length, tag(90_000));
    });
    assert_eq!(rules, ["M06"], "a time that does not go on");
}

#[test]
fn subtitles_without_a_map_of_time_are_m13() {
    let cue = "00:00:01.000 --> 00:00:02.000\nA cue\n";
    let map = "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n";
    let rules = |text: String| {
        let mut channel = transport();
        channel.segments.truncate(1);
        channel.segments[0].body = text.into_bytes();
        channel.rules()
    };
    assert_eq!(rules(format!("WEBVTT\n{map}\n{cue}")), [""; 0]);
    assert_eq!(rules(format!("WEBVTT\n\n{cue}")), ["M13"]);
    assert_eq!(rules(cue.to_owned()), ["M13"]);
    // The header may stand in the map; then there may be nothing else.
    for body in [cue, "", "\n"] {
        let mut channel = transport();
        channel.segments.truncate(1);
        channel.segments[0].body = body.into();
        channel.segments[0].map = Some("head.vtt".to_owned());
        let head = format!("WEBVTT\n{map}\n").into_bytes();
        channel.maps.insert("head.vtt".to_owned(), head);
        assert_eq!(channel.rules(), [""; 0], "{body:?}");
    }
}

#[test]
fn sound_that_begins_long_before_its_pictures_is_m15() {
    let mut channel = transport();
    for segment in &mut channel.segments {
        let body = segment.body.clone();
        for at in packets_of(&body, VIDEO) {
            shift(&mut segment.body[at..at + PACKET], 90_000);
        }
    }
    assert_eq!(channel.rules(), ["M15"]);
}

#[test]
fn playlists_whose_times_are_apart_at_one_date_are_x05() {
    for kind in ["mpegts", "fmp4"] {
        let more = ["-hls_segment_type", kind];
        let video = Channel::made(Pictures::H264, Sound::None, &more);
        let audio = Channel::made(Pictures::None, Sound::Aac48, &more);
        let (seen, heard) = (video.facts(), audio.facts());
        let (seen, heard) = (video.known(&seen), audio.known(&heard));
        let apart_by = |late_us: i64| {
            // Segments of sound are where they are, and their dates with them.
            let date_of = |channel: &Channel, n: usize| {
                let before = channel.segments[..n].iter();
                before.map(|segment| segment.extinf_us).sum::<i64>()
            };
            let stamp = |known, date_us| {
                let at = Evidence {
                    at_us: 0,
                    exchange: None,
                };
                let listed = Listed {
                    date_us,
                    discontinuity: 0,
                    url: String::new(),
                    at,
                };
                Stamp::of(known, listed).unwrap()
            };
            let one = stamp(&seen[1], date_of(&video, 1));
            let other = stamp(&heard[2], date_of(&audio, 2) + late_us);
            let stamps = [Stamps::default(), Stamps::default()];
            across::judge((&one, &other), [&stamps[0], &stamps[1]], 0).is_some()
        };
        for (late_us, is_apart) in [
            (0, false),
            (50_000, false),
            (400_000, true),
            (-400_000, true),
        ] {
            assert_eq!(apart_by(late_us), is_apart, "{kind} {late_us}");
        }
    }
}
