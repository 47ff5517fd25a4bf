//! ICE credentials, the integrity check that they key, and the certificate that DTLS shows.

use std::fmt;

use aws_lc_rs::{digest, hmac};
use dimpl::DtlsCertificate;
use is::Sha1HmacProvider;
use rand::RngExt;

/// User fragment and password of one end (RFC 8839 section 5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Says whom a check is for.
    pub ufrag: String,
    /// Keys its integrity.
    pub password: String,
}

impl Credentials {
    /// Unguessable ones: over 90 bits of user fragment, over 140 of password.
    pub fn random() -> Self {
        let mut random = rand::rng();
        let mut text = |length| {
            let digits = (0..length).map(|_| char::from(random.sample(rand::distr::Alphanumeric)));
            digits.collect()
        };
        Self {
            ufrag: text(16),
            password: text(24),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// HMAC-SHA1 for connectivity checks (RFC 8489 section 14.5).
#[derive(Debug)]
pub(super) struct Integrity;

impl Sha1HmacProvider for Integrity {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        let mut context = hmac::Context::with_key(&key);
        payloads.iter().for_each(|payload| context.update(payload));
        let mut out = [0; 20];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// SHA-256 of a certificate, by which one end knows the other (RFC 8122).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(out)
    }

    /// From pairs of hexadecimal digits with colons between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut out = [0; 32];
        let mut pairs = text.split(':');
        for byte in &mut out {
            let pair = pairs.next().filter(|pair| pair.len() == 2)?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(out))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if n == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

/// A certificate with its key. One serves all links of a process.
#[derive(Clone)]
pub struct Certificate {
    pub(super) inner: DtlsCertificate,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// A fresh self-signed one, P-256. None where the cryptographic library fails.
    pub fn generate() -> Option<Self> {
        let made = dimpl::certificate::generate_self_signed_certificate().ok()?;
        Some(Self::from_der(made.certificate, made.private_key))
    }

    /// From a certificate and its PKCS #8 key.
    pub fn from_der(certificate: Vec<u8>, private_key: Vec<u8>) -> Self {
        let fingerprint = Fingerprint::of(&certificate);
        let inner = DtlsCertificate {
            certificate,
            private_key,
        };
        Self { inner, fingerprint }
    }

    /// What the peer knows it by.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint)
    }
}
