//! Sessions that were written by hand, archived, and brought back: nothing is answered otherwise; and a store that fails at each
//! request.

use proptest::prelude::*;

use super::*;
use crate::archive::names::VolumeName;
use crate::session::write::keep::tests::history::{Channel, History, Poll, SECOND, channel};
use crate::session::{
    Availability, DownloadFile, Kind, NewExchange, NewListing, Outcome, Reader, ResourceKey,
    SessionFolder, Sessions,
};
use crate::store::testing::{Fails, Objects};
use crate::upkeep::clip::tests::{Player, after, polls, reached};

const VOLUME: i64 = 5 * SECOND;

/// All volumes that there are.
pub(crate) fn archive_until(
    session: &SessionFolder,
    objects: &Objects,
    fails: Fails,
    until_us: Option<i64>,
) -> Result<Vec<Told>, ArchiveError> {
    let mut archiver = Archiver::new(session, objects.store(fails), VOLUME)?;
    let mut told = Vec::new();
    loop {
        match archiver.step(until_us)? {
            Step::Volume(one) => told.push(one),
            Step::Skipped(_, why) => panic!("{why}"),
            Step::Passed => {}
            Step::Idle => return Ok(told),
        }
    }
}

pub(crate) fn archive(session: &SessionFolder, objects: &Objects) -> Vec<Told> {
    archive_until(session, objects, Fails::Never, None).unwrap()
}

fn fetched(
    objects: &Objects,
    (from_us, to_us): (i64, i64),
    stream: Option<&str>,
) -> (tempfile::TempDir, SessionFolder, Fetched) {
    let temporary = tempfile::tempdir().unwrap();
    let (work, sessions) = (
        temporary.path().join("work"),
        Sessions::new(temporary.path()),
    );
    std::fs::create_dir(&work).unwrap();
    let wanted = FetchWanted {
        from_us,
        to_us,
        stream: stream.map(str::to_owned),
        writer: None,
    };
    let done = fetch(
        &objects.store(Fails::Never),
        &sessions,
        "back",
        &wanted,
        &work,
    )
    .unwrap();
    let folder = sessions.find("back").unwrap();
    (temporary, folder, done)
}

fn checked(objects: &Objects) -> ArchiveReport {
    let work = tempfile::tempdir().unwrap();
    check(&objects.store(Fails::Never), None, true, work.path()).unwrap()
}

