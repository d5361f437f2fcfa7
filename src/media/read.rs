//! What a body is, and all that it says. Pure.

use super::cipher::{Protection, decrypt, look_at_gcm};
use super::facts::{ChunkFacts, Cipher, Content};
use super::fragments::{self, InitFacts, is_boxes};
use super::transport::{self, TransportInit, is_transport};
use super::{looks, packed, subtitles};

/// What an initialization section says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Init {
    /// That of fragments of MP4.
    Fragments(InitFacts),
    /// That of a transport stream.
    Transport(TransportInit),
    /// That of WebVTT.
    Subtitles,
    /// Something else.
    Unknown,
}

impl Init {
    /// All of an initialization section, which is decrypted where it is.
    pub fn read(body: &mut [u8], protection: Protection) -> Self {
        let (_, plain) = opened(body, protection);
        if is_boxes(plain) {
            InitFacts::read(plain).map_or(Self::Unknown, Self::Fragments)
        } else if plain.first() == Some(&super::packets::SYNC) {
            Self::Transport(transport::read_init(plain))
        } else if subtitles::has_header(plain) {
            Self::Subtitles
        } else {
            Self::Unknown
        }
    }

    fn fragments(&self) -> Option<&InitFacts> {
        match self {
            Self::Fragments(facts) => Some(facts),
            _ => None,
        }
    }

    fn transport(&self) -> Option<&TransportInit> {
        match self {
            Self::Transport(facts) => Some(facts),
            _ => None,
        }
    }
}

/// All of a chunk, which is decrypted where it is. What is read of it takes no more memory the larger it is.
pub fn read(body: &mut [u8], protection: Protection, init: Option<&Init>) -> ChunkFacts {
    let bytes = body.len() as u64;
    let (cipher, plain) = opened(body, protection);
    let content = match cipher {
        Cipher::KeyLength(_) | Cipher::BodyLength | Cipher::NotRead => Content::NotRead,
        Cipher::None | Cipher::NotEncrypted | Cipher::Decrypted | Cipher::Padding => {
            content(plain, init)
        }
    };
    ChunkFacts {
        bytes,
        cipher,
        content,
    }
}

/// A body as it can be read.
fn opened<'a>(body: &'a mut [u8], protection: Protection) -> (Cipher, &'a [u8]) {
    match protection {
        Protection::None => (Cipher::None, body),
        _ if is_open(body) => (Cipher::NotEncrypted, body),
        Protection::Aes256Gcm { key } => (look_at_gcm(body, key), &[]),
        Protection::NotRead => (Cipher::NotRead, &[]),
        Protection::Aes128 { key, iv } => {
            let (cipher, length) = decrypt(body, key, iv);
            (cipher, &body[..length])
        }
    }
}

/// It is media as it is, which what is encrypted is not by chance.
fn is_open(body: &[u8]) -> bool {
    is_transport(body) || is_boxes(body) || packed::has_tag(body) || subtitles::has_header(body)
}

fn content(bytes: &[u8], init: Option<&Init>) -> Content {
    if is_boxes(bytes) {
        let init = init.and_then(Init::fragments);
        Content::Fragments(Box::new(fragments::read(bytes, init)))
    } else if is_transport(bytes) {
        let init = init.and_then(Init::transport);
        Content::Transport(Box::new(transport::read(bytes, init)))
    } else if let Some(framing) = packed::framing(bytes) {
        Content::Packed(Box::new(packed::read(framing, bytes)))
    } else if let Some(facts) = subtitles::read(bytes) {
        Content::Subtitles(Box::new(facts))
    } else {
        Content::NoMedia(looks::no_media(bytes))
    }
}
