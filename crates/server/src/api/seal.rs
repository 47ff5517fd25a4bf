//! Answers that only their receiver can read again. An answer kept for a repeated request may hold a secret that is
//! stored nowhere else; it is kept under a key made of the caller's own secret, which the service does not have.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{Context, SHA256};

/// Sets this use of the caller's secret apart from its stored digest.
const PURPOSE: &[u8] = b"sidetone sealed answer 1\0";

const NONCE: usize = 12;

/// The key that a caller's secret makes.
pub(crate) fn key(secret: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(PURPOSE);
    context.update(secret.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

/// Encrypts (AES-256-GCM), bound to the `place` where it will be kept. `None` only if the cipher fails.
pub(crate) fn seal(key: &[u8; 32], place: &str, mut content: Vec<u8>) -> Option<Vec<u8>> {
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let nonce = cipher
        .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut content)
        .ok()?;
    let nonce: &[u8; NONCE] = nonce.as_ref();
    Some([&nonce[..], &content].concat())
}

/// Decrypts what was sealed with this key for this place.
pub(crate) fn open(key: &[u8; 32], place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, content) = sealed.split_at_checked(NONCE)?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut content = content.to_vec();
    let plain = cipher
        .open_in_place(nonce, Aad::from(place.as_bytes()), &mut content)
        .ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_at_the_same_place_opens() {
        let sealed = seal(&key("one"), "here", b"words".to_vec()).unwrap();
        assert_eq!(open(&key("one"), "here", &sealed).unwrap(), b"words");
        assert!(open(&key("two"), "here", &sealed).is_none());
        assert!(open(&key("one"), "there", &sealed).is_none());
        assert!(open(&key("one"), "here", &sealed[..20]).is_none());
        assert!(open(&key("one"), "here", b"").is_none());
        assert!(!sealed.windows(5).any(|part| part == b"words"));
    }
}
