//! Stores that ask for patience, or never answer.

use std::io::Read;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::testing::{Fails, Objects};
use super::*;

/// Longer than anything takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn who_asks_to_be_left_alone_for_long_is_told_of_at_once() {
    let asked = Duration::from_secs(u32::MAX.into());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let store = Objects::default().store_of(Fails::Busy(asked), 2);
        let put = store.wait(store.put_new("streams/a", Bytes::from_static(b"x")));
        tell.send(put.map_err(|error| (error.trouble, error.retry_after)))
    });
    let told = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(told, Err((Trouble::Busy, Some(asked))));
}

#[test]
fn behind_a_deadline_nothing_is_waited_for() {
    let deadline = Deadline::default();
    let (tell, told) = channel();
    let objects = Objects::default();
    let store = objects.store(Fails::Hangs).until(deadline.clone());
    std::thread::spawn(move || {
        let put = store.wait(store.put_new("streams/a", Bytes::from_static(b"x")));
        let each = store.each(["a", "b"], 2, |key| store.size(key));
        tell.send([put.map(drop), each.map(drop)].map(|done| done.unwrap_err().to_string()))
    });
    let begun = crate::clock::instant();
    while objects.asked() == 0 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    assert!(!deadline.is_over());
    deadline.set(crate::clock::instant());
    for error in told.recv_timeout(PATIENCE).unwrap() {
        assert!(error.contains("was not done before the end"), "{error}");
    }
    assert!(deadline.is_over());
}

#[test]
fn a_folder_that_was_removed_or_is_another_one_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tv");
    let url = StoreUrl::Folder(path.clone());
    let store = Store::open(&url, Purpose::Write, Tries::ONE).unwrap();
    let put = |key: &str| store.wait(store.put_new(key, Bytes::from_static(b"x")));
    assert_eq!(put("streams/a").unwrap(), Put::Made);
    let away = folder.path().join("away");
    std::fs::rename(&path, &away).unwrap();
    let gone = put("streams/b").unwrap_err();
    assert_eq!(gone.trouble, Trouble::Unreachable, "it may come back");
    assert!(gone.to_string().contains("is not there any more"), "{gone}");
    assert!(!path.exists());
    let mut bytes = &[0; 64][..];
    let large = store.wait(store.put_large("chunks/a", &mut bytes, 64));
    assert_eq!(large.unwrap_err().trouble, Trouble::Unreachable);
    std::fs::create_dir(&path).unwrap();
    let other = put("streams/b").unwrap_err().to_string();
    assert!(other.contains("is another folder than it was"), "{other}");
    std::fs::remove_dir(&path).unwrap();
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(put("streams/a").unwrap(), Put::WasThere);
    assert_eq!(put("streams/b").unwrap(), Put::Made);
}

/// A file that fails at a byte.
struct FailsAt<'a>(&'a [u8], usize);

impl Read for FailsAt<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let some = to.len().min(self.1).min(self.0.len());
        if some == 0 {
            return Err(std::io::Error::other("the disk cannot be read"));
        }
        to[..some].copy_from_slice(&self.0[..some]);
        (self.0, self.1) = (&self.0[some..], self.1 - some);
        Ok(some)
    }
}

const LARGE: usize = 5 * 4096 + 17;

fn large() -> Vec<u8> {
    (0..LARGE).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_large_object_goes_in_parts_comes_in_ranges_and_a_part_that_fails_is_sent_again() {
    let content = large();
    let put = |fails, tries| {
        let objects = Objects::default();
        let store = objects.store_of(fails, tries).in_pieces_of(4096);
        let mut from = content.as_slice();
        let put = store.put_large("chunks/a", &mut from, LARGE as u64);
        (store.wait(put).is_ok(), objects)
    };
    // Made, six parts, completed.
    for number in 0..8 {
        for fails in [Fails::Before(number), Fails::After(number)] {
            let (done, objects) = put(fails, 1);
            let is_there = fails == Fails::After(7);
            let aborted = usize::from(number > 0);
            assert_eq!((done, objects.aborted()), (false, aborted), "{fails:?}");
            assert_eq!(objects.keys().len(), usize::from(is_there), "{fails:?}");
        }
    }
    for fails in [0, 3, 6, 7]
        .map(Fails::Before)
        .into_iter()
        .chain([Fails::After(3)])
    {
        let (done, objects) = put(fails, 2);
        assert_eq!(
            (done, objects.asked(), objects.aborted()),
            (true, 9, 0),
            "{fails:?}"
        );
        assert!(objects.get("chunks/a") == content, "{fails:?}");
    }
    let objects = Objects::default();
    let store = objects.store(Fails::Never).in_pieces_of(4096);
    store
        .wait(store.put_large("chunks/a", &mut content.as_slice(), LARGE as u64))
        .unwrap();
    assert_eq!((objects.asked(), objects.aborted()), (8, 0));
    let mut back = Vec::new();
    let store = objects.store(Fails::Never).in_pieces_of(4096);
    assert!(
        store
            .wait(store.get_large("chunks/a", LARGE as u64, &mut back))
            .unwrap()
    );
    assert_eq!((back == content, objects.asked()), (true, 6));
    let longer = store.get_large("chunks/a", LARGE as u64 + 1, &mut back);
    assert!(store.wait(longer).is_err());
    assert!(
        !store
            .wait(store.get_large("chunks/b", 9, &mut back))
            .unwrap()
    );
}

#[test]
fn what_was_sent_of_a_file_that_fails_is_removed() {
    let content = large();
    for at in [0, 4096, 9000, LARGE - 1] {
        let objects = Objects::default();
        let store = objects.store(Fails::Never).in_pieces_of(4096);
        let mut file = FailsAt(&content, at);
        let put = store.wait(store.put_large("chunks/a", &mut file, LARGE as u64));
        assert!(put.unwrap_err().to_string().contains("cannot be read"));
        assert_eq!((objects.aborted(), objects.keys().len()), (1, 0));
    }
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Folder(folder.path().to_owned());
    let store = Store::open(&url, Purpose::Write, Tries::ONE)
        .unwrap()
        .in_pieces_of(4096);
    let mut from = FailsAt(&content, 9000);
    let put = store.put_large("chunks/a", &mut from, LARGE as u64);
    assert!(store.wait(put).is_err());
    assert_eq!(
        std::fs::read_dir(folder.path().join("chunks"))
            .unwrap()
            .count(),
        0
    );
    let mut from = content.as_slice();
    let put = store.put_large("chunks/a", &mut from, LARGE as u64);
    store.wait(put).unwrap();
    assert!(std::fs::read(folder.path().join("chunks/a")).unwrap() == content);
}
