//! One signing key: an Ed25519 pair (RFC 8032) as it is made, stored and published. Refuses to know which of several
//! keys signs, and until when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use sidetone_store::WallTime;

use crate::ServerError;

/// What precedes the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// As stored. No `Debug`: the seed is the secret.
#[derive(Serialize, Deserialize)]
struct Stored {
    algorithm: String,
    seed: String,
    /// In milliseconds since the Unix epoch. Absent in stores of before there were several keys.
    #[serde(default)]
    made: u64,
}

/// A key pair that signs tokens and checks them.
pub(crate) struct SigningKey {
    /// Its thumbprint (RFC 7638): the `kid` of what it signed.
    pub(crate) id: String,
    pub(crate) made: WallTime,
    pub(crate) signing: EncodingKey,
    pub(crate) checking: DecodingKey,
    pub(crate) public: Jwk,
    seed: [u8; 32],
}

impl SigningKey {
    /// A new key.
    pub(crate) fn make(now: WallTime) -> Result<Self, ServerError> {
        // The generator is seeded by the operating system and cryptographically secure.
        Self::from_seed(rand::random(), now)
    }

    /// The key as it is stored.
    pub(crate) fn stored(&self) -> Result<Vec<u8>, ServerError> {
        let stored = Stored {
            algorithm: "EdDSA".to_owned(),
            seed: STANDARD_NO_PAD.encode(self.seed),
            made: self.made.as_millis(),
        };
        serde_json::to_vec(&stored).map_err(|_| ServerError::SigningKey)
    }

    /// Reads what [`SigningKey::stored`] wrote.
    pub(crate) fn restore(stored: &[u8]) -> Result<Self, ServerError> {
        let stored: Stored = serde_json::from_slice(stored).map_err(|_| ServerError::SigningKey)?;
        let seed = STANDARD_NO_PAD
            .decode(stored.seed)
            .map_err(|_| ServerError::SigningKey)?;
        let seed = <[u8; 32]>::try_from(seed).map_err(|_| ServerError::SigningKey)?;
        if stored.algorithm != "EdDSA" {
            return Err(ServerError::SigningKey);
        }
        Self::from_seed(seed, WallTime::from_millis(stored.made))
    }

    fn from_seed(seed: [u8; 32], made: WallTime) -> Result<Self, ServerError> {
        let signing = EncodingKey::from_ed_der(&[&PKCS8_PREFIX[..], &seed].concat());
        let build = || {
            let mut public = Jwk::from_encoding_key(&signing, Algorithm::EdDSA)?;
            let id = public.thumbprint(ThumbprintHash::SHA256)?;
            public.common.key_id = Some(id.clone());
            public.common.public_key_use = Some(PublicKeyUse::Signature);
            let checking = DecodingKey::from_jwk(&public)?;
            Ok::<_, jsonwebtoken::errors::Error>((id, public, checking))
        };
        let (id, public, checking) = build().map_err(|_| ServerError::SigningKey)?;
        Ok(Self {
            id,
            made,
            signing,
            checking,
            public,
            seed,
        })
    }
}
