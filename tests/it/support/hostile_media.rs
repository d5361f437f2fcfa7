//! A session whose media are none, or are made to do harm, and whose texts break a rule with each line.

use std::path::Path;

use isrecorder::clock::Clock;
use isrecorder::hls::{Lie, Step};
use isrecorder::session::{
    Availability, ExchangeId, Headers, Kind, NewBody, NewExchange, NewRevision, ResourceKey,
    Sessions, Writer, digest,
};

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub playlists: usize,
    /// Of each playlist.
    pub revisions: usize,
    /// New ones of each revision, whose bodies are there.
    pub segments: usize,
    /// Lines of each text that break rules.
    pub broken: usize,
    /// Of a body.
    pub bytes: usize,
}

const HOST: &str = "http://h.example";

/// Numbers that look like noise (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        words.flatten().take(count).collect()
    }
}

/// A box of MP4 with a length of its own.
fn boxed(name: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], name, body].concat()
}

fn whole(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    boxed(name, u32::try_from(body.len() + 8).unwrap(), body)
}

/// Kinds of bodies.
pub const KINDS: usize = 12;

/// A body of a kind, no two of which are the same.
pub fn body(kind: usize, n: usize, bytes: usize) -> Vec<u8> {
    let noise = &mut Noise(0x9E37_79B9_7F4A_7C15 ^ (n as u64 + 1));
    let until = |one: &mut dyn FnMut() -> Vec<u8>| {
        let mut all = Vec::with_capacity(bytes + 1024);
        while all.len() < bytes {
            all.extend(one());
        }
        all
    };
    match kind % KINDS {
        0 => noise.bytes(bytes / 16 * 16),
        1 => format!("<!DOCTYPE html><p>{n}{}", "<script>".repeat(bytes / 8)).into(),
        // Packets of noise: each PID, each counter, each flag.
        2 => until(&mut || [&[0x47], &noise.bytes(187)[..]].concat()),
        // Units whose time stamps go anywhere, on the PIDs of ffmpeg, behind tables that change.
        3 => until(&mut || {
            let pid = [0, 0x1000, 0x100, 0x101][noise.next() as usize % 4] as u16;
            let head = [
                0x47,
                0x40 | (pid >> 8) as u8,
                pid as u8,
                0x10 | noise.next() as u8 & 0xF,
            ];
            let unit = [
                &[0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 10][..],
                &noise.bytes(175),
            ]
            .concat();
            [&head[..], &unit].concat()
        }),
        // Runs of samples without an end.
        4 => until(&mut || {
            let run = [
                &[0, 0, 0xF, 1, 0xFF, 0xFF, 0xFF, 0xFF][..],
                &noise.bytes(64),
            ]
            .concat();
            let parts = [
                whole(b"tfhd", &[0, 0, 0, 0, 0, 0, 0, 1]),
                whole(b"trun", &run),
            ]
            .concat();
            whole(b"moof", &whole(b"traf", &parts))
        }),
        5 => until(&mut || {
            let event = [
                &[0; 4][..],
                b"urn:scte:scte35:2013:bin\0\0",
                &[0xFF; 16],
                &noise.bytes(90),
            ];
            whole(b"emsg", &event.concat())
        }),
        // Boxes in boxes in boxes.
        6 => (0..bytes / 8).fold(Vec::new(), |mut all, _| {
            all.extend(boxed(b"moov", u32::MAX, &[]));
            all
        }),
        7 => until(&mut || boxed(b"free", 1, &noise.next().to_be_bytes())),
        8 => {
            let cue = |n: u64| format!("{n}:00:00.000 --> {n}:99:99.999\n{n}\n\n");
            let map =
                "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:99:99:99.999,MPEGTS:99999999999999\n\n".to_owned();
            [
                map.into_bytes(),
                until(&mut || cue(noise.next()).into_bytes()),
            ]
            .concat()
        }
        9 => until(&mut || {
            [
                &[0xFF, 0xF1, 0x50, 0x80, 0x02, 0x1F, 0xFC][..],
                &noise.bytes(11),
            ]
            .concat()
        }),
        10 => [&b"ID3\x04\0\0\x7F\x7F\x7F\x7F"[..], &noise.bytes(bytes)].concat(),
        _ => Vec::new(),
    }
}