/// What was fetched answers as the session does.
fn is_the_same(history: &History, objects: &Objects, (from_us, to_us): (i64, i64)) {
    let reader = Reader::open(&history.folder).unwrap();
    let player = Player {
        reader: &reader,
        to_us,
    };
    let all = reached(&player, (from_us, to_us));
    let last = history.first.saturating_sub(2) + history.channel.window;
    let before = player.answers(&all, last);
    let (_temporary, folder, done) = fetched(objects, (from_us, to_us), None);
    assert_eq!((done.clip.lost, done.missing_us), (0, 0), "{done:?}");
    let report = crate::upkeep::check(&folder, true);
    assert!(report.ok, "{:?}", report.problems);
    let reader = Reader::open(&folder).unwrap();
    assert_eq!(reader.runs().unwrap()[0].started_us, from_us);
    let begin = format!("clip of {}, from ", history.folder.name());
    assert!(reader.clip_of().unwrap().unwrap().starts_with(&begin));
    let player = Player {
        reader: &reader,
        to_us,
    };
    for (asked, answer) in player.answers(&all, last) {
        assert_eq!(Some(&answer), before.get(&asked), "{asked}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_is_fetched_answers_as_the_session_did(
        channel in channel(),
        (late, raw) in any::<(bool, bool)>(),
        polls in polls(),
        looks in prop::collection::vec(0..32_usize, 0..3),
        span in (0..1000_i64, 1..1000_i64),
    ) {
        let objects = Objects::default();
        let mut history = History::new(Channel { late, raw, ..channel });
        for (number, poll) in polls.iter().enumerate() {
            history.poll(*poll);
            // Volumes are made while it is being recorded, too: here of what was a second before.
            if looks.contains(&number) {
                let end_us = history.now_us;
                let seen = "UPDATE run SET seen_us = ?1 WHERE stopped_us IS NULL";
                history.store.db.execute(seen, [end_us]).unwrap();
                archive_until(&history.folder, &objects, Fails::Never, Some(end_us - SECOND)).unwrap();
            }
        }
        history.now_us += SECOND;
        history.end();
        archive(&history.folder, &objects);
        let report = checked(&objects);
        prop_assert!(report.ok, "{:?}", report.problems);
        let length = history.now_us - history.zero_us;
        let from_us = history.zero_us + length * span.0 / 1001;
        let to_us = from_us + 1 + (history.now_us - from_us - 1) * span.1 / 1000;
        is_the_same(&history, &objects, (from_us, to_us));
    }
}

/// Names of volumes without their writer.
fn volumes(objects: &Objects) -> Vec<(String, i64)> {
    let keys = objects.keys();
    let named = keys.iter().filter_map(|key| VolumeName::of_manifest(key));
    named.map(|name| (name.stream, name.from_us)).collect()
}

fn forget(history: &History) {
    let _ = std::fs::remove_file(history.folder.path().join("archive.json"));
}

#[test]
fn whichever_request_fails_each_volume_is_there_once_and_whole() {
    let channel = Channel {
        raw: true,
        ..Channel::default()
    };
    let history = after(channel, &[Poll::Advance(1); 9]);
    let whole = Objects::default();
    archive(&history.folder, &whole);
    let requests = whole.asked();
    assert!((20..300).contains(&requests), "{requests}");
    let expected = volumes(&whole);
    assert!(expected.len() >= 4, "{expected:?}");
    let mut met = 0;
    for number in 0..requests {
        for fails in [Fails::Before(number), Fails::After(number)] {
            forget(&history);
            let objects = Objects::default();
            let first = archive_until(&history.folder, &objects, fails, None);
            met += usize::from(first.is_err());
            archive(&history.folder, &objects);
            assert_eq!(volumes(&objects), expected, "{fails:?}");
            let report = checked(&objects);
            assert!(report.ok, "{fails:?}: {:?}", report.problems);
            assert_eq!(report.chunks, checked(&whole).chunks);
        }
    }
    assert_eq!(met, 2 * requests);
}

#[test]
fn a_session_that_went_on_after_it_was_archived_is_archived_on() {
    let objects = Objects::default();
    let mut history = History::new(Channel::default());
    for _ in 0..8 {
        history.poll(Poll::Advance(1));
    }
    // It was killed.
    let seen = "UPDATE run SET seen_us = ?1 WHERE stopped_us IS NULL";
    history.store.db.execute(seen, [history.now_us]).unwrap();
    let first = archive(&history.folder, &objects);
    assert_eq!(first.last().unwrap().to_us, history.now_us);
    // Its cursor was not written any more: what is in the store counts.
    let cursor = history.folder.path().join("archive.json");
    let before = std::fs::read_to_string(&cursor).unwrap();
    let earlier = before.replace(
        &history.now_us.to_string(),
        &first.last().unwrap().from_us.to_string(),
    );
    std::fs::write(&cursor, earlier).unwrap();
    history.poll(Poll::Hole);
    for _ in 0..6 {
        history.poll(Poll::Advance(1));
    }
    history.end();
    let more = archive(&history.folder, &objects);
    assert!(
        more[0].was_there && more[0].to_us == first.last().unwrap().to_us,
        "{more:?}"
    );
    assert!(more[1..].iter().all(|one| !one.was_there), "{more:?}");
    assert_eq!(archive(&history.folder, &objects), []);
    assert_eq!(checked(&objects).problems, [""; 0]);
    is_the_same(&history, &objects, (history.zero_us, history.now_us));
}

/// A chunk that takes two minutes: it was listed by the end of a volume, and has come in a much later one.
#[test]
fn what_comes_long_after_its_volume_is_fetched_with_it() {
    let objects = Objects::default();
    let mut history = History::new(Channel::default());
    for _ in 0..6 {
        history.poll(Poll::Advance(1));
    }
    let resource = ResourceKey {
        stream_id: history.stream_id,
        kind: Kind::Data,
        url: "http://h/live/slow.json".to_owned(),
        range: None,
    };
    let listed_us = history.now_us;
    let listing = NewListing {
        revision: history.brought_by,
        from_us: listed_us,
        pending: vec![resource.clone()],
        ..NewListing::default()
    };
    history.store.listed(&listing).unwrap();
    let id = history.next_id;
    history.next_id += 1;
    let mut slow = NewExchange::requested(
        id,
        resource.clone(),
        Availability::Listed(listed_us),
        listed_us,
    );
    slow.referrer_id = Some(history.brought_by);
    for _ in 0..130 {
        history.poll(Poll::Advance(1));
    }
    let seen = "UPDATE run SET seen_us = ?1 WHERE stopped_us IS NULL";
    history.store.db.execute(seen, [history.now_us]).unwrap();
    archive_until(
        &history.folder,
        &objects,
        Fails::Never,
        Some(history.now_us - SECOND),
    )
    .unwrap();
    let mut file = DownloadFile::create(&history.folder.chunks(), 1_000_000).unwrap();
    file.write(b"at last").unwrap();
    (slow.status, slow.outcome) = (Some(200), Outcome::Complete);
    (slow.wait_us, slow.receive_us) = (Some(20_000), Some(history.now_us - listed_us));
    slow.body = file.finish().unwrap();
    slow.chunk_path = Some("live/slow.json".to_owned());
    history.store.exchange(&mut slow).unwrap();
    for _ in 0..10 {
        history.poll(Poll::Advance(1));
    }
    history.end();
    archive(&history.folder, &objects);
    let span = (listed_us - SECOND, listed_us + 2 * SECOND);
    let (_temporary, folder, _) = fetched(&objects, span, Some("main"));
    let reader = Reader::open(&folder).unwrap();
    let found = reader.list("SELECT from_us FROM exchange WHERE id = ?1", [id], |row| {
        row.get::<_, i64>(0)
    });
    assert_eq!(found.unwrap(), [listed_us]);
    assert!(folder.chunks().join("live/slow.json").exists());
}

#[test]
fn what_is_wrong_with_an_archive_is_found_and_each_says_where() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let objects = Objects::default();
    archive(&history.folder, &objects);
    let keys = objects.keys();
    let one = |end: &str| keys.iter().find(|key| key.ends_with(end)).unwrap().clone();
    let chunk = keys
        .iter()
        .find(|key| key.starts_with("chunks/"))
        .unwrap()
        .clone();
    let (database, manifest) = (one(".db.zst"), one(".json"));
    let found = |damage: &dyn Fn(), key: &str, what: &str| {
        let before = objects.get(key);
        damage();
        let report = checked(&objects);
        assert!(
            !report.ok && report.problems.iter().any(|problem| problem.contains(what)),
            "{what}: {report:?}"
        );
        objects.put(key, before);
        assert_eq!(checked(&objects).problems, [""; 0]);
    };
    let other = |key: &str| -> Vec<u8> { objects.get(key).iter().map(|byte| byte ^ 1).collect() };
    found(
        &|| objects.remove(&chunk),
        &chunk,
        &format!("{chunk}, which is not there"),
    );
    found(&|| objects.put(&chunk, "x"), &chunk, "has 1 bytes");
    found(
        &|| objects.put(&chunk, other(&chunk)),
        &chunk,
        "has other content",
    );
    found(
        &|| objects.remove(&database),
        &database,
        "which is not there",
    );
    found(
        &|| objects.put(&database, "x"),
        &database,
        "has 1 bytes, its manifest says",
    );
    found(
        &|| objects.put(&database, other(&database)),
        &database,
        "has another SHA-256",
    );
    found(&|| objects.put(&manifest, "{"), &manifest, "is no manifest");
    let text = String::from_utf8(objects.get(&manifest).to_vec()).unwrap();
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        text.replace(from, to)
    };
    for (from, to, what) in [
        ("\"format\": 1", "\"format\": 2", "is of format 2"),
        (
            "\"stream\": \"main\"",
            "\"stream\": \"other\"",
            "is that of another volume",
        ),
        (
            "\"key\": \"streams/main",
            "\"key\": \"../streams/main",
            "that no volume has",
        ),
        ("\"day\": \"2", "\"day\": \"../2", "that no volume has"),
        (
            "\"unpacked_bytes\": ",
            "\"unpacked_bytes\": 1",
            "is of another size, unpacked",
        ),
    ] {
        found(
            &|| objects.put(&manifest, changed(from, to)),
            &manifest,
            what,
        );
    }
    objects.put("streams/main/2026-11-30/note.txt", "of somebody else");
    assert!(checked(&objects).ok);
}

