//! A low-latency origin, to the letter of RFC 8216bis (6.2.5.2): parts appear one after the other, and requests with
//! directives are held until what they ask for is there.

use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Ask, End, Origin, Reply, Then};

/// Parts of a segment.
pub const PARTS: u64 = 4;
/// Segments of the window.
const WINDOW: u64 = 5;
/// Parts are listed of so many segments, the last ones.
const WITH_PARTS: u64 = 3;

/// How parts are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Each has a URL of its own.
    Uris,
    /// Each is a range of its segment.
    Ranges,
    /// All have one path; a query says which one is meant, with a token that changes.
    Queries,
}

/// What is there.
#[derive(Default)]
pub struct Edge {
    published: Mutex<u64>,
    changed: Condvar,
}

impl Edge {
    /// So many parts.
    pub fn parts(&self) -> u64 {
        *self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn publish(&self) {
        *self
            .published
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Waits for that many parts; how many there are then.
    pub fn wait(&self, parts: u64, at_most: Duration) -> u64 {
        let published = self.published.lock();
        let published = published.unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(published, at_most, |now| *now < parts);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A channel of parts.
#[derive(Debug, Clone, Copy)]
pub struct LowLatency {
    pub names: Names,
    /// Of a part.
    pub duration: Duration,
    /// After so many parts it ends.
    pub end: u64,
    pub can_block: bool,
    /// What becomes of requests that are to be held, from this part on.
    pub broken: Option<(u64, Broken)>,
    /// This part is so much later than it should be.
    pub late: Option<(u64, Duration)>,
    pub hints: Hints,
    /// A cache in front of it has kept the playlist since there were so many parts less, and each state that was asked for.
    pub cached: u64,
    /// This part is missing at the origin (`GAP=YES`), ...
    pub gap: Option<u64>,
    /// ... and each second segment has another key; before the first that is encrypted so there is a discontinuity.
    pub has_keys: bool,
    /// From this segment on another initialization section applies, which is announced with the last part before it.
    pub new_map: Option<u64>,
}

/// What becomes of what it announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hints {
    /// Requests for it are held until it is there.
    Held,
    /// It is not found before it is listed.
    NotFound,
    /// As held, and whoever asks for the rest of a file gets all of it.
    Whole,
    /// In the place of each first part of a segment something else is announced until that is there, which never comes.
    Changed,
}

/// How an origin that offers to hold requests fails to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It answers at once, with what is there.
    AtOnce,
    /// It answers with an error.
    Error,
    /// It does not answer.
    Silent,
}

impl LowLatency {
    pub fn new(names: Names) -> Self {
        Self {
            names,
            duration: Duration::from_millis(250),
            end: 8 * PARTS,
            can_block: true,
            broken: None,
            late: None,
            hints: Hints::Held,
            cached: 0,
            gap: None,
            has_keys: false,
            new_map: None,
        }
    }

    fn part_name(&self, n: u64, token: u64) -> String {
        let (segment, part) = (n / PARTS, n % PARTS);
        match self.names {
            Names::Uris => format!("URI=\"s{segment}.{part}.mp4\""),
            Names::Ranges => {
                let size = part_body(0).len() as u64;
                format!(
                    "URI=\"s{segment}.mp4\",BYTERANGE=\"{size}@{}\"",
                    part * size
                )
            }
            Names::Queries => format!("URI=\"part?n={n}&token={token}\""),
        }
    }

    /// Its playlist, when so many parts are there.
    pub fn text(&self, parts: u64) -> String {
        let whole = parts / PARTS;
        let first = whole.saturating_sub(WINDOW);
        let part_s = self.duration.as_secs_f64();
        let target = (part_s * PARTS as f64).ceil();
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{target}\n\
             #EXT-X-SERVER-CONTROL:{}PART-HOLD-BACK={}\n#EXT-X-PART-INF:PART-TARGET={part_s}\n\
             #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-MAP:URI=\"init.mp4\"\n",
            if self.can_block {
                "CAN-BLOCK-RELOAD=YES,"
            } else {
                ""
            },
            3.0 * part_s,
        );
        for segment in first..=whole {
            if self.has_keys && segment % 2 == 0 && parts > segment * PARTS {
                writeln!(
                    text,
                    "#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI=\"{segment}.key\""
                )
                .unwrap();
            }
            if self.new_map == Some(segment) && parts > segment * PARTS {
                text.push_str("#EXT-X-MAP:URI=\"other.mp4\"\n");
            }
            let listed = (segment * PARTS)..((segment + 1) * PARTS).min(parts);
            if segment + WITH_PARTS > whole {
                for n in listed {
                    let name = self.part_name(n, parts);
                    let gap = if self.gap == Some(n) { ",GAP=YES" } else { "" };
                    writeln!(text, "#EXT-X-PART:DURATION={part_s},{name}{gap}").unwrap();
                }
            }
            if segment < whole {
                let length = part_s * PARTS as f64;
                writeln!(text, "#EXTINF:{length},\ns{segment}.mp4").unwrap();
            }
        }
        match parts >= self.end {
            true => text.push_str("#EXT-X-ENDLIST\n"),
            // What never comes is not announced.
            false if self.gap == Some(parts) => {}
            false => {
                let hint = match self.names {
                    _ if self.hints == Hints::Changed && parts.is_multiple_of(PARTS) => {
                        format!("URI=\"advertisement.{whole}.mp4\"")
                    }
                    // A start of 0 need not be written.
                    Names::Ranges if self.hints == Hints::Whole && parts.is_multiple_of(PARTS) => {
                        format!("URI=\"s{whole}.mp4\"")
                    }
                    Names::Ranges => {
                        let first = parts % PARTS * part_body(0).len() as u64;
                        format!("URI=\"s{whole}.mp4\",BYTERANGE-START={first}")
                    }
                    _ => self.part_name(parts, parts),
                };
                writeln!(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,{hint}").unwrap();
                let last = parts - 1;
                writeln!(
                    text,
                    "#EXT-X-RENDITION-REPORT:URI=\"../other/live.m3u8\",LAST-MSN={},LAST-PART={}",
                    last / PARTS,
                    last % PARTS
                )
                .unwrap();
                if self.new_map.is_some_and(|segment| segment * PARTS == parts) {
                    text.push_str("#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"other.mp4\"\n");
                }
            }
        }
        text
    }

    /// Begins with what is there at first; a part is published each time its duration has passed since the first request.
    pub fn start(self) -> (Origin, Arc<Edge>) {
        let edge = Arc::new(Edge::default());
        for _ in 0..3 * PARTS + self.cached {
            edge.publish();
        }
        let started = std::sync::Once::new();
        let (shared, own) = (Arc::clone(&edge), self);
        let origin = Origin::new(move |ask: &Ask| {
            started.call_once(|| {
                let edge = Arc::clone(&shared);
                std::thread::spawn(move || {
                    loop {
                        // The origin's own pace.
                        std::thread::sleep(own.duration);
                        let is_next = |(part, _): &(u64, Duration)| *part == edge.parts();
                        if let Some((_, more)) = own.late.filter(is_next) {
                            std::thread::sleep(more);
                        }
                        edge.publish();
                        if edge.parts() >= own.end {
                            return;
                        }
                    }
                });
            });
            own.reply(ask, &shared)
        });
        (origin, edge)
    }

    fn reply(&self, ask: &Ask, edge: &Edge) -> Reply {
        let name = ask.path().rsplit('/').next().unwrap_or_default();
        match name {
            "live.m3u8" => self.playlist(ask, edge),
            "main.m3u8" => Reply::playlist(
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/live.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh/live.m3u8\n",
            ),
            name if name.ends_with(".key") => Reply::key(&name.repeat(16).as_bytes()[..16]),
            "init.mp4" => Reply::segment(b"the beginning".to_vec()),
            "other.mp4" => Reply::segment(b"another beginning".to_vec()),
            "part" => {
                let n = parameter(ask, "n").unwrap();
                self.part(n, edge)
            }
            name if name.starts_with("advertisement") => Reply::nothing(End::Silent),
            name => {
                let name = name.trim_start_matches('s').trim_end_matches(".mp4");
                match name.split_once('.') {
                    Some((segment, n)) => {
                        let segment: u64 = segment.parse().unwrap();
                        self.part(segment * PARTS + n.parse::<u64>().unwrap(), edge)
                    }
                    None => {
                        let first = name.parse::<u64>().unwrap() * PARTS;
                        if let Some(rest) = self.rest(ask, first, edge) {
                            return rest;
                        }
                        let there = first..(first + PARTS).min(edge.parts());
                        Reply::ranged(ask, &there.flat_map(part_body).collect::<Vec<u8>>())
                    }
                }
            }
        }
    }

    /// A part; what is announced is held until it is there.
    fn part(&self, n: u64, edge: &Edge) -> Reply {
        let now = edge.parts();
        let there = match n == now && self.hints != Hints::NotFound {
            true => edge.wait(n + 1, self.duration * (3 * PARTS as u32)),
            false => now,
        };
        match n < there && self.gap != Some(n) {
            true => Reply::segment(part_body(n)),
            false => Reply::not_found(),
        }
    }

    /// The rest of the file of a segment that is announced: held until its first part is there, then as it grows, part by
    /// part (6.2.6).
    fn rest(&self, ask: &Ask, first: u64, edge: &Edge) -> Option<Reply> {
        let from: u64 = match ask.header("range") {
            Some(range) => {
                let from = range.strip_prefix("bytes=")?;
                from.strip_suffix("-9007199254740991")?.parse().unwrap()
            }
            None => 0,
        };
        let size = part_body(0).len();
        let n = first + from / size as u64;
        if n != edge.parts() {
            return None;
        }
        edge.wait(n + 1, self.duration * (3 * PARTS as u32));
        if self.hints == Hints::Whole {
            let body: Vec<u8> = (first..first + PARTS).flat_map(part_body).collect();
            let size = (n + 1 - first) as usize * size;
            return Some(Reply::segment(body).ending(End::Live(size, self.duration, Then::End)));
        }
        let body: Vec<u8> = (n..first + PARTS).flat_map(part_body).collect();
        let mut rest = Reply::segment(body)
            .with("Content-Range", format!("bytes {from}-9007199254740991/*"))
            .ending(End::Live(size, self.duration, Then::End));
        rest.status = 206;
        Some(rest)
    }

    fn playlist(&self, ask: &Ask, edge: &Edge) -> Reply {
        let now = edge.parts();
        let whole = now / PARTS;
        let wanted = parameter(ask, "_HLS_msn").filter(|_| self.can_block && now < self.end);
        let part = parameter(ask, "_HLS_part");
        let parts = match wanted {
            None => return self.kept(now - self.cached, now),
            Some(_) if self.broken.is_some_and(|(from, _)| now >= from) => match self.broken {
                Some((_, Broken::Error)) => return Reply::html(500),
                Some((_, Broken::Silent)) => return Reply::nothing(End::Silent),
                _ => now,
            },
            Some(msn) if msn > whole + 1 => return Reply::new(400, "text/plain", "too far ahead"),
            Some(msn) => {
                // A part behind the last one of a segment is the first of the next.
                let wanted = msn * PARTS + part.map_or(PARTS, |part| part.min(PARTS) + 1);
                if self.cached > 0 && wanted <= now {
                    return self.kept(wanted, now);
                }
                let longest = self.duration * (3 * PARTS as u32);
                let there = edge.wait(wanted.min(self.end), longest);
                if there < wanted.min(self.end) {
                    return Reply::new(503, "text/plain", "nothing comes");
                }
                there
            }
        };
        Reply::playlist(self.text(parts))
    }

    /// The playlist when so many parts were there, out of the cache.
    fn kept(&self, parts: u64, now: u64) -> Reply {
        let text = Reply::playlist(self.text(parts));
        match self.cached {
            0 => text,
            _ => {
                let age = self.duration * (now - parts) as u32;
                text.with("Age", age.as_secs().to_string())
            }
        }
    }
}

/// The bytes of a part.
pub fn part_body(n: u64) -> Vec<u8> {
    format!("part {n:06} of a channel; ")
        .repeat(20)
        .into_bytes()
}

fn parameter(ask: &Ask, name: &str) -> Option<u64> {
    let (_, query) = ask.target.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|one| one.strip_prefix(name)?.strip_prefix('='))?;
    value.parse().ok()
}