/// The text of a revision.
fn text(playlist: usize, revision: usize, size: Size) -> String {
    let first = revision * size.segments;
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:1\n#EXT-X-TARGETDURATION:1\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for n in first..first + size.segments {
        text += &format!("#EXTINF:4.0,\n{playlist}-{n}.ts\n");
    }
    for n in 0..size.broken {
        text += &format!(
            "#EXT-X-KEY:METHOD=NONE,URI=\"{n}\"\n#EXT-X-DATERANGE:CLASS=\"{n}\",SCTE35-OUT=0xFC30{n:08X}\n\
             #EXT-X-PART:DURATION=9,URI=\"{n}\"\n{{$no{n}}}\n"
        );
    }
    text
}

/// Writes a session `s` into a folder.
pub async fn write(folder: &Path, size: Size) {
    let folder = Sessions::new(folder).create(Some("s")).unwrap();
    let (writer, _) = Writer::create(&folder, Clock::start(), "test").unwrap();
    let main = format!("{HOST}/main.m3u8");
    let stream = writer.stream("hostile", &main).await.unwrap();
    let mut at_us = writer.zero_us();
    let variants =
        (0..size.playlists).map(|n| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{n}.m3u8\n"));
    let variants: String = variants.collect();
    let mut asked = |kind: Kind, url: String, body: Vec<u8>, by: Option<ExchangeId>| {
        at_us += 1_000;
        let key = ResourceKey::whole(stream, kind, url);
        NewExchange {
            wait_us: Some(500),
            receive_us: Some(0),
            lag_us: kind.is_playlist().then_some(0),
            status: Some(200),
            headers: Some(Headers(vec![(
                "content-type".into(),
                b"text/html".to_vec(),
            )])),
            referrer_id: by,
            wire_bytes: Some(body.len() as u64),
            body: NewBody::Bytes {
                sha256: digest(&body),
                data: body.into(),
                binary: !kind.is_playlist(),
            },
            ..NewExchange::requested(writer.next_id(), key, Availability::Response, at_us)
        }
    };
    let parent = NewExchange {
        revision: Some(NewRevision {
            advance: true,
            ..NewRevision::default()
        }),
        ..asked(
            Kind::Main,
            main,
            format!("#EXTM3U\n{variants}").into(),
            None,
        )
    };
    let parent_id = parent.id;
    writer.exchange(parent).await;
    let mut count = 0;
    for revision in 0..size.revisions {
        for playlist in 0..size.playlists {
            let url = format!("{HOST}/{playlist}.m3u8");
            let poll = asked(
                Kind::Media,
                url,
                text(playlist, revision, size).into(),
                Some(parent_id),
            );
            let id = poll.id;
            let first = (revision * size.segments) as i64;
            let listed = size.segments as i64;
            let brought = NewRevision {
                advance: true,
                media_sequence: Some(first),
                segment_count: Some(listed),
                last_sequence: Some(first + listed - 1),
                target_duration_us: Some(1_000_000),
                ended: Some(false),
                lie: Some(Lie {
                    step: if revision == 0 {
                        Step::First
                    } else {
                        Step::Slid
                    },
                    place: first as u64,
                    gained: listed as u64,
                }),
                ..NewRevision::default()
            };
            writer
                .exchange(NewExchange {
                    revision: Some(brought),
                    ..poll
                })
                .await;
            for n in first..first + listed {
                count += 1;
                let segment = body(count, count, size.bytes);
                let url = format!("{HOST}/{playlist}-{n}.ts");
                writer
                    .exchange(asked(Kind::Segment, url, segment, Some(id)))
                    .await;
            }
        }
    }
    writer.finish("finished").await.unwrap();
}