#[test]
fn a_chunk_that_is_lost_is_lost_in_what_is_fetched_and_counted() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let objects = Objects::default();
    archive(&history.folder, &objects);
    let chunk = objects
        .keys()
        .into_iter()
        .find(|key| key.starts_with("chunks/"))
        .unwrap();
    objects.put(&chunk, "x");
    let (_temporary, folder, done) = fetched(&objects, (history.zero_us, history.now_us), None);
    assert_eq!(done.clip.lost, 1);
    assert!(crate::upkeep::check(&folder, true).ok);
}

#[test]
fn a_file_that_is_no_longer_what_its_row_says_is_not_uploaded_under_its_name() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let path: String = history
        .store
        .db
        .query_row(
            "SELECT path FROM body WHERE path IS NOT NULL LIMIT 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let file = history.folder.chunks().join(path);
    let other: Vec<u8> = std::fs::read(&file)
        .unwrap()
        .iter()
        .map(|byte| byte ^ 1)
        .collect();
    std::fs::write(&file, other).unwrap();
    let objects = Objects::default();
    archive(&history.folder, &objects);
    assert_eq!(checked(&objects).problems, [""; 0]);
    let (_temporary, folder, done) = fetched(&objects, (history.zero_us, history.now_us), None);
    assert_eq!(done.clip.lost, 1);
    assert!(crate::upkeep::check(&folder, true).ok);
}

