//! Content codings of playlists: gzip, deflate, br, zstd, asked for or not.

use std::io::{self, Read};

/// Codings that may be laid over one another: each costs up to the limit.
const MOST_CODINGS: usize = 4;

/// RFC 9659: 8 MiB, as a power of two.
const LARGEST_ZSTD_WINDOW: u32 = 23;

/// Why a body stays as it came.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    /// A coding that is not known here.
    #[error("the content coding {0:?} is not known")]
    Unknown(String),
    /// The bytes are not in that coding.
    #[error("the body is not {coding}: {source}")]
    Damaged { coding: String, source: io::Error },
    /// Nobody means that.
    #[error("{0} content codings, one in another")]
    TooMany(usize),
    /// A bomb, or much too large.
    #[error("the body decodes to more than {0} bytes")]
    TooLarge(u64),
}

/// The names in a Content-Encoding that nothing here decodes.
pub(super) fn unknown(content_encoding: &str) -> Vec<&str> {
    const KNOWN: [&str; 6] = ["identity", "gzip", "x-gzip", "deflate", "br", "zstd"];
    let is_known = |name: &&str| KNOWN.iter().any(|c| name.eq_ignore_ascii_case(c));
    let names = content_encoding.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty() && !is_known(name))
        .collect()
}

/// The decoded size of a body by its Content-Encoding (RFC 9110 8.4), at most `limit` bytes. A bomb
/// costs time, and no memory.
pub(super) fn decoded_size(
    body: &[u8],
    content_encoding: &str,
    limit: u64,
) -> Result<u64, DecodeError> {
    let damaged = |source| DecodeError::Damaged {
        coding: content_encoding.to_owned(),
        source,
    };
    // One byte more than the limit tells that there is more.
    let mut plain = reader(body, content_encoding)?.take(limit.saturating_add(1));
    match io::copy(&mut plain, &mut io::sink()).map_err(damaged)? {
        size if size > limit => Err(DecodeError::TooLarge(limit)),
        size => Ok(size),
    }
}

/// Decodes a body of which [`decoded_size`] has told the size.
pub(super) fn decode(
    body: &[u8],
    content_encoding: &str,
    size: u64,
) -> Result<Vec<u8>, DecodeError> {
    let mut plain = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let read = reader(body, content_encoding)?
        .take(size)
        .read_to_end(&mut plain);
    read.map_err(|source| DecodeError::Damaged {
        coding: content_encoding.to_owned(),
        source,
    })?;
    Ok(plain)
}

/// The body without its content codings, at whatever length: read no more of it than may be kept.
pub(super) fn decoder<'a>(
    body: impl Read + 'a,
    content_encoding: &str,
) -> Result<Box<dyn Read + 'a>, DecodeError> {
    reader(body, content_encoding)
}

/// All codings, the last one that was laid on first.
fn reader<'a>(
    body: impl Read + 'a,
    content_encoding: &str,
) -> Result<Box<dyn Read + 'a>, DecodeError> {
    let codings = content_encoding
        .split(',')
        .map(|c| c.trim().to_ascii_lowercase());
    let codings: Vec<String> = codings
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if codings.len() > MOST_CODINGS {
        return Err(DecodeError::TooMany(codings.len()));
    }
    let body: Box<dyn Read + 'a> = Box::new(body);
    codings
        .iter()
        .rev()
        .try_fold(body, |body, coding| one(body, coding))
}

fn one<'a>(body: Box<dyn Read + 'a>, coding: &str) -> Result<Box<dyn Read + 'a>, DecodeError> {
    let damaged = |source| DecodeError::Damaged {
        coding: coding.to_owned(),
        source,
    };
    Ok(match coding {
        "gzip" | "x-gzip" => Box::new(flate2::read::MultiGzDecoder::new(body)),
        "deflate" => inflated(body).map_err(damaged)?,
        "br" => Box::new(brotli::Decompressor::new(body, 4096)),
        "zstd" => {
            let mut decoder = zstd::stream::read::Decoder::new(body).map_err(damaged)?;
            decoder
                .window_log_max(LARGEST_ZSTD_WINDOW)
                .map_err(damaged)?;
            Box::new(decoder)
        }
        other => return Err(DecodeError::Unknown(other.to_owned())),
    })
}

