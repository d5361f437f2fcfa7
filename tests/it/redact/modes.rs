//! Who may read a session may read its copy, and nobody else.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::pen::write;
use super::{issession, said};

fn mode(path: &Path) -> u32 {
    metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn folders_and_files_of_a_copy_have_the_modes_of_the_session() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        pen.text("http://origin.example/live.m3u8", b"#EXTM3U\n");
        pen.chunk("http://origin.example/v/1.ts", &[0, 1]);
        pen.chunk("http://origin.example/v/1.vtt", b"WEBVTT\n");
    });
    let sessions = folder.path().join("sessions");
    let (old, new) = (sessions.join("session1"), sessions.join("new"));
    let modes = [
        ("chunks/v/1.ts", 0o440),
        ("chunks/v/1.vtt", 0o604),
        ("chunks/v", 0o751),
        ("chunks", 0o751),
        ("session.db", 0o664),
        ("", 0o755),
    ];
    for (path, mode) in modes {
        set_permissions(old.join(path), Permissions::from_mode(mode)).unwrap();
    }
    let output = issession(folder.path(), &["redact", "session1", "new"]);
    assert!(output.status.success(), "{}", said(&output));
    for (path, wanted) in modes {
        assert_eq!(mode(&new.join(path)), wanted, "{path}");
    }
    assert_eq!(mode(&new.join("session.sum")), 0o664);
}