#[test]
fn what_an_archive_does_not_have_is_refused_with_what_it_has() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let objects = Objects::default();
    archive(&history.folder, &objects);
    let refused = |from_us, to_us, stream: Option<&str>| {
        let temporary = tempfile::tempdir().unwrap();
        let wanted = FetchWanted {
            from_us,
            to_us,
            stream: stream.map(str::to_owned),
            writer: None,
        };
        let store = objects.store(Fails::Never);
        let sessions = Sessions::new(temporary.path().join("sessions"));
        fetch(&store, &sessions, "back", &wanted, temporary.path())
            .unwrap_err()
            .to_string()
    };
    let (zero_us, end_us) = (history.zero_us, history.now_us);
    assert!(refused(zero_us, end_us, Some("x")).contains("no stream \"x\"; there are: main"));
    assert!(refused(end_us, zero_us, None).contains("is not behind"));
    assert!(refused(zero_us - 1, end_us, None).contains("there is something from"));
    assert!(
        refused(zero_us - 100 * SECOND, zero_us - 50 * SECOND, None)
            .contains("nothing is archived of")
    );
    let volume = Archiver::new(&history.folder, objects.store(Fails::Never), 7 * SECOND);
    assert!(
        volume
            .unwrap_err()
            .to_string()
            .contains("a day must be a whole number")
    );
}

/// One volume, made in steps of which some fail.
fn in_one_volume(history: &History, objects: &Objects, fails: Fails) -> Archiver {
    Archiver::new(&history.folder, objects.store(fails), 3600 * SECOND).unwrap()
}

/// The path of a chunk that the session has of its first stream.
fn a_chunk(history: &History) -> std::path::PathBuf {
    let sql = "SELECT path FROM body b JOIN exchange e ON e.body_id = b.id JOIN resource r ON r.id = e.resource_id
        JOIN stream s ON s.id = r.stream_id WHERE path IS NOT NULL AND s.name = 'main' LIMIT 1";
    let path: String = history
        .store
        .db
        .query_row(sql, [], |row| row.get(0))
        .unwrap();
    history.folder.chunks().join(path)
}

#[test]
fn through_a_store_that_fails_now_and_then_for_ever_a_large_volume_is_done() {
    let history = after(Channel::default(), &[Poll::Advance(1); 240]);
    for seed in 0..3 {
        forget(&history);
        let objects = Objects::default();
        let mut archiver = in_one_volume(&history, &objects, Fails::Often(seed));
        let mut asked = 0;
        while !matches!(archiver.step(None), Ok(Step::Idle)) {
            asked = objects.asked();
            assert!(asked < 3000, "{asked}");
        }
        let report = checked(&objects);
        assert!(report.ok && report.chunks >= 240, "{asked}: {report:?}");
    }
}

