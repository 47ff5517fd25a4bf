//! The vectors of the RFCs, and what two ends do to each other's packets.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM};
use proptest::prelude::*;

use super::cipher::{Cipher, Position};
use super::index::Window;
use super::keys::{Label, MasterKeys, Profile, keystream};
use super::{MAX_OVERHEAD, Opener, Sealer, SrtpError};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// RFC 3711 appendix B.2.
#[test]
fn the_key_stream_is_that_of_the_rfc() {
    let key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
    let counter = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
    let mut data = [0; 48];
    keystream(&key, counter, &mut data).unwrap();
    assert_eq!(
        data.to_vec(),
        hex(
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"
        )
    );
}

/// RFC 3711 appendix B.3.
#[test]
fn session_keys_are_those_of_the_rfc() {
    let keys = MasterKeys::new(
        Profile::Aes128CmHmacSha1_80,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    let (mut cipher, mut salt, mut code) = ([0; 16], [0; 14], [0; 94]);
    keys.derive(Label::RtpEncryption, &mut cipher).unwrap();
    keys.derive(Label::RtpSalt, &mut salt).unwrap();
    keys.derive(Label::RtpAuthentication, &mut code).unwrap();
    assert_eq!(cipher.to_vec(), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(salt.to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        code.to_vec(),
        hex("CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098
             6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2")
    );
}

const SALT: &str = "51756964 2070726f 2071756f";
const KEY_128: &str = "00010203 04050607 08090a0b 0c0d0e0f";
const KEY_256: &str = "00010203 04050607 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f";

fn gcm(key: &str) -> Cipher {
    let cipher = Cipher::gcm(&hex(key), hex(SALT).try_into().unwrap()).unwrap();
    let Cipher::Gcm { key: used, .. } = &cipher else {
        panic!("not GCM");
    };
    let algorithm = if hex(key).len() == 16 {
        &AES_128_GCM
    } else {
        &AES_256_GCM
    };
    assert_eq!(used.algorithm(), algorithm);
    cipher
}

/// RFC 7714 section 16.1 and 16.2.
#[test]
fn rtp_is_sealed_as_in_the_rfc() {
    let plain = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120
                     696e2070 61727465 73207472 6573",
    );
    let at = Position {
        ssrc: 0x5501_a0b2,
        index: 0xf17b,
    };
    let cases = [
        (
            KEY_128,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a
             51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            KEY_256,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02
             76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ];
    for (key, sealed) in cases {
        let cipher = gcm(key);
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + MAX_OVERHEAD, 0);
        let length = cipher.seal_rtp(at, 12, &mut buffer, plain.len()).unwrap();
        assert_eq!(buffer[..length].to_vec(), hex(sealed));
        let length = cipher.open_rtp(at, 12, &mut buffer[..length]).unwrap();
        assert_eq!(buffer[..length], plain);
    }
}

/// RFC 7714 section 17.1.
#[test]
fn rtcp_is_sealed_as_in_the_rfc() {
    let plain = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef
                     deadbeef deadbeef deadbeef deadbeef",
    );
    let at = Position {
        ssrc: 0x4d61_7273,
        index: 0x5d4,
    };
    let mut buffer = plain.clone();
    buffer.resize(plain.len() + MAX_OVERHEAD, 0);
    let cipher = gcm(KEY_128);
    let length = cipher.seal_rtcp(at, &mut buffer, plain.len()).unwrap();
    assert_eq!(
        buffer[..length].to_vec(),
        hex(
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda
             4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4"
        )
    );
    assert_eq!(cipher.rtcp_index(&buffer[..length]), Some(0x8000_05d4));
    let length = cipher.open_rtcp(at, &mut buffer[..length]).unwrap();
    assert_eq!(buffer[..length], plain);
}

const PROFILES: [Profile; 3] = [
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
    Profile::Aes128CmHmacSha1_80,
];

fn ends(profile: Profile) -> (Sealer, Opener) {
    let key: Vec<u8> = (0..profile.key_length() as u8).collect();
    let keys = MasterKeys::new(profile, &key, &vec![7; profile.salt_length()]).unwrap();
    (Sealer::new(&keys).unwrap(), Opener::new(&keys).unwrap())
}

/// A packet with an extension of four bytes.
fn packet(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x90, 111];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 3, 192]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde, 0, 1, 0x10, 0x85, 0, 0]);
    packet.extend(payload);
    packet
}

fn seal(sealer: &mut Sealer, plain: &[u8]) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    buffer.resize(plain.len() + MAX_OVERHEAD, 0);
    let length = sealer.seal_rtp(&mut buffer, plain.len()).unwrap();
    buffer.truncate(length);
    buffer
}