/// Meant as zlib (RFC 1950); some servers send the bare stream.
fn inflated<'a>(mut body: Box<dyn Read + 'a>) -> io::Result<Box<dyn Read + 'a>> {
    let mut begin = Vec::new();
    body.by_ref().take(2).read_to_end(&mut begin)?;
    let is_zlib = match begin.as_slice() {
        [method, flags] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    };
    let whole = io::Cursor::new(begin).chain(body);
    Ok(match is_zlib {
        true => Box::new(flate2::read::ZlibDecoder::new(whole)),
        false => Box::new(flate2::read::DeflateDecoder::new(whole)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// As a poll does it.
    fn decode(body: &[u8], coding: &str, limit: u64) -> Result<Vec<u8>, DecodeError> {
        let size = decoded_size(body, coding, limit)?;
        super::decode(body, coding, size)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(plain: &[u8]) -> Vec<u8> {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
        encoder.write_all(plain).unwrap();
        encoder.into_inner()
    }

    #[test]
    fn every_coding_comes_back() {
        let plain = b"#EXTM3U\n#EXTINF:6,\nseg.ts\n".to_vec();
        let cases = [
            ("gzip", gzip(&plain)),
            ("deflate", zlib(&plain)),
            ("deflate", raw_deflate(&plain)),
            ("br", brotli(&plain)),
            ("zstd", zstd::encode_all(&plain[..], 3).unwrap()),
            ("br, GZIP", gzip(&brotli(&plain))),
            ("identity", plain.clone()),
            ("", plain.clone()),
        ];
        for (coding, body) in cases {
            assert_eq!(decode(&body, coding, 1000).unwrap(), plain, "{coding}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0; 1_000_000]);
        assert!(matches!(
            decode(&bomb, "gzip", 1000),
            Err(DecodeError::TooLarge(1000))
        ));
        let bomb = brotli(&vec![0; 1_000_000]);
        assert!(matches!(
            decode(&bomb, "br", 1000),
            Err(DecodeError::TooLarge(1000))
        ));
    }

    #[test]
    fn a_zstd_window_that_takes_more_memory_than_rfc_9659_grants_is_refused() {
        let plain = vec![7; 100];
        for (log, is_good) in [
            (LARGEST_ZSTD_WINDOW, true),
            (LARGEST_ZSTD_WINDOW + 1, false),
        ] {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(&plain).unwrap();
            let body = encoder.finish().unwrap();
            let decoded = decode(&body, "zstd", 1000);
            assert_eq!(decoded.is_ok(), is_good, "{log}: {decoded:?}");
        }
    }

    #[test]
    fn codings_are_not_laid_over_one_another_for_ever() {
        let codings = ["identity"; 99].join(",");
        assert_eq!(decode(b"#EXTM3U", &codings, 100).unwrap(), b"#EXTM3U");
        let mut body = b"#EXTM3U".to_vec();
        for _ in 0..5 {
            body = gzip(&body);
        }
        let codings = ["gzip"; 5].join(",");
        let error = decode(&body, &codings, 1000).unwrap_err();
        assert!(matches!(error, DecodeError::TooMany(5)));
    }

    #[test]
    fn what_is_not_that_coding_says_so() {
        assert!(matches!(
            decode(b"plain", "gzip", 9),
            Err(DecodeError::Damaged { .. })
        ));
        assert!(matches!(
            decode(b"plain", "compress", 9),
            Err(DecodeError::Unknown(_))
        ));
        let cut = gzip(b"#EXTM3U")[..12].to_vec();
        assert!(decode(&cut, "gzip", 99).is_err());
    }
}
