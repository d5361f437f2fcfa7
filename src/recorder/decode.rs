//! Content codings of playlists: gzip, deflate, br, zstd, asked for or not.

use std::borrow::Cow;
use std::io::{self, Read};

/// Codings that may be laid over one another: each costs up to the limit.
const MOST_CODINGS: usize = 4;

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

/// Decodes a body by its Content-Encoding (RFC 9110 8.4), to at most `limit` bytes.
pub(super) fn decode(
    body: &[u8],
    content_encoding: &str,
    limit: u64,
) -> Result<Vec<u8>, DecodeError> {
    let codings = content_encoding
        .split(',')
        .map(|c| c.trim().to_ascii_lowercase());
    let codings: Vec<String> = codings
        .filter(|coding| !coding.is_empty() && coding != "identity")
        .collect();
    if codings.len() > MOST_CODINGS {
        return Err(DecodeError::TooMany(codings.len()));
    }
    let mut plain = Cow::Borrowed(body);
    for coding in codings.iter().rev() {
        plain = Cow::Owned(one(&plain, coding, limit)?);
    }
    Ok(plain.into_owned())
}

fn one(body: &[u8], coding: &str, limit: u64) -> Result<Vec<u8>, DecodeError> {
    let decoded = match coding {
        "gzip" | "x-gzip" => read(flate2::read::MultiGzDecoder::new(body), limit),
        // Meant as zlib; some servers send the bare stream.
        "deflate" => read(flate2::read::ZlibDecoder::new(body), limit)
            .or_else(|_| read(flate2::read::DeflateDecoder::new(body), limit)),
        "br" => read(brotli::Decompressor::new(body, 4096), limit),
        "zstd" => zstd::stream::read::Decoder::new(body).and_then(|decoder| read(decoder, limit)),
        other => return Err(DecodeError::Unknown(other.to_owned())),
    };
    match decoded {
        Ok(plain) if plain.len() as u64 > limit => Err(DecodeError::TooLarge(limit)),
        Ok(plain) => Ok(plain),
        Err(source) => Err(DecodeError::Damaged {
            coding: coding.to_owned(),
            source,
        }),
    }
}

/// One byte more than the limit tells that there is more.
fn read(decoder: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    decoder
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

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
