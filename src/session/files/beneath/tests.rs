use super::*;
use std::io::Read as _;
use std::os::unix::fs::symlink;

fn path(text: &str) -> PlainPath {
    PlainPath::parse(text).unwrap()
}

/// A folder with `in/a/b.ts` and `out/secret`, and the directory `in`.
fn folders() -> (tempfile::TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("in/a")).unwrap();
    std::fs::create_dir(folder.path().join("out")).unwrap();
    std::fs::write(folder.path().join("in/a/b.ts"), "inside").unwrap();
    std::fs::write(folder.path().join("out/secret"), "outside").unwrap();
    let directory = Directory::open(&folder.path().join("in")).unwrap();
    (folder, directory)
}

#[test]
fn only_plain_paths_are_paths() {
    for plain in ["a", "a/b.ts", "...", "a/..b", "a b/\u{202e}\n\t", "-", ".x"] {
        assert!(PlainPath::parse(plain).is_some(), "{plain:?}");
    }
    assert!(PlainPath::parse(OsStr::from_bytes(b"a/\xff")).is_some());
    assert!(PlainPath::parse("a/".repeat(63) + "a").is_some());
    for other in [
        "", "/", "/a", "//a", "a/", "a//b", ".", "..", "./a", "a/.", "a/./b", "../a", "a/../b",
        "a/..", "a\0b",
    ] {
        assert!(PlainPath::parse(other).is_none(), "{other:?}");
    }
    for long in [
        "a".repeat(256),
        "a/".repeat(64) + "a",
        ("a".repeat(200) + "/").repeat(21) + "a",
    ] {
        assert!(PlainPath::parse(&long).is_none());
    }
}

#[test]
fn a_path_is_taken_apart_where_it_has_slashes() {
    let folders: Vec<_> = path("a/b/c").folders().map(|f| f.to_string()).collect();
    assert_eq!(folders, ["a", "a/b"]);
    assert_eq!(path("a/b/c").folder(), Some(path("a/b")));
    assert_eq!(path("a").folder(), None);
    assert_eq!(
        (path("a/b").name(), path("a/b").depth()),
        (OsStr::new("b"), 2)
    );
    assert_eq!(path("a").child("b"), Some(path("a/b")));
    assert_eq!(path("a").child("../b"), None);
}

/// Everything that can be done to a file, through a path that leads out by a link: nothing is done.
fn assert_untouched(directory: &Directory, through: &PlainPath) {
    assert!(directory.facts(through).is_err());
    assert!(directory.open_file(through).is_err());
    assert!(directory.remove_file(through).is_err());
    assert!(directory.remove_folder(through).is_err());
    assert!(
        directory
            .rename(through, directory, &path("stolen"))
            .is_err()
    );
    let given = path("a/b.ts");
    assert!(directory.rename(&given, directory, through).is_err());
    assert!(directory.rename_new(&given, directory, through).is_err());
    assert!(directory.create_new(through).is_err());
    assert!(directory.make_folder(through).is_err());
}

#[test]
fn nothing_is_touched_through_a_link() {
    let (folder, directory) = folders();
    symlink("../out", directory.shown().join("way")).unwrap();
    symlink(folder.path().join("out"), directory.shown().join("a/way")).unwrap();
    // Not even one that stays within.
    symlink("a", directory.shown().join("within")).unwrap();
    std::fs::create_dir(directory.shown().join("a/c")).unwrap();
    std::fs::write(directory.shown().join("a/c/d.ts"), "").unwrap();
    for through in [
        "way/secret",
        "a/way/secret",
        "way/new",
        "within/b.ts",
        "within/way/secret",
        "within/c/d.ts",
    ] {
        assert_untouched(&directory, &path(through));
    }
    assert!(directory.below(&path("way")).is_err());
    assert!(directory.below(&path("a/way")).is_err());
    assert_eq!(
        std::fs::read_dir(folder.path().join("out"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        std::fs::read(folder.path().join("in/a/b.ts")).unwrap(),
        b"inside"
    );
}

#[test]
fn a_link_itself_is_one_and_can_be_removed() {
    let (folder, directory) = folders();
    symlink("../out/secret", directory.shown().join("link")).unwrap();
    assert_eq!(directory.facts(&path("link")).unwrap().sort, Sort::Link);
    assert!(directory.open_file(&path("link")).is_err());
    assert!(directory.create_new(&path("link")).is_err());
    directory.remove_file(&path("link")).unwrap();
    assert!(folder.path().join("out/secret").exists());
}

#[test]
fn what_is_put_in_the_place_of_an_open_directory_is_never_met() {
    let (folder, directory) = folders();
    std::fs::rename(folder.path().join("in"), folder.path().join("moved")).unwrap();
    symlink("out", folder.path().join("in")).unwrap();
    directory.create_new(&path("new")).unwrap();
    assert!(folder.path().join("moved/new").exists());
    directory.remove_file(&path("a/b.ts")).unwrap();
    assert!(directory.remove_file(&path("secret")).is_err());
    assert!(folder.path().join("out/secret").exists());
}

#[test]
fn without_the_call_of_the_system_names_are_followed_one_by_one_as_strictly() {
    let (folder, directory) = folders();
    std::fs::create_dir_all(folder.path().join("in/a/c/d")).unwrap();
    symlink("../out", directory.shown().join("way")).unwrap();
    symlink("../../out", directory.shown().join("a/c/way")).unwrap();
    let handle = directory.handle.as_fd();
    for flags in [FOLDER, PASSED] {
        for (good, is_good) in [
            ("a", true),
            ("a/c/d", true),
            ("way", false),
            ("a/c/way", false),
            ("a/b.ts", false),
        ] {
            let one = by_name(handle, OsStr::new(good), flags);
            let other = resolve(handle, OsStr::new(good), flags);
            assert_eq!((one.is_ok(), other.is_ok()), (is_good, is_good), "{good}");
            assert_eq!(one.err(), other.err(), "{good}");
        }
        assert_eq!(
            by_name(handle, OsStr::new("way/x"), flags).err(),
            Some(Errno::NOTDIR)
        );
    }
}

#[test]
fn only_regular_files_are_opened() {
    let (_folder, directory) = folders();
    let fifo = directory.shown().join("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    for other in ["fifo", "a"] {
        let error = directory.open_file(&path(other)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }
    let (mut file, facts) = directory.open_file(&path("a/b.ts")).unwrap();
    let mut content = String::new();
    file.read_to_string(&mut content).unwrap();
    assert_eq!((content.as_str(), facts.size), ("inside", 6));
}

#[test]
fn a_file_is_renamed_over_another_only_where_that_is_asked_for() {
    let (_folder, directory) = folders();
    directory.create_new(&path("other")).unwrap();
    let taken = directory.rename_new(&path("other"), &directory, &path("a/b.ts"));
    assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    directory
        .rename(&path("other"), &directory, &path("a/b.ts"))
        .unwrap();
    assert_eq!(directory.facts(&path("a/b.ts")).unwrap().size, 0);
    directory
        .rename_new(&path("a/b.ts"), &directory, &path("a/c.ts"))
        .unwrap();
    assert!(directory.facts(&path("a/c.ts")).is_ok());
}

#[test]
fn an_error_names_the_path_and_keeps_the_number_of_the_system() {
    let (_folder, directory) = folders();
    let error = directory.open_file(&path("a/gone.ts")).unwrap_err();
    assert_eq!(
        (error.kind(), raw_error(&error)),
        (io::ErrorKind::NotFound, Some(Errno::NOENT))
    );
    assert!(error.to_string().contains("in/a/gone.ts"), "{error}");
}
