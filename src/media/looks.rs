//! What a body is that is none of the formats of media. Pure.

use super::facts::NoMedia;

/// So many bytes are looked at.
const LOOKED_AT: usize = 64 << 10;
/// Of fewer bytes nobody can say that they look like noise.
const LEAST_NOISE: usize = 4 << 10;
/// Blocks of AES.
const BLOCK: usize = 16;

/// What it is.
pub fn no_media(bytes: &[u8]) -> NoMedia {
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let plain = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let plain = plain.trim_ascii_start();
    if bytes.is_empty() {
        NoMedia::Empty
    } else if plain.starts_with(b"#EXTM3U") {
        NoMedia::Playlist
    } else if is_html(plain) {
        NoMedia::Html
    } else if is_image(start) {
        NoMedia::Image
    } else if is_text(start, start.len() < bytes.len()) {
        NoMedia::Text
    } else if bytes.len().is_multiple_of(BLOCK) && is_noise(start) {
        NoMedia::Noise
    } else {
        NoMedia::Unknown
    }
}

fn is_html(bytes: &[u8]) -> bool {
    let begins = |with: &str| {
        let start = bytes.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    };
    ["<!doctype html", "<html", "<head", "<body"]
        .into_iter()
        .any(begins)
}

fn is_image(bytes: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 5] = [
        b"\x89PNG\r\n",
        b"\xFF\xD8\xFF",
        b"GIF87a",
        b"GIF89a",
        b"\0\0\0\x0CJXL ",
    ];
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    is_webp || BEGINNINGS.iter().any(|one| bytes.starts_with(one))
}

fn is_text(bytes: &[u8], is_cut: bool) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(_) => bytes,
        // A character may stand across the end of what is looked at.
        Err(error) if is_cut && error.error_len().is_none() => &bytes[..error.valid_up_to()],
        Err(_) => return false,
    };
    text.iter()
        .all(|byte| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C))
}

/// All values of a byte are about as frequent: what the bytes are squared off that is small.
fn is_noise(bytes: &[u8]) -> bool {
    if bytes.len() < LEAST_NOISE {
        return false;
    }
    let mut counts = [0_u64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    // Pearson's test: 255 is what is expected of noise, 400 is seen once in a hundred million times.
    let length = bytes.len() as u64;
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    squares * 256 / length < length + 400
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_media_is_told_by_its_look() {
        assert_eq!(no_media(b""), NoMedia::Empty);
        assert_eq!(no_media(b"\n <!DOCTYPE HTML><p>"), NoMedia::Html);
        assert_eq!(no_media(b"#EXTM3U\n"), NoMedia::Playlist);
        assert_eq!(no_media("Nicht gefunden: ä".as_bytes()), NoMedia::Text);
        assert_eq!(no_media(b"\x89PNG\r\n\x1A\n"), NoMedia::Image);
        assert_eq!(no_media(&[0; 8192]), NoMedia::Unknown);
        let mut state = 1_u32;
        let mut noise = vec![0; 65_536];
        for byte in &mut noise {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            *byte = (state >> 11) as u8;
        }
        assert_eq!(no_media(&noise), NoMedia::Noise);
        assert_eq!(no_media(&noise[1..]), NoMedia::Unknown, "no whole blocks");
    }
}
