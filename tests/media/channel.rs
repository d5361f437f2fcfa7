//! A channel that ffmpeg makes, and what is said of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use isrecorder::analysis::rules::media::{Found, Known, judge, judge_end};
use isrecorder::media::cipher::Protection;
use isrecorder::media::facts::ChunkFacts;
use isrecorder::media::read::{Init, read};
use tempfile::TempDir;

/// Bytes of a key, and of an initialization vector.
pub type Block = [u8; 16];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    None,
    H264,
    H265,
    Mpeg2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    None,
    Aac44,
    Aac48,
    Ac3,
    Mp3,
}

/// A media segment as its playlist has it.
#[derive(Debug, Clone)]
pub struct Segment {
    pub body: Vec<u8>,
    pub key: Option<(Vec<u8>, Block)>,
    /// Name of its initialization section.
    pub map: Option<String>,
    pub extinf_us: i64,
    pub extinf_unit_us: i64,
    pub discontinuity: bool,
    pub gap: bool,
}

/// A playlist and its media.
#[derive(Debug, Clone)]
pub struct Channel {
    pub segments: Vec<Segment>,
    pub maps: BTreeMap<String, Vec<u8>>,
    pub independent: bool,
}

/// Runs a program, which must succeed; what it wrote.
pub fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let error = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{program} {arguments:?}: {error}");
    String::from_utf8(ran.stdout).unwrap()
}

/// Options of ffmpeg that make nine seconds of pictures at 29.97 a second, and sound, in segments of two seconds.
pub fn arguments(pictures: Pictures, sound: Sound) -> Vec<&'static str> {
    let mut all = vec!["-nostdin", "-loglevel", "error", "-y"];
    if pictures != Pictures::None {
        all.extend([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=128x96:rate=30000/1001:duration=9",
        ]);
    }
    if sound != Sound::None {
        all.extend([
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000:duration=9",
        ]);
    }
    let x265 = "log-level=none:keyint=60:min-keyint=60:scenecut=0:bframes=2";
    let keys = [
        "-g",
        "60",
        "-keyint_min",
        "60",
        "-sc_threshold",
        "0",
        "-bf",
        "2",
    ];
    match pictures {
        Pictures::None => {}
        Pictures::H264 => all.extend(["-c:v", "libx264", "-preset", "ultrafast"]),
        Pictures::H265 => {
            all.extend([
                "-c:v",
                "libx265",
                "-preset",
                "ultrafast",
                "-x265-params",
                x265,
            ]);
        }
        Pictures::Mpeg2 => all.extend(["-c:v", "mpeg2video"]),
    }
    if pictures != Pictures::None {
        all.extend(keys);
    }
    match sound {
        Sound::None => {}
        Sound::Aac44 => all.extend(["-c:a", "aac", "-ar", "44100"]),
        Sound::Aac48 => all.extend(["-c:a", "aac"]),
        Sound::Ac3 => all.extend(["-c:a", "ac3"]),
        Sound::Mp3 => all.extend(["-c:a", "libmp3lame"]),
    }
    all.extend(["-f", "hls", "-hls_time", "2", "-hls_list_size", "0"]);
    all
}

impl Channel {
    /// What ffmpeg makes, with more options.
    pub fn made(pictures: Pictures, sound: Sound, more: &[&str]) -> Self {
        Self::made_in(&TempDir::new().unwrap(), pictures, sound, more)
    }

    /// The same, in a folder that stays.
    pub fn made_in(folder: &TempDir, pictures: Pictures, sound: Sound, more: &[&str]) -> Self {
        let all = [&arguments(pictures, sound)[..], more, &["index.m3u8"]].concat();
        run("ffmpeg", &all, folder.path());
        Self::read(folder.path())
    }