#[test]
fn what_one_end_seals_the_other_opens_once_through_roll_overs() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = ends(profile);
        for n in 0..200_000u32 {
            let plain = packet(1, n as u16, &n.to_be_bytes());
            let mut sealed = seal(&mut sealer, &plain);
            // Some get lost around the roll-over.
            if n % 7 == 0 {
                continue;
            }
            let mut again = sealed.clone();
            let length = opener.open_rtp(&mut sealed).unwrap();
            assert_eq!(sealed[..length], plain);
            assert_eq!(opener.open_rtp(&mut again), Err(SrtpError::Replayed));
        }
    }
}

#[test]
fn a_sequence_number_is_never_sealed_twice() {
    let (mut sealer, _) = ends(Profile::AeadAes128Gcm);
    seal(&mut sealer, &packet(1, 5, b"a"));
    let mut buffer = packet(1, 5, b"b");
    let length = buffer.len();
    buffer.resize(length + MAX_OVERHEAD, 0);
    assert_eq!(sealer.seal_rtp(&mut buffer, length), Err(SrtpError::Replayed));
}

#[test]
fn the_same_packet_may_be_sealed_again_and_no_other() {
    for profile in PROFILES {
        let (mut sealer, _) = ends(profile);
        let sealed: Vec<_> = (0..50u16)
            .map(|n| seal(&mut sealer, &packet(1, n, &[n as u8; 20])))
            .collect();
        let mut again = |sequence: u16, byte: u8| {
            let mut buffer = packet(1, sequence, &[byte; 20]);
            let length = buffer.len();
            buffer.resize(length + MAX_OVERHEAD, 0);
            let length = sealer.seal_rtp_again(&mut buffer, length)?;
            buffer.truncate(length);
            Ok(buffer)
        };
        assert_eq!(again(40, 40), Ok(sealed[40].clone()));
        assert_eq!(again(40, 41), Err(SrtpError::Replayed), "another text");
        assert_eq!(again(10, 10), Err(SrtpError::Replayed), "too old");
        assert_eq!(again(60, 60), Err(SrtpError::Replayed), "never sent");
    }
}

#[test]
fn sources_are_bounded() {
    let (mut sealer, mut opener) = ends(Profile::AeadAes128Gcm);
    let results: Vec<_> = (0..300)
        .map(|ssrc| opener.open_rtp(&mut seal(&mut sealer, &packet(ssrc, 1, b"x"))))
        .collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 256);
    assert_eq!(results.last(), Some(&Err(SrtpError::TooManySources)));
}

proptest! {
    #[test]
    fn a_changed_bit_is_noticed(bit in 0usize..8 * 40, profile in 0usize..3) {
        let (mut sealer, mut opener) = ends(PROFILES[profile]);
        let plain = packet(9, 77, &[3; 40]);
        let mut sealed = seal(&mut sealer, &plain);
        let whole = sealed.clone();
        let bit = bit % (sealed.len() * 8);
        sealed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(opener.open_rtp(&mut sealed).is_err());
        // And did no harm.
        prop_assert!(opener.open_rtp(&mut whole.clone()).is_ok());
    }

    #[test]
    fn reports_pass_once_and_unchanged(body in prop::collection::vec(any::<u8>(), 0..200), profile in 0usize..3) {
        let (mut sealer, mut opener) = ends(PROFILES[profile]);
        let mut buffer = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
        buffer.extend(&body);
        let (plain, length) = (buffer.clone(), buffer.len());
        buffer.resize(length + MAX_OVERHEAD, 0);
        let length = sealer.seal_rtcp(&mut buffer, length).unwrap();
        let mut sealed = buffer[..length].to_vec();
        let mut again = sealed.clone();
        let length = opener.open_rtcp(&mut sealed).unwrap();
        prop_assert_eq!(&sealed[..length], &plain[..]);
        prop_assert_eq!(opener.open_rtcp(&mut again), Err(SrtpError::Replayed));
        again[8] ^= 1;
        prop_assert!(opener.open_rtcp(&mut again).is_err());
    }

    #[test]
    fn no_datagram_panics(datagram in prop::collection::vec(any::<u8>(), 0..300), profile in 0usize..3) {
        let (_, mut opener) = ends(PROFILES[profile]);
        let _ = opener.open_rtp(&mut datagram.clone());
        let _ = opener.open_rtcp(&mut datagram.clone());
    }

    /// However packets are shuffled within half a turn, their indices are found.
    #[test]
    fn indices_are_guessed(start in 0u64..1 << 20, steps in prop::collection::vec(-1000i64..3000, 1..200)) {
        let mut window = Window::default();
        let mut newest = start & 0xffff;
        prop_assert_eq!(window.guess(newest as u16), newest);
        window.insert(newest);
        for step in steps {
            let index = newest.saturating_add_signed(step);
            prop_assert_eq!(window.guess(index as u16), index);
            prop_assert_eq!(window.is_new(index), index > newest || (newest - index < 128 && window.is_new(index)));
            window.insert(index);
            prop_assert!(!window.is_new(index));
            newest = newest.max(index);
        }
    }
}