/// Runs this test again as a user who may not read all files, where this one may; `true`: it was.
fn as_somebody(name: &str) -> bool {
    use std::os::unix::process::CommandExt as _;
    if !rustix::process::getuid().is_root() {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o777);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("TMPDIR", folder.path())
        .uid(65_534)
        .gid(65_534)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    true
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_may_not_be_read_for_now_is_not_lost() {
    if as_somebody("archive::tests::a_file_that_may_not_be_read_for_now_is_not_lost") {
        return;
    }
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let (objects, file) = (Objects::default(), a_chunk(&history));
    let mut archiver = in_one_volume(&history, &objects, Fails::Before(0));
    archiver.step(None).unwrap_err();
    set_mode(&file, 0);
    let error = archiver.step(None).unwrap_err().to_string();
    assert!(error.contains("chunks/"), "{error}");
    set_mode(&file, 0o600);
    while archiver.step(None).unwrap() != Step::Idle {}
    assert_eq!(checked(&objects).problems, [""; 0]);
    let (_temporary, _, done) = fetched(&objects, (history.zero_us, history.now_us), None);
    assert_eq!(done.clip.lost, 0);
}

#[test]
fn what_is_lost_at_one_attempt_is_lost_in_all_that_the_volume_says() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let file = a_chunk(&history);
    let good = std::fs::read(&file).unwrap();
    let altered: Vec<u8> = good.iter().map(|byte| byte ^ 1).collect();
    let mut failed = 0;
    for number in 0.. {
        forget(&history);
        let objects = Objects::default();
        let mut archiver = in_one_volume(&history, &objects, Fails::Before(number));
        std::fs::write(&file, &altered).unwrap();
        let first = archiver.step(None);
        std::fs::write(&file, &good).unwrap();
        while archiver.step(None).unwrap() != Step::Idle {}
        assert_eq!(checked(&objects).problems, [""; 0], "{number}");
        if first.is_ok() {
            break;
        }
        failed += 1;
    }
    assert!(failed > 9, "{failed}");
}

/// How many volumes of each stream there are.
fn of(objects: &Objects, stream: &str) -> usize {
    let of_stream = |(name, _): &(String, i64)| name == stream;
    volumes(objects).iter().filter(|one| of_stream(one)).count()
}

#[test]
fn a_stream_whose_volume_fails_does_not_hold_up_the_others() {
    if as_somebody("archive::tests::a_stream_whose_volume_fails_does_not_hold_up_the_others") {
        return;
    }
    let channel = Channel {
        raw: true,
        ..Channel::default()
    };
    let history = after(channel, &[Poll::Advance(1); 20]);
    let whole = Objects::default();
    archive(&history.folder, &whole);
    forget(&history);
    set_mode(&a_chunk(&history), 0);
    let objects = Objects::default();
    let mut archiver = Archiver::new(&history.folder, objects.store(Fails::Never), VOLUME).unwrap();
    for _ in 0..4 * volumes(&whole).len() {
        let _ = archiver.step(None);
    }
    assert_eq!(of(&objects, "radio"), of(&whole, "radio"));
    assert!(of(&objects, "radio") > 1 && of(&objects, "main") < of(&whole, "main"));
    // What it has not come to is held.
    assert!(archiver.until_us().is_none_or(|us| us < history.now_us));
}

#[test]
fn a_stream_that_can_have_no_folder_is_skipped_and_told() {
    let channel = Channel {
        raw: true,
        ..Channel::default()
    };
    let history = after(channel, &[Poll::Advance(1); 9]);
    let long = "x".repeat(2000);
    let rename = "UPDATE stream SET name = ?1 WHERE name = 'radio'";
    history.store.db.execute(rename, [&long]).unwrap();
    let objects = Objects::default();
    let mut archiver = Archiver::new(&history.folder, objects.store(Fails::Never), VOLUME).unwrap();
    let mut skipped = 0;
    loop {
        match archiver.step(None).unwrap() {
            Step::Skipped(told, why) => {
                assert!(told.stream == long && why.contains("no folder"), "{why}");
                skipped += 1;
            }
            Step::Idle => break,
            _ => {}
        }
    }
    assert!(skipped > 0 && of(&objects, "main") > 1);
    // That not all of it is there is known by whoever goes on, too.
    assert!(archiver.lacks());
    drop(archiver);
    let again = Archiver::new(&history.folder, objects.store(Fails::Never), VOLUME).unwrap();
    assert!(again.lacks());
}

