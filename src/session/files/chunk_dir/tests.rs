use super::*;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

fn chunks() -> (tempfile::TempDir, ChunkDir) {
    let session = tempfile::tempdir().unwrap();
    let chunks = ChunkDir::to_write(session.path()).unwrap();
    (session, chunks)
}

fn finished(chunks: &ChunkDir, id: i64, content: &[u8]) -> Place {
    let name = TemporaryName::for_exchange(id);
    let mut file = chunks.create_temporary(&name).unwrap();
    file.write_all(content).unwrap();
    Place::Temporary(name)
}

fn path(text: &str) -> ChunkPath {
    ChunkPath::parse(text).unwrap()
}

#[test]
fn a_chunk_is_never_renamed_over_another() {
    let (session, chunks) = chunks();
    let mut changed = Changed::new();
    let one = finished(&chunks, 1, b"one");
    let two = finished(&chunks, 2, b"two");
    let target = path("a/b/seg.ts");
    assert!(chunks.place(&one, &target, &mut changed).unwrap());
    assert!(!chunks.place(&two, &target, &mut changed).unwrap());
    let kept = session.path().join("chunks/a/b/seg.ts");
    assert_eq!(fs::read(&kept).unwrap(), b"one");
    assert_eq!(changed.len(), 3, "chunks, a and a/b: {changed:?}");
    chunks.sync(&changed).unwrap();
    chunks.put_back(&two, &target, &mut changed).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"two");
}

#[test]
fn no_link_leads_a_chunk_out_of_the_session() {
    let ((session, chunks), elsewhere) = (chunks(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), session.path().join("chunks/a")).unwrap();
    let one = finished(&chunks, 1, b"one");
    for placed in [
        chunks
            .place(&one, &path("a/seg.ts"), &mut Changed::new())
            .map(|_| ()),
        chunks.put_back(&one, &path("a/b/seg.ts"), &mut Changed::new()),
        chunks.create(&path("a/seg.ts")).map(|_| ()),
    ] {
        assert_eq!(placed.unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_chunk_has_no_path() {
    for other in [".tmp", ".tmp/1", ".TMP/1", "../a", "/a", "", "a//b"] {
        assert!(ChunkPath::parse(other).is_err(), "{other}");
    }
    assert!(ChunkPath::of_row(b"a/\xff").is_err());
    assert!(ChunkPath::of_row("a/ü.ts".as_bytes()).is_ok());
}

#[test]
fn a_chunk_has_the_size_that_its_row_says() {
    let (session, chunks) = chunks();
    fs::write(session.path().join("chunks/a.ts"), b"12").unwrap();
    assert!(chunks.open("a.ts", 5).is_err());
    assert!(chunks.open("../session.db", 2).is_err());
    assert_eq!(chunks.open("a.ts", 2).unwrap().size, 2);
}

#[test]
fn a_folder_of_chunks_that_is_a_link_is_none() {
    let (session, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), session.path().join("chunks")).unwrap();
    assert!(ChunkDir::of_session(session.path()).is_err());
    assert!(ChunkDir::to_write(session.path()).is_err());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn the_folders_that_a_removal_leaves_empty_go_and_others_stay() {
    let (session, chunks) = chunks();
    fs::create_dir_all(session.path().join("chunks/a/b/c")).unwrap();
    fs::write(session.path().join("chunks/a/b/c/1.ts"), b"").unwrap();
    fs::write(session.path().join("chunks/a/2.ts"), b"").unwrap();
    chunks.remove(path("a/b/c/1.ts").plain()).unwrap();
    assert!(!session.path().join("chunks/a/b").exists());
    assert!(session.path().join("chunks/a/2.ts").exists());
}
