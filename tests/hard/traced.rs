//! isreplayer under strace: whatever clients ask for, no file outside of the session is opened and
//! no connection is made.

// Figures for whoever asks for them with --nocapture.
#![allow(clippy::print_stdout)]

use crate::support::replayed::{Replayed, converse, get};

// The same requests as without strace.
#[path = "../it/hostile_clients/cases.rs"]
mod cases;

/// What the system itself is asked at any time: threads, memory, names of time zones.
const SYSTEM: [&str; 7] = [
    "/proc/sys/vm/overcommit_memory",
    "/proc/self/",
    "/proc/stat",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/etc/localtime",
    "/usr/share/zoneinfo",
];

/// The whole trace of a program that was killed.
fn whole(file: &std::path::Path) -> String {
    for _ in 0..1000 {
        let trace = std::fs::read_to_string(file).unwrap();
        if trace.contains("+++ killed by SIGKILL +++") {
            return trace;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the trace does not end");
}

/// The paths that the lines of a trace opened, and the lines that connected.
fn read(trace: &str) -> (Vec<&str>, Vec<&str>) {
    let opened = trace
        .lines()
        .filter(|line| line.contains("open") && !line.contains("ENOENT"));
    let paths = opened.filter_map(|line| line.split('"').nth(1));
    let connects = trace.lines().filter(|line| line.contains("connect("));
    (paths.collect(), connects.collect())
}

#[test]
fn hostile_requests_open_no_file_outside_of_the_session_and_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let name = file.to_str().unwrap();
    let calls = "trace=open,openat,openat2,creat,connect,sendto,sendmsg,execve";
    let strace = [
        "strace", "-D", "-f", "-y", "-s", "300", "-e", calls, "-o", name,
    ];
    let patient = ["--head-timeout", "300", "--idle-timeout", "300", "-q"];
    let mut replayed = Replayed::start_under(&strace, &patient);
    replayed.check();
    let started = std::fs::read_to_string(&file).unwrap().len();
    let mut count = 0;
    for case in cases::families().iter().flat_map(|(_, cases)| cases) {
        let answer = converse(&mut replayed.connect(), &case.bytes, !case.ends);
        assert!(case.statuses.contains(&answer.status), "{}", answer.head);
        count += 1;
    }
    let mut client = replayed.connect();
    let chunk = get("/http/origin.example:80/live/seg1.ts");
    assert_eq!(converse(&mut client, &chunk, true).status, 200);
    replayed.check();
    let session = replayed.folder().join("hostile");
    drop(replayed);

    let trace = whole(&file);
    let (_, all_connects) = read(&trace);
    assert!(all_connects.is_empty(), "{all_connects:?}");
    let (opened, _) = read(&trace[started..]);
    let session = session.to_str().unwrap();
    // A debug build reads the files of its page where they are edited.
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page/web/");
    let outside: Vec<_> = opened
        .iter()
        .filter(|path| {
            let is_pages = path.starts_with(page) && !path.contains("..");
            let is_inside = path.starts_with(session) || is_pages || !path.starts_with('/');
            !is_inside && !SYSTEM.iter().any(|known| path.starts_with(known))
        })
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    let above: Vec<_> = opened.iter().filter(|path| path.contains("..")).collect();
    assert!(above.is_empty(), "{above:?}");
    assert!(
        opened.iter().any(|path| path.ends_with("seg1.ts")),
        "the trace sees what is opened"
    );
    println!("{count} requests, {} files opened, 0 outside", opened.len());
}
