//! `isreport` of a session in which far more is wrong than anybody reads: all forms end, in bounded memory, and what they do not
//! show is counted.

use std::io::Read as _;
use std::process::{Command, Stdio};

use isrecorder::clock::Clock;
use isrecorder::hls::{Lie, Step};
use isrecorder::session::{
    Availability, Headers, Kind, NewBody, NewExchange, NewRevision, ResourceKey, Sessions, Writer,
    digest,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::hostile_media::{self, KINDS, Size};

/// Playlists: more than findings of a rule are told apart.
const PLAYLISTS: usize = 1_010;
/// Findings of a rule that are told apart, and those of a rule and a severity that a page shows.
const TOLD: usize = 1_000;
const SHOWN: usize = 200;
/// No report takes more memory, in bytes.
const MOST_MEMORY: usize = 300 * 1024 * 1024;

/// A bazaar: each stall has a sign, none of which keeps a rule, and paints it anew.
fn sign(stall: usize, revision: usize) -> String {
    let name = "so-many-words".repeat(if stall < 40 { 5_000 } else { 2 });
    let first = 70 + 5 * revision;
    format!(
        "#EXTM3U\n#EXT-X-VERSION:1\n#EXT-X-VERSION:1\n#EXT-X-TARGETDURATION:{}\n#EXT-X-PART-INF:PART-TARGET=1\n\
         #EXT-X-KEY:METHOD=NONE,URI=\"k\"\n#EXT-X-DATERANGE:CLASS=\"{stall}\"\n#EXTINF:90.5,\n{{$a{name}}}.ts\n\
         #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-PART:DURATION=3,URI=\"p\"\n#EXTINF:1,\n<script>{stall}-{revision}.m4s\n",
        4 + revision
    )
}

async fn bazaar(temporary: &TempDir) {
    let folder = Sessions::new(temporary.path()).create(Some("s")).unwrap();
    let (writer, _) = Writer::create(&folder, Clock::start(), "test").unwrap();
    let stream = writer
        .stream("bazaar", "http://h.example/main.m3u8")
        .await
        .unwrap();
    let mut at_us = writer.zero_us();
    let mut asked = |kind, url: String| {
        at_us += 1_000;
        let key = ResourceKey::whole(stream, kind, url);
        NewExchange {
            wait_us: Some(500),
            receive_us: Some(0),
            lag_us: Some(0),
            status: Some(200),
            headers: Some(Headers(vec![(
                "content-type".into(),
                b"text/html".to_vec(),
            )])),
            ..NewExchange::requested(writer.next_id(), key, Availability::Response, at_us)
        }
    };
    for stall in 0..PLAYLISTS {
        for revision in 0..2 {
            let text = sign(stall, revision).into_bytes();
            let step = [Step::First, Step::Slid][revision];
            let poll = asked(Kind::Media, format!("http://h.example/{stall}/list"));
            let id = poll.id;
            let brought = NewExchange {
                body: NewBody::Bytes {
                    sha256: digest(&text),
                    data: text.into(),
                    binary: false,
                },
                revision: Some(NewRevision {
                    advance: true,
                    media_sequence: Some(70 + 5 * revision as i64),
                    segment_count: Some(2),
                    last_sequence: Some(71 + 5 * revision as i64),
                    target_duration_us: Some(4_000_000),
                    ended: Some(false),
                    lie: Some(Lie {
                        step,
                        place: 0,
                        gained: 1,
                    }),
                    ..NewRevision::default()
                }),
                ..poll
            };
            writer.exchange(brought).await;
            let gone = NewExchange {
                status: Some(404),
                lag_us: None,
                referrer_id: Some(id),
                ..asked(
                    Kind::Segment,
                    format!("http://h.example/{stall}/{revision}.ts"),
                )
            };
            writer.exchange(gone).await;
        }
    }
    writer.finish("finished").await.unwrap();
}

/// What a report says, and the most memory that it had by then, in bytes: the kernel is asked before each piece of it, of which
/// a pipe holds only the last few.
fn report(temporary: &TempDir, form: &str) -> (String, usize) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_isreport"))
        .args(["--severity", "info", "--format", form])
        .arg(temporary.path().join("s"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = program.stdout.take().unwrap();
    let (mut said, mut memory) = (Vec::new(), 0);
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = pipe.read(&mut piece).unwrap();
        if length == 0 {
            break;
        }
        memory = memory.max(most_memory(program.id()));
        said.extend_from_slice(&piece[..length]);
    }
    assert!(program.wait().unwrap().success(), "{form}");
    (String::from_utf8(said).unwrap(), memory)
}

/// Of a process, as the kernel counts it; 0: it is over, or the system does not say.
fn most_memory(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}

#[test]
fn of_far_too_much_each_form_tells_some_and_counts_the_rest() {
    let temporary = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(bazaar(&temporary));

    let (json, memory) = report(&temporary, "json");
    assert!(memory < MOST_MEMORY, "JSON: {memory} bytes");
    let lines = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let of = |rule: &str| lines.iter().filter(|line| line["rule"] == rule).count();
    let left_out = |rule: &str| {
        let line = lines.iter().find(|line| line["left_out"] == rule)?;
        line["count"].as_u64()
    };
    for rule in ["T06", "P10", "H01", "L02"] {
        assert_eq!(of(rule), TOLD, "{rule}");
        assert!(
            left_out(rule) >= Some((PLAYLISTS - TOLD) as u64),
            "{rule}: {:?}",
            left_out(rule)
        );
    }
    assert!(json.len() < 32 * 1024 * 1024, "{} bytes", json.len());

    let (page, memory) = report(&temporary, "html");
    assert!(memory < MOST_MEMORY, "HTML: {memory} bytes");
    assert!(page.len() < 16 * 1024 * 1024, "{} bytes", page.len());
    assert!(page.ends_with("</html>") && !page.contains("<script"));
    let of = |rule: &str| {
        let heading = page.split("<article").skip(1);
        let own = heading.filter(|article| article.contains(&format!("<h3>MUST {rule} ")));
        own.count()
    };
    // What all stalls have at once is a few events, in which each of them has a line.
    for rule in ["T06", "P10", "H01"] {
        assert!((1..SHOWN).contains(&of(rule)), "{rule}: {}", of(rule));
    }
    let stalls = page.matches("/list: at ").count() + page.matches("/list: ").count();
    assert!(stalls >= TOLD, "{stalls}");
    let ids: std::collections::HashSet<&str> = values(&page, " id=\"").collect();
    for link in values(&page, " href=\"#") {
        assert!(ids.contains(link), "nothing is at #{link}");
    }

    for form in ["text", "junit"] {
        let (said, memory) = report(&temporary, form);
        assert!(memory < MOST_MEMORY, "{form}: {memory} bytes");
        assert!(said.len() < 32 * 1024 * 1024, "{form}: {}", said.len());
        assert!(said.contains("P10"), "{form}");
    }
}

#[test]
fn of_media_that_are_none_or_do_harm_each_form_is_a_report() {
    let temporary = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let size = Size {
        playlists: 3,
        revisions: 4,
        segments: 2 * KINDS,
        broken: 300,
        bytes: 30_000,
    };
    runtime.block_on(hostile_media::write(temporary.path(), size));
    for form in ["json", "text", "html", "junit"] {
        let (said, memory) = report(&temporary, form);
        assert!(memory < MOST_MEMORY, "{form}: {memory} bytes");
        assert!(said.len() < 32 * 1024 * 1024, "{form}: {}", said.len());
        for rule in ["M01", "P10", "P13", "M14"] {
            assert!(said.contains(rule), "{form}: {rule}");
        }
    }
}

/// What stands between these words and the next quotation mark.
fn values<'a>(page: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = page.split(begin).skip(1);
    parts.map(|part| part.split('"').next().unwrap_or_default())
}
