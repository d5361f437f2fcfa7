//! Content codings of texts: gzip, deflate, br, zstd, asked for or not.

use std::io::{self, Read, Write as _};

/// Codings that may be laid over one another: each costs up to the limit.
const MOST_CODINGS: usize = 4;

/// No text that is kept compressed is larger, in bytes: as no value of the database is.
const LARGEST_KEPT: u64 = 64 * 1024 * 1024;

/// RFC 9659: 8 MiB, as a power of two.
const LARGEST_ZSTD_WINDOW: u32 = 23;

/// Why a body stays as it came.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A coding that is not known here.
    #[error("the content coding {0:?} is not known")]
    Unknown(String),
    /// The bytes are not in that coding.
    #[error("the body is not {coding}: {source}")]
    Damaged {
        /// As the origin named it.
        coding: String,
        /// What the decoder said.
        source: io::Error,
    },
    /// Nobody means that.
    #[error("{0} content codings, one in another")]
    TooMany(usize),
    /// A bomb, or much too large.
    #[error("the body decodes to more than {0} bytes")]
    TooLarge(u64),
}

impl DecodeError {
    /// What a decoder said of a body.
    pub fn damaged(coding: &str, source: io::Error) -> Self {
        // A coding that is not the last one may have been too large.
        source.downcast::<Self>().unwrap_or_else(|source| {
            let coding = coding.to_owned();
            Self::Damaged { coding, source }
        })
    }
}

/// The names in a Content-Encoding that nothing here decodes.
pub fn unknown_codings(content_encoding: &str) -> Vec<&str> {
    const KNOWN: [&str; 6] = ["identity", "gzip", "x-gzip", "deflate", "br", "zstd"];
    let is_known = |name: &&str| KNOWN.iter().any(|c| name.eq_ignore_ascii_case(c));
    let names = content_encoding.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty() && !is_known(name))
        .collect()
}

/// The decoded size of a body by its Content-Encoding (RFC 9110 8.4), at most `limit` bytes. A bomb
/// costs time, and no memory.
///
/// # Errors
/// It is not in that coding, or too large.
pub fn decoded_size(body: &[u8], content_encoding: &str, limit: u64) -> Result<u64, DecodeError> {
    // One byte more than the limit tells that there is more.
    let mut plain = decoder(body, content_encoding, limit)?.take(limit.saturating_add(1));
    match io::copy(&mut plain, &mut io::sink())
        .map_err(|source| DecodeError::damaged(content_encoding, source))?
    {
        size if size > limit => Err(DecodeError::TooLarge(limit)),
        size => Ok(size),
    }
}

/// Decodes a body of which it is known to how many bytes, at most `limit`.
///
/// # Errors
/// It is not in that coding, or decodes to more.
pub fn decode(
    body: &[u8],
    content_encoding: &str,
    size: u64,
    limit: u64,
) -> Result<Vec<u8>, DecodeError> {
    let size = size.min(limit);
    let mut plain = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    decoder(body, content_encoding, limit)?
        .take(size.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|source| DecodeError::damaged(content_encoding, source))?;
    match plain.len() as u64 > size {
        true => Err(DecodeError::TooLarge(size)),
        false => Ok(plain),
    }
}

/// A body of the database as it is: out of the coding that it is kept in (`body.coding`), if it is in one. `size`: what
/// its row says, which is all that it may decode to.
pub(crate) fn decode_stored(
    data: Vec<u8>,
    coding: Option<&str>,
    size: i64,
) -> Result<Vec<u8>, DecodeError> {
    match coding {
        None => Ok(data),
        Some(coding) => decode(
            &data,
            coding,
            u64::try_from(size).unwrap_or(0),
            LARGEST_KEPT,
        ),
    }
}

/// A text in the coding `gzip`.
pub(crate) fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// The body without its content codings, the last one that was laid on first, at whatever length: read no more of
/// it than may be kept. None of those in between decodes to more than `limit` bytes: what is small at both ends may
/// be without end in the middle.
///
/// # Errors
/// A coding that is not known, too many of them, or a body that does not begin as one of them.
pub fn decoder<'a>(
    body: impl Read + 'a,
    content_encoding: &str,
    limit: u64,
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
        .enumerate()
        .try_fold(body, |body, (at, coding)| match at {
            0 => decoder_of(body, coding),
            _ => decoder_of(
                Box::new(Bounded {
                    body,
                    left: limit,
                    limit,
                }),
                coding,
            ),
        })
}

/// What one coding decodes to, for the next one.
struct Bounded<R> {
    body: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(bytes)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(DecodeError::TooLarge(self.limit))),
        }
        Ok(count)
    }
}

fn decoder_of<'a>(
    body: Box<dyn Read + 'a>,
    coding: &str,
) -> Result<Box<dyn Read + 'a>, DecodeError> {
    let damaged = |source| DecodeError::damaged(coding, source);
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
        super::decode(body, coding, size, limit)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        super::gzip(plain).unwrap()
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
    fn what_is_small_at_both_ends_and_large_in_the_middle_is_refused() {
        // Members of nothing, one after the other, are nothing.
        let middle = gzip(b"").repeat(10_000);
        let fits = 2 * middle.len() as u64;
        assert_eq!(decode(&gzip(&middle), "gzip, gzip", fits).unwrap(), b"");
        let error = decode(&gzip(&middle), "gzip, gzip", 100_000).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge(100_000)), "{error}");
    }

    #[test]
    fn a_body_that_decodes_to_more_than_was_said_is_refused() {
        let body = gzip(b"#EXTM3U\n");
        assert_eq!(super::decode(&body, "gzip", 8, 99).unwrap(), b"#EXTM3U\n");
        assert!(super::decode(&body, "gzip", 7, 99).is_err());
        assert!(super::decode(&body, "gzip", 99, 7).is_err());
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
