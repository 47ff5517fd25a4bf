//! The signing key of a deployment: made at the first start, kept in the store, published as a JSON Web Key Set.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use sidetone_store::{Key, Kv, Revision, StoreError, WallTime};

use crate::ServerError;

/// Where the key lies in the store.
const STORED_AS: &str = "server.signing-key";

/// What precedes the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// As stored. No `Debug`: the seed is the secret.
#[derive(Serialize, Deserialize)]
struct Stored {
    algorithm: String,
    seed: String,
}

/// An Ed25519 key pair (RFC 8032) that signs tokens and checks them.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pub(crate) signing: EncodingKey,
    pub(crate) checking: DecodingKey,
    public: Jwk,
}

impl SigningKey {
    /// The key in the store, made now if there is none.
    pub(crate) async fn open(kv: &dyn Kv, now: WallTime) -> Result<Self, ServerError> {
        let name = Key::new(STORED_AS)?;
        loop {
            if let Some(entry) = kv.get(&name, now).await? {
                return Self::restore(&entry.value);
            }
            // The generator is seeded by the operating system and cryptographically secure.
            let seed: [u8; 32] = rand::random();
            let stored = Stored {
                algorithm: "EdDSA".to_owned(),
                seed: STANDARD_NO_PAD.encode(seed),
            };
            let value = serde_json::to_vec(&stored).map_err(|_| ServerError::SigningKey)?;
            match kv.put(&name, value.into(), Revision::ABSENT, None, now).await {
                Ok(_) => return Self::from_seed(&seed),
                // Another process on the same store was first: its key is the deployment's.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn restore(stored: &[u8]) -> Result<Self, ServerError> {
        let stored: Stored = serde_json::from_slice(stored).map_err(|_| ServerError::SigningKey)?;
        let seed = STANDARD_NO_PAD
            .decode(stored.seed)
            .map_err(|_| ServerError::SigningKey)?;
        let seed = <[u8; 32]>::try_from(seed).map_err(|_| ServerError::SigningKey)?;
        if stored.algorithm != "EdDSA" {
            return Err(ServerError::SigningKey);
        }
        Self::from_seed(&seed)
    }

    fn from_seed(seed: &[u8; 32]) -> Result<Self, ServerError> {
        let signing = EncodingKey::from_ed_der(&[&PKCS8_PREFIX[..], seed].concat());
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
            signing,
            checking,
            public,
        })
    }

    /// The public half (RFC 7517), for others who check our tokens.
    pub(crate) fn public(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }
}
