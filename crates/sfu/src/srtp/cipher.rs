//! The two kinds of transforms: authenticated encryption, and counter mode with a message authentication code.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{constant_time, hmac};

use super::SrtpError;
use super::keys::{Label, MasterKeys, Profile, apply, counter_mode};

/// Bytes of the tag of GCM, and of the truncated HMAC.
const GCM_TAG: usize = 16;
const HMAC_TAG: usize = 10;

/// Keys of RTP or of RTCP in one direction.
pub(super) enum Cipher {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    /// Rare, and a hundred times as large.
    Counter(Box<Counter>),
}

/// What counter mode takes.
pub(super) struct Counter {
    key: EncryptingKey,
    salt: [u8; 14],
    authentication: hmac::Key,
}

/// Where a packet stands in its stream: what the initialisation vector is made of.
#[derive(Clone, Copy)]
pub(super) struct Position {
    pub ssrc: u32,
    /// Packet index: 48 bits of RTP, 31 of RTCP.
    pub index: u64,
}

impl Cipher {
    pub fn rtp(keys: &MasterKeys) -> Result<Self, Unspecified> {
        Self::new(
            keys,
            [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt],
        )
    }

    pub fn rtcp(keys: &MasterKeys) -> Result<Self, Unspecified> {
        Self::new(
            keys,
            [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt],
        )
    }

    fn new(
        keys: &MasterKeys,
        [encryption, authentication, salting]: [Label; 3],
    ) -> Result<Self, Unspecified> {
        let mut key = [0; 32];
        let key = &mut key[..keys.profile.key_length()];
        keys.derive(encryption, key)?;
        if keys.profile == Profile::Aes128CmHmacSha1_80 {
            let (mut salt, mut code) = ([0; 14], [0; 20]);
            keys.derive(salting, &mut salt)?;
            keys.derive(authentication, &mut code)?;
            return Ok(Self::Counter(Box::new(Counter {
                key: counter_mode(key)?,
                salt,
                authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &code),
            })));
        }
        let mut salt = [0; 12];
        keys.derive(salting, &mut salt)?;
        Self::gcm(key, salt)
    }

    /// From session keys.
    pub fn gcm(key: &[u8], salt: [u8; 12]) -> Result<Self, Unspecified> {
        let algorithm = if key.len() == 32 {
            &AES_256_GCM
        } else {
            &AES_128_GCM
        };
        Ok(Self::Gcm {
            key: LessSafeKey::new(UnboundKey::new(algorithm, key)?),
            salt,
        })
    }

    pub const fn tag_length(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG,
            Self::Counter(_) => HMAC_TAG,
        }
    }

    /// Seals an RTP packet of `length` bytes in `buffer`, whose first `header` bytes stay readable. Gives the new
    /// length.
    pub fn seal_rtp(
        &self,
        at: Position,
        header: usize,
        buffer: &mut [u8],
        length: usize,
    ) -> Result<usize, SrtpError> {
        let sealed = length + self.tag_length();
        let packet = buffer.get_mut(..sealed).ok_or(SrtpError::NoRoom)?;
        let (head, rest) = packet.split_at_mut_checked(header).ok_or(SrtpError::Malformed)?;
        let (body, tag) = rest
            .split_at_mut_checked(length - header)
            .ok_or(SrtpError::Malformed)?;
        match self {
            Self::Gcm { key, salt } => {
                let made = key
                    .seal_in_place_separate_tag(rtp_nonce(salt, at), Aad::from(&*head), body)
                    .map_err(|_| SrtpError::Malformed)?;
                tag.copy_from_slice(made.as_ref());
            }
            Self::Counter(counter) => {
                apply(&counter.key, rtp_counter(&counter.salt, at), body)
                    .map_err(|_| SrtpError::Malformed)?;
                let made = rtp_code(&counter.authentication, &[head, body], at);
                tag.copy_from_slice(&made);
            }
        }
        Ok(sealed)
    }

    /// Opens an RTP packet. Gives the length without the tag.
    pub fn open_rtp(&self, at: Position, header: usize, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = packet
            .len()
            .checked_sub(self.tag_length())
            .filter(|length| *length >= header)
            .ok_or(SrtpError::Malformed)?;
        match self {
            Self::Gcm { key, salt } => {
                let (head, body) = packet.split_at_mut(header);
                key.open_in_place(rtp_nonce(salt, at), Aad::from(&*head), body)
                    .map_err(|_| SrtpError::Unauthentic)?;
            }
            Self::Counter(counter) => {
                let (plain, tag) = packet.split_at_mut(length);
                let made = rtp_code(&counter.authentication, &[plain], at);
                constant_time::verify_slices_are_equal(&made, tag).map_err(|_| SrtpError::Unauthentic)?;
                apply(&counter.key, rtp_counter(&counter.salt, at), &mut plain[header..])
                    .map_err(|_| SrtpError::Malformed)?;
            }
        }
        Ok(length)
    }

    /// Seals a compound RTCP packet of `length` bytes in `buffer`. Gives the new length.
    pub fn seal_rtcp(&self, at: Position, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let tag_length = self.tag_length();
        let packet = buffer
            .get_mut(..length + tag_length + 4)
            .ok_or(SrtpError::NoRoom)?;
        let (head, rest) = packet.split_at_mut_checked(8).ok_or(SrtpError::Malformed)?;
        let (body, tail) = rest
            .split_at_mut_checked(length - 8)
            .ok_or(SrtpError::Malformed)?;
        // The first bit says that it is encrypted (RFC 3711 section 3.4).
        let index = (at.index as u32 | 0x8000_0000).to_be_bytes();
        match self {
            Self::Gcm { key, salt } => {
                let made = key
                    .seal_in_place_separate_tag(
                        rtcp_nonce(salt, at),
                        Aad::from(rtcp_associated(head, index)),
                        body,
                    )
                    .map_err(|_| SrtpError::Malformed)?;
                tail[..tag_length].copy_from_slice(made.as_ref());
                tail[tag_length..].copy_from_slice(&index);
            }
            Self::Counter(counter) => {
                apply(&counter.key, rtp_counter(&counter.salt, at), body)
                    .map_err(|_| SrtpError::Malformed)?;
                tail[..4].copy_from_slice(&index);
                let made = code(&counter.authentication, &[head, body, &index]);
                tail[4..].copy_from_slice(&made);
            }
        }
        Ok(length + tag_length + 4)
    }

    /// Where the index of a sealed RTCP packet is.
    pub fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let before = match self {
            Self::Gcm { .. } => 4,
            Self::Counter(_) => 4 + HMAC_TAG,
        };
        let at = packet.len().checked_sub(before)?;
        Some(super::word(packet, at))
    }

    /// Opens a compound RTCP packet. Gives the length of what is left.
    pub fn open_rtcp(&self, at: Position, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = packet
            .len()
            .checked_sub(self.tag_length() + 4)
            .filter(|length| *length >= 8)
            .ok_or(SrtpError::Malformed)?;
        match self {
            Self::Gcm { key, salt } => {
                let (sealed, index) = packet.split_at_mut(length + GCM_TAG);
                let index = [index[0], index[1], index[2], index[3]];
                let (head, body) = sealed.split_at_mut(8);
                key.open_in_place(
                    rtcp_nonce(salt, at),
                    Aad::from(rtcp_associated(head, index)),
                    body,
                )
                .map_err(|_| SrtpError::Unauthentic)?;
            }
            Self::Counter(counter) => {
                let (signed, tag) = packet.split_at_mut(length + 4);
                let made = code(&counter.authentication, &[signed]);
                constant_time::verify_slices_are_equal(&made, tag).map_err(|_| SrtpError::Unauthentic)?;
                apply(
                    &counter.key,
                    rtp_counter(&counter.salt, at),
                    &mut signed[8..length],
                )
                .map_err(|_| SrtpError::Malformed)?;
            }
        }
        Ok(length)
    }
}

