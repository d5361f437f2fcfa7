//! A session that lost chunks and was repaired can be shared, too.

use super::pen::write;
use super::{issession, said};
use crate::support::session::Session;

#[test]
fn what_a_repair_marked_as_lost_stays_lost_in_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        pen.chunk(
            "http://origin.example/live/a.ts?k=kJ8sd7Hh2s9dKq0P",
            &[0x47, 0, 1],
        );
        pen.chunk("http://origin.example/live/b.ts", &[0x47, 0, 2]);
    });
    let old = folder.path().join("sessions/session1");
    std::fs::remove_file(old.join("chunks/live/a.ts")).unwrap();
    let refused = issession(folder.path(), &["redact", "session1", "new"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("a.ts"), "{}", said(&refused));
    assert!(!folder.path().join("sessions/new").exists());

    for arguments in [&["repair", "session1"][..], &["redact", "session1", "new"]] {
        let output = issession(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    let new = folder.path().join("sessions/new");
    assert!(!new.join("chunks/live/a.ts").exists());
    assert_eq!(
        std::fs::read(new.join("chunks/live/b.ts")).unwrap(),
        [0x47, 0, 2]
    );
    let checked = issession(folder.path(), &["check", "new", "--hashes"]);
    let told = said(&checked);
    assert_eq!(checked.status.code(), Some(0), "{told}");
    assert!(told.contains("note: chunks/live/a.ts is lost"), "{told}");
    Session::open(folder, "new");
}