#[test]
fn what_keep_removed_before_it_was_archived_is_lacking_and_its_volume_says_so() {
    let mut history = History::new(Channel::default());
    for _ in 0..8 {
        history.poll(Poll::Advance(1));
    }
    let objects = Objects::default();
    let seen = "UPDATE run SET seen_us = ?1 WHERE stopped_us IS NULL";
    history.store.db.execute(seen, [history.now_us]).unwrap();
    let settled_us = history.now_us - SECOND;
    let first = archive_until(&history.folder, &objects, Fails::Never, Some(settled_us)).unwrap();
    let until_us = first.last().unwrap().to_us;
    for _ in 0..20 {
        history.poll(Poll::Advance(1));
    }
    history.end();
    let kept_us = until_us + 8 * SECOND;
    let kept = "INSERT INTO event (id, at_us, kind, detail) VALUES (0, ?1, 'kept from', '')";
    history.store.db.execute(kept, [kept_us]).unwrap();
    let mut archiver = Archiver::new(&history.folder, objects.store(Fails::Never), VOLUME).unwrap();
    assert!(!archiver.lacks());
    while archiver.step(None).unwrap() != Step::Idle {}
    assert!(archiver.lacks());
    let missing = objects.keys().into_iter().filter_map(|key| {
        VolumeName::of_manifest(&key)?;
        let manifest: serde_json::Value = serde_json::from_slice(&objects.get(&key)).unwrap();
        manifest["missing_from_us"].as_i64()
    });
    assert_eq!(missing.collect::<Vec<_>>(), [until_us]);
}

/// The store has them in several parts, and each request fails once.
#[test]
fn chunks_and_databases_larger_than_a_request_go_in_parts_and_come_back() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let whole = Objects::in_pieces_of(24);
    let all = |objects: &Objects, fails| {
        forget(&history);
        let mut archiver = in_one_volume(&history, objects, fails);
        while archiver.step(None)? != Step::Idle {}
        Ok::<_, ArchiveError>(())
    };
    all(&whole, Fails::Never).unwrap();
    let requests = whole.asked();
    assert_eq!((checked(&whole).problems, whole.aborted()), (Vec::new(), 0));
    let has_parts = |key: &String| whole.get(key).len() > 24;
    assert!(whole.keys().iter().filter(|key| has_parts(key)).count() > 5);
    is_the_same(&history, &whole, (history.zero_us, history.now_us));
    for number in (0..requests).step_by(requests / 30) {
        for fails in [Fails::Before(number), Fails::After(number)] {
            let objects = Objects::in_pieces_of(24);
            all(&objects, fails).unwrap_err();
            all(&objects, Fails::Never).unwrap();
            assert_eq!(checked(&objects).problems, [""; 0], "{fails:?}");
        }
    }
}

#[test]
fn a_manifest_that_says_less_than_its_database_is_told_once_and_its_names_are_not_followed() {
    let history = after(Channel::default(), &[Poll::Advance(1); 9]);
    let objects = Objects::default();
    archive(&history.folder, &objects);
    let keys = objects.keys();
    let key = keys
        .iter()
        .find(|key| VolumeName::of_manifest(key).is_some())
        .unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&objects.get(key)).unwrap();
    assert!(manifest["chunks"]["count"].as_u64().unwrap() > 1);
    manifest["chunks"]["count"] = 1.into();
    objects.put(key, manifest.to_string());
    let report = checked(&objects);
    let of_it: Vec<_> = report
        .problems
        .iter()
        .filter(|what| what.contains(key.as_str()))
        .collect();
    assert_eq!((of_it.len(), report.problem_count), (1, 1), "{report:?}");
    assert!(
        of_it[0].contains("names more than the 1 chunk"),
        "{of_it:?}"
    );
    let all: serde_json::Value = (0..200_000).map(|id| serde_json::json!([id, 1])).collect();
    manifest["owed"] = all;
    objects.put(key, manifest.to_string());
    let report = checked(&objects);
    assert!(
        report
            .problems
            .iter()
            .any(|what| what.contains("that no volume has")),
        "{report:?}"
    );
}
