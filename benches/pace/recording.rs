//! A session whose segments came in different ways.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, DownloadFile, Headers, Kind, NewExchange, Outcome, ResourceKey, SessionFolder,
    Sessions, Writer,
};

/// Segments that came in each way.
const OF_EACH: usize = 8;
const SEGMENT_BYTES: u64 = 256 * 1024;

/// A way in which segments came.
#[derive(Debug)]
pub struct Way {
    pub name: &'static str,
    /// Requested to first byte.
    pub wait_us: i64,
    /// Microseconds after the first byte, and per cent of the bytes so far. None: at once.
    points: Vec<(i64, u64)>,
    /// First byte to the end.
    receive_us: i64,
    /// As many bytes again were announced, and never came.
    pub breaks: bool,
}

impl Way {
    fn new(name: &'static str, wait_us: i64, points: &[(i64, u64)]) -> Self {
        Self {
            name,
            wait_us,
            points: points.to_vec(),
            receive_us: points.last().map_or(0, |(at_us, _)| *at_us),
            breaks: false,
        }
    }

    /// Requested to the end.
    pub fn whole_us(&self) -> i64 {
        self.wait_us + self.receive_us
    }

    /// As a session keeps it.
    fn arrival(&self) -> Option<String> {
        let points = self.points.iter();
        let text: Vec<String> = points
            .map(|(at_us, share)| format!("[{at_us},{}]", SEGMENT_BYTES * share / 100))
            .collect();
        (!text.is_empty()).then(|| format!("[{}]", text.join(",")))
    }
}

/// All ways. Segment `n` came in the way `n` modulo their number.
pub fn ways() -> Vec<Way> {
    let drip: Vec<(i64, u64)> = (20_000..=1_000_000)
        .step_by(20_000)
        .zip((2..).step_by(2))
        .collect();
    let breaks = Way {
        receive_us: 900_000,
        breaks: true,
        ..Way::new("breaks off", 20_000, &[(0, 30), (500_000, 100)])
    };
    vec![
        Way::new("evenly", 30_000, &drip),
        Way::new("burst, stall, burst", 10_000, &[(0, 40), (800_000, 100)]),
        Way::new("at once", 5_000, &[]),
        Way::new("late", 400_000, &[]),
        breaks,
    ]
}

/// A path of each segment at the replayer.
pub fn paths(ways: &[Way]) -> Vec<String> {
    (0..ways.len() * OF_EACH)
        .map(|n| format!("/https/cdn.example.com:443/live/{n}.ts"))
        .collect()
}

/// Writes the session into a folder; its path.
pub async fn record(folder: PathBuf, ways: &[Way]) -> Result<SessionFolder> {
    let folder = Sessions::new(folder).create(None)?;
    let (writer, _failure) = Writer::create(&folder, Clock::start(), "bench")?;
    let playlist = "https://cdn.example.com/live/index.m3u8";
    let stream_id = writer.stream("live", playlist).await?;
    for (n, way) in ways.iter().cycle().take(ways.len() * OF_EACH).enumerate() {
        let resource = ResourceKey::whole(
            stream_id,
            Kind::Segment,
            format!("https://cdn.example.com/live/{n}.ts"),
        );
        let zero_us = writer.clock().started_us();
        let id = writer.next_id();
        let mut file = DownloadFile::create(&folder.chunks(), id)?;
        let content: Vec<u8> = (0..SEGMENT_BYTES / 8)
            .flat_map(|at| (at * 977 + n as u64).to_le_bytes())
            .collect();
        file.write(&content)?;
        let media_type = ("content-type".to_owned(), b"video/mp2t".to_vec());
        let exchange = NewExchange {
            wait_us: Some(way.wait_us),
            receive_us: Some(way.receive_us),
            status: Some(200),
            headers: Some(Headers(vec![media_type])),
            announced_bytes: Some(if way.breaks { 2 } else { 1 } * SEGMENT_BYTES),
            wire_bytes: Some(SEGMENT_BYTES),
            arrival: way.arrival(),
            body: file.finish()?,
            outcome: match way.breaks {
                true => Outcome::Short,
                false => Outcome::Complete,
            },
            ..NewExchange::requested(id, resource, Availability::Listed(zero_us), zero_us)
        };
        writer.exchange(exchange).await;
    }
    writer.finish("stopped").await?;
    ensure!(folder.database().exists(), "no session");
    Ok(folder)
}
