//! The numbered steps of `docs/design/session.md`, as the kernel saw them. Only a power cut shows
//! what a missing one costs; that one is missing shows here.

use crate::support::{Origin, Recorder, Session, three};
use crate::trace::{self, Call};

const RENAME: [&str; 3] = ["rename", "renameat", "renameat2"];
const SYNC: [&str; 2] = ["fsync", "fdatasync"];
const WAL: &str = "/session.db-wal";

/// What a recorder asked of the kernel, and what it left.
fn recorded_three() -> (Vec<Call>, Session) {
    let origin = Origin::new(three::reply);
    recorded(&three::arguments(&origin), 24, 60)
}

/// The same of a recorder with these arguments, until it has so many chunks. Each sync takes some
/// milliseconds more, so that what does not wait for it overtakes it.
fn recorded(arguments: &[String], chunks: i64, delay_ms: u32) -> (Vec<Call>, Session) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let delay = format!("inject=fdatasync,fsync:delay_exit={delay_ms}000");
    let calls = "trace=openat,write,pwrite64,fdatasync,fsync,/rename,/mkdir,connect";
    let mut recording = Recorder::bare()
        .args(arguments.iter().map(String::as_str))
        .traced(&["-e", calls, "-e", &delay], &file)
        .start();
    recording.until_at_least(chunks, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    let session = recording.interrupt().session();
    (trace::read(&file), session)
}

/// The first call after another was through.
fn after<'a>(calls: &'a [Call], before: &Call, is: impl Fn(&Call) -> bool) -> Option<&'a Call> {
    calls
        .iter()
        .find(|call| call.began > before.ended && is(call))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn is_commit(call: &Call) -> bool {
    call.name == "pwrite64" && call.path() == WAL
}

/// A directory is synced after a call that changed it, and before anything is committed.
fn assert_synced(calls: &[Call], changing: &Call, is_directory: impl Fn(&Call) -> bool) {
    let sync = after(calls, changing, |c| c.name == "fsync" && is_directory(c));
    let sync = sync.unwrap_or_else(|| panic!("no directory was synced after {changing:?}"));
    assert!(sync.is_good());
    let commit = after(calls, changing, is_commit);
    assert!(
        commit.is_none_or(|commit| commit.began > sync.ended),
        "{changing:?} was committed ({commit:?}) before {sync:?}"
    );
}

#[test]
fn each_chunk_goes_through_all_steps_in_their_order() {
    let (calls, session) = recorded_three();
    let renames: Vec<&Call> = calls.iter().filter(|c| c.is(&RENAME)).collect();
    for path in session.list::<String>("SELECT path FROM body WHERE path IS NOT NULL") {
        let target = format!("/chunks/{path}");
        let rename = renames.iter().find(|c| c.paths.last() == Some(&target));
        let rename = rename.unwrap_or_else(|| panic!("{path} was not renamed into its place"));
        let temporary = rename.path();
        assert!(temporary.starts_with("/chunks/.tmp/"), "{rename:?}");
        let of_file: Vec<&Call> = calls
            .iter()
            .filter(|c| c.path() == temporary && c.is_good())
            .collect();
        let made = of_file.iter().find(|c| c.name == "openat").unwrap();
        assert!(made.arguments.contains("O_CREAT|O_EXCL"), "{made:?}");
        let sync = of_file.iter().find(|c| c.name == "fdatasync");
        let sync = sync.unwrap_or_else(|| panic!("{path}: its data was not synced"));
        let last = of_file.iter().rfind(|c| c.name == "write").unwrap();
        assert!(last.ended < sync.began, "{last:?}, {sync:?}");
        assert!(sync.ended < rename.began, "{sync:?}, {rename:?}");
        assert_synced(&calls, rename, |c| c.path() == parent(&target));
    }
}

#[test]
fn each_folder_lasts_before_anything_in_it_counts() {
    let (calls, _) = recorded_three();
    let made: Vec<&Call> = calls
        .iter()
        .filter(|c| c.name.starts_with("mkdir") && c.is_good())
        .collect();
    let of_session: Vec<&&Call> = made.iter().filter(|c| !c.paths.is_empty()).collect();
    // The session's own, chunks, .tmp, and those of chunks.
    assert!(of_session.len() > 6, "{of_session:?}");
    for mkdir in of_session {
        match mkdir.path() {
            "" => assert_synced(&calls, mkdir, |c| c.arguments.contains("/sessions>")),
            // What is lost of downloads under way is lost anyway.
            "/chunks/.tmp" => {}
            path => assert_synced(&calls, mkdir, |c| c.path() == parent(path)),
        }
    }
}

/// Beginnings and ends of calls, in their order.
fn edges(calls: &[Call]) -> Vec<(&Call, bool)> {
    let of_call = |call| [(call, true), (call, false)];
    let mut edges: Vec<(&Call, bool)> = calls.iter().flat_map(of_call).collect();
    edges.sort_by_key(|(call, begins)| match begins {
        true => (call.began, 0),
        false => (call.ended, 1),
    });
    edges
}

/// The commits that were synced until a call began of which `is_last` is true, or to the end;
/// `before` is told each call that begins, and what was not synced by then.
fn synced_commits(
    calls: &[Call],
    is_last: impl Fn(&Call) -> bool,
    before: impl Fn(&Call, Option<&Call>),
) -> usize {
    let mut unsynced: Option<&Call> = None;
    let mut commits = 0;
    for (call, begins) in edges(calls) {
        if begins && is_last(call) {
            return commits;
        } else if begins {
            before(call, unsynced);
        }
        if is_commit(call) {
            unsynced = Some(call);
        } else if !begins && call.is(&SYNC) && call.path() == WAL && call.is_good() {
            commits += usize::from(unsynced.is_some());
            unsynced = None;
        }
    }
    commits
}

#[test]
fn each_commit_is_on_the_disk_before_the_next_chunk_is_placed() {
    let (calls, _) = recorded_three();
    let commits = synced_commits(
        &calls,
        |_| false,
        |call, unsynced| {
            let is_early = call.is(&RENAME) && unsynced.is_some();
            assert!(!is_early, "{unsynced:?} was not synced before {call:?}");
        },
    );
    assert!(commits > 5, "{commits}");
}

#[test]
fn nothing_is_asked_for_before_its_stream_is_on_the_disk() {
    let origin = Origin::new(three::reply);
    let (calls, _) = recorded(&[origin.url("/one/live.m3u8")], 1, 300);
    let asks = |call: &Call| call.name == "connect" && call.arguments.contains("AF_INET");
    assert!(calls.iter().any(asks));
    let commits = synced_commits(&calls, asks, |_, _| {});
    let first = calls.iter().find(|c| asks(c)).unwrap();
    let written = calls
        .iter()
        .rfind(|c| c.began < first.began && is_commit(c))
        .unwrap();
    let synced = |c: &Call| c.is(&SYNC) && c.path() == WAL && c.ended < first.began;
    assert!(
        after(&calls, written, synced).is_some(),
        "{written:?} was not synced before {first:?}"
    );
    // The head of the WAL, the schema, and the stream.
    assert!(commits >= 3, "{commits}");
}