    /// The playlist `index.m3u8` of a folder, as ffmpeg writes it.
    pub fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("index.m3u8")).unwrap();
        let file = |name: &str| fs::read(folder.join(name)).unwrap();
        let mut channel = Self {
            segments: Vec::new(),
            maps: BTreeMap::new(),
            independent: text.contains("#EXT-X-INDEPENDENT-SEGMENTS"),
        };
        let (mut key, mut map, mut range) = (None, None, None);
        let (mut extinf, mut discontinuity) = ((0, 0), false);
        for line in text.lines() {
            if let Some(said) = line.strip_prefix("#EXTINF:") {
                extinf = microseconds(said.split(',').next().unwrap());
            } else if let Some(said) = line.strip_prefix("#EXT-X-BYTERANGE:") {
                range = Some(said.to_owned());
            } else if let Some(said) = line.strip_prefix("#EXT-X-KEY:METHOD=AES-128,") {
                key = Some((
                    file(&attribute(said, "URI").unwrap()),
                    attribute(said, "IV"),
                ));
            } else if let Some(said) = line.strip_prefix("#EXT-X-MAP:") {
                let name = attribute(said, "URI").unwrap();
                let range = attribute(said, "BYTERANGE");
                channel.maps.insert(name.clone(), cut(&file(&name), range));
                map = Some(name);
            } else if line == "#EXT-X-DISCONTINUITY" {
                discontinuity = true;
            } else if !line.starts_with('#') {
                let number = channel.segments.len() as u128;
                let iv = |said: Option<String>| {
                    let hex = said.map(|said| u128::from_str_radix(&said[2..], 16).unwrap());
                    hex.unwrap_or(number).to_be_bytes()
                };
                channel.segments.push(Segment {
                    body: cut(&file(line), range.take()),
                    key: key.clone().map(|(key, said)| (key, iv(said))),
                    map: map.clone(),
                    extinf_us: extinf.0,
                    extinf_unit_us: extinf.1,
                    discontinuity: std::mem::take(&mut discontinuity),
                    gap: false,
                });
            }
        }
        channel
    }

    /// What each chunk says.
    pub fn facts(&self) -> Vec<(ChunkFacts, Option<Init>)> {
        let facts = self.segments.iter().map(|segment| {
            let map = segment.map.as_ref();
            let init = map.map(|name| Init::read(&mut self.maps[name].clone(), Protection::None));
            let protection = match &segment.key {
                Some((key, iv)) => Protection::Aes128 { key, iv: *iv },
                None => Protection::None,
            };
            let facts = read(&mut segment.body.clone(), protection, init.as_ref());
            (facts, init)
        });
        facts.collect()
    }

    /// Each segment as it is known.
    pub fn known<'a>(&self, facts: &'a [(ChunkFacts, Option<Init>)]) -> Vec<Known<'a>> {
        let known = self.segments.iter().zip(facts).enumerate();
        let known = known.map(|(n, (segment, (facts, init)))| Known {
            facts,
            init: init.as_ref(),
            has_map: segment.map.is_some(),
            sequence: n as u64,
            extinf_us: segment.extinf_us,
            extinf_unit_us: segment.extinf_unit_us,
            discontinuity: segment.discontinuity,
            gap: segment.gap,
            follows: n > 0,
            iframes_only: false,
            independent: self.independent,
        });
        known.collect()
    }

    /// What is wrong with it.
    pub fn found(&self) -> Found {
        let facts = self.facts();
        let known = self.known(&facts);
        let mut found = Found::new();
        for (n, this) in known.iter().enumerate() {
            judge(n.checked_sub(1).map(|n| &known[n]), this, &mut found);
        }
        judge_end(known.last().unwrap(), &mut found);
        found
    }

    /// The ids of what is wrong with it, each once.
    pub fn rules(&self) -> Vec<&'static str> {
        let mut rules: Vec<_> = self.found().iter().map(|(_, one)| one.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

/// A time in seconds, and what its last digit is worth.
fn microseconds(text: &str) -> (i64, i64) {
    let digits = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let seconds: f64 = text.parse().unwrap();
    (
        (seconds * 1e6).round() as i64,
        1_000_000 / 10_i64.pow(digits as u32),
    )
}

fn attribute(text: &str, name: &str) -> Option<String> {
    let at = text.find(&format!("{name}="))? + name.len() + 1;
    let value = text[at..].trim_start_matches('"');
    Some(value.split(['"', ',']).next()?.to_owned())
}

/// `LENGTH@OFFSET` of a file.
fn cut(bytes: &[u8], range: Option<String>) -> Vec<u8> {
    let Some(range) = range else {
        return bytes.to_vec();
    };
    let (length, offset) = range.split_once('@').unwrap();
    let from: usize = offset.parse().unwrap();
    bytes[from..from + length.parse::<usize>().unwrap()].to_vec()
}
