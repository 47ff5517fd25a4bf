//! From master keys to session keys (RFC 3711 section 4.3, RFC 7714 section 11).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;

/// Protection profile (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`.
    Aes128CmHmacSha1_80,
}

impl Profile {
    /// Bytes of the cipher's key.
    pub const fn key_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmHmacSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the salt.
    pub const fn salt_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// Bytes of the authentication tag.
    pub const fn tag_length(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 16,
            Self::Aes128CmHmacSha1_80 => 10,
        }
    }
}

/// Master key and salt of one direction.
#[derive(Clone)]
pub struct MasterKeys {
    pub(super) profile: Profile,
    pub(super) key: Vec<u8>,
    pub(super) salt: Vec<u8>,
}

impl MasterKeys {
    /// From a key and a salt of exactly the profile's lengths.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Option<Self> {
        (key.len() == profile.key_length() && salt.len() == profile.salt_length()).then(|| Self {
            profile,
            key: key.to_vec(),
            salt: salt.to_vec(),
        })
    }

    /// The client's and the server's keys out of what DTLS exported (RFC 5764 section 4.2).
    pub fn from_dtls(profile: Profile, material: &[u8]) -> Option<(Self, Self)> {
        let (key, salt) = (profile.key_length(), profile.salt_length());
        if material.len() < 2 * (key + salt) {
            return None;
        }
        let (keys, salts) = material.split_at(2 * key);
        let client = Self::new(profile, &keys[..key], &salts[..salt])?;
        let server = Self::new(profile, &keys[key..], &salts[salt..2 * salt])?;
        Some((client, server))
    }

    /// Fills `out` with the key of a label.
    pub(super) fn derive(&self, label: Label, out: &mut [u8]) -> Result<(), Unspecified> {
        let mut counter = [0; 16];
        counter[..self.salt.len()].copy_from_slice(&self.salt);
        counter[7] ^= label as u8;
        out.fill(0);
        keystream(&self.key, counter, out)
    }
}

/// What a key is for (RFC 3711 section 4.3.1 and 4.3.2).
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// AES in counter mode over `data`.
pub(super) fn keystream(key: &[u8], counter: [u8; 16], data: &mut [u8]) -> Result<(), Unspecified> {
    apply(&counter_mode(key)?, counter, data)
}

/// The key of AES in counter mode.
pub(super) fn counter_mode(key: &[u8]) -> Result<EncryptingKey, Unspecified> {
    let algorithm = if key.len() == 32 { &AES_256 } else { &AES_128 };
    EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key)?)
}

/// Encrypts or decrypts `data`.
pub(super) fn apply(key: &EncryptingKey, counter: [u8; 16], data: &mut [u8]) -> Result<(), Unspecified> {
    let context = EncryptionContext::Iv128(FixedLength::from(counter));
    key.less_safe_encrypt(data, context).map(drop)
}
