//! M10, M11: what is said of encryption, and what the bytes are.

use super::broken::Broken;
use super::known::{Found, Known};
use crate::media::facts::{Cipher, Content, NoMedia};

pub fn judge(this: &Known, found: &mut Found) {
    let (sequence, bytes) = (this.sequence, this.facts.bytes);
    let is_media = !matches!(this.facts.content, Content::NoMedia(_) | Content::NotRead);
    let broken = match this.facts.cipher {
        Cipher::KeyLength(length) => {
            let text = format!("The key of segment {sequence} has {length} bytes");
            Broken::new("M10", text).kind("key")
        }
        Cipher::BodyLength => {
            let text = format!(
                "Segment {sequence} has {bytes} bytes, which what is encrypted as its EXT-X-KEY says cannot have"
            );
            Broken::new("M10", text).kind("length")
        }
        Cipher::Padding if is_media => {
            let text = format!(
                "Segment {sequence} can be decrypted, and has no padding (PKCS#7) at its end"
            );
            Broken::new("M10", text).kind("padding")
        }
        Cipher::Padding => {
            let text = format!(
                "Segment {sequence} cannot be decrypted with the key that was recorded: no padding (PKCS#7) comes of it, and no media"
            );
            Broken::new("M10", text).kind("wrong key")
        }
        Cipher::Decrypted if !is_media => {
            let text = format!("What comes of decrypting segment {sequence} is no media");
            Broken::new("M10", text).kind("wrong key")
        }
        Cipher::NotEncrypted => {
            let text =
                format!("EXT-X-KEY says that segment {sequence} is encrypted, and it is not");
            Broken::new("M11", text).kind("clear")
        }
        Cipher::None if this.facts.content == Content::NoMedia(NoMedia::Noise) => {
            let text = format!(
                "Segment {sequence} looks encrypted ({bytes} bytes like noise, in whole blocks), and no EXT-X-KEY says so"
            );
            Broken::new("M11", text).kind("encrypted")
        }
        Cipher::None | Cipher::Decrypted | Cipher::NotRead => return,
    };
    found.push((sequence, broken));
}
