//! AES-128 of whole segments (RFC 8216bis 4.4.4.4): decrypted in the memory of the caller, and nowhere else. Pure.

use aes::Aes128;
use cbc::Decryptor;
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};

use super::facts::Cipher;

/// Bytes of a block, and of a key.
const BLOCK: usize = 16;

/// What a playlist and a recording say of the encryption of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection<'a> {
    /// None, or one inside the media format.
    None,
    /// AES-128: the key as it was recorded, and the initialization vector that is in force.
    Aes128 {
        /// The body of the key.
        key: &'a [u8],
        /// The initialization vector.
        iv: [u8; BLOCK],
    },
    /// AES-256-GCM, which is not decrypted: the key as it was recorded, if it was.
    Aes256Gcm {
        /// The body of the key.
        key: Option<&'a [u8]>,
    },
    /// A key that was not recorded, or a method that is not looked into.
    NotRead,
}

/// What can be said of a body of AES-256-GCM: its key, and that it has a nonce and a tag (RFC 8216bis 4.4.4.4).
pub fn look_at_gcm(body: &[u8], key: Option<&[u8]>) -> Cipher {
    const KEY: usize = 32;
    const LEAST: usize = 12 + 16 + 4;
    match key {
        Some(key) if key.len() != KEY => Cipher::KeyLength(key.len()),
        _ if body.len() < LEAST => Cipher::BodyLength,
        _ => Cipher::NotRead,
    }
}

/// Decrypts a body where it is; what it was, and how many bytes of it are plain.
pub fn decrypt(body: &mut [u8], key: &[u8], iv: [u8; BLOCK]) -> (Cipher, usize) {
    let Ok(key) = <[u8; BLOCK]>::try_from(key) else {
        return (Cipher::KeyLength(key.len()), 0);
    };
    if body.is_empty() || !body.len().is_multiple_of(BLOCK) {
        return (Cipher::BodyLength, 0);
    }
    let decryptor = Decryptor::<Aes128>::new(&key.into(), &iv.into());
    // The padding is looked at below: without a right one it is still to be seen what the body is.
    if decryptor.decrypt_padded::<NoPadding>(body).is_err() {
        return (Cipher::BodyLength, 0);
    }
    match padding(body) {
        Some(padding) => (Cipher::Decrypted, body.len() - padding),
        None => (Cipher::Padding, body.len()),
    }
}

fn padding(plain: &[u8]) -> Option<usize> {
    let last = usize::from(*plain.last()?);
    let at = plain.len().checked_sub(last)?;
    let is_right =
        (1..=BLOCK).contains(&last) && plain[at..].iter().all(|byte| usize::from(*byte) == last);
    is_right.then_some(last)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use cbc::Encryptor;
    use cbc::cipher::BlockModeEncrypt;
    use cbc::cipher::block_padding::Pkcs7;

    pub(crate) fn encrypted(plain: &[u8], key: [u8; 16], iv: [u8; 16]) -> Vec<u8> {
        let mut body = plain.to_vec();
        body.resize(plain.len() / BLOCK * BLOCK + BLOCK, 0);
        let encryptor = Encryptor::<Aes128>::new(&key.into(), &iv.into());
        let length = plain.len();
        let done = encryptor
            .encrypt_padded::<Pkcs7>(&mut body, length)
            .unwrap();
        assert_eq!(done.len() % BLOCK, 0);
        body
    }

    #[test]
    fn a_body_is_decrypted_and_its_padding_looked_at() {
        let (key, iv) = ([7; 16], [9; 16]);
        for length in [0, 1, 15, 16, 17, 4096] {
            let plain = vec![0x47; length];
            let mut body = encrypted(&plain, key, iv);
            assert_eq!(decrypt(&mut body, &key, iv), (Cipher::Decrypted, length));
            assert_eq!(body[..length], plain);
        }
        let mut body = encrypted(&[0x47; 40], key, iv);
        assert_eq!(
            decrypt(&mut body.clone(), &[1; 15], iv),
            (Cipher::KeyLength(15), 0)
        );
        assert_eq!(decrypt(&mut body[1..], &key, iv), (Cipher::BodyLength, 0));
        assert_eq!(decrypt(&mut [], &key, iv), (Cipher::BodyLength, 0));
        assert_eq!(decrypt(&mut body[..32], &key, iv), (Cipher::Padding, 32));
    }
}
