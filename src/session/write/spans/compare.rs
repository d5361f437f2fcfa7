//! Whether a file is a span of another, byte for byte.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes that are compared at a time.
const STEP: usize = 64 * 1024;

/// Whether `whole` has from byte `first` on the first `size` bytes of `part`.
pub(super) fn is_at(whole: &File, first: u64, part: &File, size: u64) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; STEP], vec![0; STEP]);
    let mut done = 0;
    while done < size {
        let step = usize::try_from(size - done).unwrap_or(STEP).min(STEP);
        left.truncate(step);
        right.truncate(step);
        whole.read_exact_at(&mut left, first.saturating_add(done))?;
        part.read_exact_at(&mut right, done)?;
        if left != right {
            return Ok(false);
        }
        done += step as u64;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_span_is_found_whatever_its_place_and_any_other_byte_is_seen() {
        let whole: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let whole_file = file(&whole);
        for (first, size) in [
            (0, 1),
            (0, 200_000),
            (3, 65_536),
            (65_535, 70_000),
            (199_999, 1),
        ] {
            let part = &whole[first..first + size];
            let is_at =
                |part: &[u8]| is_at(&whole_file, first as u64, &file(part), size as u64).unwrap();
            assert!(is_at(part), "{first} {size}");
            for other in [0, size / 2, size - 1] {
                let mut part = part.to_vec();
                part[other] ^= 1;
                assert!(!is_at(&part), "{first} {size} {other}");
            }
        }
        let beyond = is_at(&whole_file, 199_999, &file(b"ab"), 2);
        assert!(beyond.is_err());
    }
}