/// RFC 7714 section 8.1.
fn rtp_nonce(salt: &[u8; 12], at: Position) -> Nonce {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&at.ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&at.index.to_be_bytes()[2..]);
    xor(&mut nonce, salt);
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 7714 section 9.1.
fn rtcp_nonce(salt: &[u8; 12], at: Position) -> Nonce {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&at.ssrc.to_be_bytes());
    nonce[8..].copy_from_slice(&(at.index as u32).to_be_bytes());
    xor(&mut nonce, salt);
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 7714 section 9.2: the header, and the index with its flag.
fn rtcp_associated(head: &[u8], index: [u8; 4]) -> [u8; 12] {
    let mut associated = [0; 12];
    associated[..8].copy_from_slice(&head[..8]);
    associated[8..].copy_from_slice(&index);
    associated
}

/// RFC 3711 section 4.1.1, for RTP and RTCP alike.
fn rtp_counter(salt: &[u8; 14], at: Position) -> [u8; 16] {
    let mut counter = [0; 16];
    counter[4..8].copy_from_slice(&at.ssrc.to_be_bytes());
    counter[8..14].copy_from_slice(&at.index.to_be_bytes()[2..]);
    xor(&mut counter, salt);
    counter
}

fn xor(to: &mut [u8], with: &[u8]) {
    for (to, with) in to.iter_mut().zip(with) {
        *to ^= with;
    }
}

/// RFC 3711 section 4.2: over the packet and the roll-over counter.
fn rtp_code(key: &hmac::Key, parts: &[&[u8]], at: Position) -> [u8; HMAC_TAG] {
    let rollovers = ((at.index >> 16) as u32).to_be_bytes();
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    context.update(&rollovers);
    truncated(&context.sign())
}

fn code(key: &hmac::Key, parts: &[&[u8]]) -> [u8; HMAC_TAG] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    truncated(&context.sign())
}

fn truncated(tag: &hmac::Tag) -> [u8; HMAC_TAG] {
    let mut short = [0; HMAC_TAG];
    short.copy_from_slice(&tag.as_ref()[..HMAC_TAG]);
    short
}
