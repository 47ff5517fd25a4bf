//! The public keys of an identity provider (RFC 7517), and which of them a sign-in must have been signed with. Takes
//! what it can use of a set and leaves the rest; refuses to know where the set comes from.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::ExchangeError;

/// What a sign-in may be signed with. Never `none`, and never a secret that the identity provider shares with us:
/// we share none.
const ACCEPTED: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// Most keys of a set that are looked at.
const MAX_KEYS: usize = 100;

/// A public key and what it is for.
struct ProviderKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys of an identity provider that can check a sign-in.
pub(crate) struct ProviderKeys(Vec<ProviderKey>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl ProviderKeys {
    /// Reads a JSON Web Key Set. Keys of other kinds and for other purposes are left aside.
    ///
    /// # Errors
    /// [`ExchangeError::BadProvider`] for what is no set, or has no key of use.
    pub(crate) fn read(json: &[u8]) -> Result<Self, ExchangeError> {
        let set: Set = serde_json::from_slice(json)
            .map_err(|_| ExchangeError::BadProvider("key set cannot be understood"))?;
        let keys: Vec<_> = set.keys.into_iter().take(MAX_KEYS).filter_map(usable).collect();
        if keys.is_empty() {
            return Err(ExchangeError::BadProvider("key set has no key of use"));
        }
        Ok(Self(keys))
    }

    /// The key that signed something with this header.
    ///
    /// # Errors
    /// [`ExchangeError::UnknownKey`]; [`ExchangeError::Algorithm`] where the key is there and for another algorithm.
    pub(crate) fn find(&self, head: &Head) -> Result<&DecodingKey, ExchangeError> {
        let fits = |key: &&ProviderKey| key.algorithms.contains(&head.algorithm);
        let Some(id) = &head.key else {
            // Without a name it must be clear which one is meant.
            let mut fitting = self.0.iter().filter(fits);
            return match (fitting.next(), fitting.next()) {
                (Some(only), None) => Ok(&only.key),
                _ => Err(ExchangeError::UnknownKey),
            };
        };
        let mut named = self.0.iter().filter(|key| key.id.as_ref() == Some(id)).peekable();
        if named.peek().is_none() {
            return Err(ExchangeError::UnknownKey);
        }
        named
            .find(fits)
            .map(|key| &key.key)
            .ok_or(ExchangeError::Algorithm)
    }
}

/// A key that can check signatures of an algorithm that is accepted.
fn usable(json: Value) -> Option<ProviderKey> {
    let jwk: Jwk = serde_json::from_value(json).ok()?;
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|for_what| *for_what == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !signs {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => vec![Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            vec![Algorithm::EdDSA]
        }
        _ => return None,
    };
    if let Some(only) = common.key_algorithm {
        algorithms.retain(|algorithm| Algorithm::try_from(only).is_ok_and(|only| only == *algorithm));
    }
    if algorithms.is_empty() {
        return None;
    }
    Some(ProviderKey {
        id: common.key_id.clone(),
        algorithms,
        key: DecodingKey::from_jwk(&jwk).ok()?,
    })
}

/// What the header of a sign-in says (RFC 7515 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Option<String>,
    /// `typ`, where it has one.
    pub(crate) kind: Option<String>,
}

impl Head {
    /// Reads the header and nothing else.
    ///
    /// # Errors
    /// [`ExchangeError::Malformed`], [`ExchangeError::Algorithm`].
    pub(crate) fn read(token: &str) -> Result<Self, ExchangeError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| unreadable(token))?;
        if !ACCEPTED.contains(&header.alg) {
            return Err(ExchangeError::Algorithm);
        }
        // Whatever it is that must be understood, we do not.
        if header.crit.is_some() {
            return Err(ExchangeError::Malformed);
        }
        Ok(Self {
            algorithm: header.alg,
            key: header.kid,
            kind: header.typ,
        })
    }
}

/// A header with an algorithm that the library does not know, such as `none`, does not parse: tell that apart from
/// text that is no token.
fn unreadable(token: &str) -> ExchangeError {
    use base64::Engine as _;
    let parts: Vec<&str> = token.split('.').collect();
    let header = match parts[..] {
        [header, _, _] => base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(header)
            .ok(),
        _ => None,
    };
    let header: Option<Value> = header.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match header {
        Some(header) if header.get("alg").is_some_and(Value::is_string) => ExchangeError::Algorithm,
        _ => ExchangeError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn ed(id: Option<&str>) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": id })
    }

    fn read(keys: &[Value]) -> Result<ProviderKeys, ExchangeError> {
        ProviderKeys::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn find(keys: &[Value], algorithm: Algorithm, id: Option<&str>) -> Result<(), ExchangeError> {
        let head = Head {
            algorithm,
            key: id.map(str::to_owned),
            kind: None,
        };
        read(keys)?.find(&head).map(drop)
    }

    #[test]
    fn a_key_is_found_by_its_name_or_where_there_is_one_only() {
        let keys = [ed(Some("a")), ed(Some("b"))];
        assert_eq!(find(&keys, Algorithm::EdDSA, Some("a")), Ok(()));
        assert_eq!(
            find(&keys, Algorithm::EdDSA, Some("c")),
            Err(ExchangeError::UnknownKey)
        );
        assert_eq!(
            find(&keys, Algorithm::EdDSA, None),
            Err(ExchangeError::UnknownKey)
        );
        assert_eq!(find(&keys[..1], Algorithm::EdDSA, None), Ok(()));
    }

    #[test]
    fn a_key_is_used_for_its_own_algorithm_only() {
        let keys = [ed(Some("a"))];
        for other in [
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::ES256,
            Algorithm::HS256,
        ] {
            assert_eq!(
                find(&keys, other, Some("a")),
                Err(ExchangeError::Algorithm),
                "{other:?}"
            );
            assert_eq!(
                find(&keys, other, None),
                Err(ExchangeError::UnknownKey),
                "{other:?}"
            );
        }
    }

    #[test]
    fn keys_of_no_use_are_left_aside() {
        let mut encrypts = ed(Some("a"));
        encrypts["use"] = "enc".into();
        let mut signs_only = ed(Some("a"));
        signs_only["key_ops"] = json!(["sign"]);
        let mut other = ed(Some("a"));
        other["alg"] = "RS256".into();
        let mut curve = ed(Some("a"));
        curve["crv"] = "Ed448".into();
        let secret = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256" });
        let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "x", "kid": "a" });
        let big = json!({ "kty": "EC", "crv": "P-384", "x": X, "y": X, "kid": "a" });
        let none = ExchangeError::BadProvider("key set has no key of use");
        for key in [
            encrypts,
            signs_only,
            other,
            curve,
            secret,
            unknown,
            big,
            json!(7),
            json!({}),
        ] {
            assert_eq!(
                read(std::slice::from_ref(&key)).err(),
                Some(none.clone()),
                "{key}"
            );
            // And they do not spoil the others.
            assert_eq!(
                find(&[key.clone(), ed(Some("b"))], Algorithm::EdDSA, Some("b")),
                Ok(()),
                "{key}"
            );
        }
        for bad in ["", "[]", "{}", r#"{"keys":7}"#, "nonsense"] {
            assert!(ProviderKeys::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_told_apart() {
        use base64::Engine as _;
        let token = |header: &str| {
            let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header);
            format!("{header}.e30.AA")
        };
        for none in ["none", "None", "HS256", "HS512", "RS1", "ES384", "Ed448"] {
            let header = json!({ "alg": none, "typ": "JWT" }).to_string();
            assert_eq!(
                Head::read(&token(&header)),
                Err(ExchangeError::Algorithm),
                "{none}"
            );
        }
        for bad in [
            r#"{"typ":"JWT"}"#,
            r#"{"alg":7}"#,
            "[]",
            "",
            r#"{"alg":"RS256","crit":["b64"]}"#,
        ] {
            assert_eq!(Head::read(&token(bad)), Err(ExchangeError::Malformed), "{bad}");
        }
        for bad in ["", "a", "a.b", "a.b.c", "a.b.c.d", "ü.ü.ü"] {
            assert_eq!(Head::read(bad), Err(ExchangeError::Malformed), "{bad}");
        }
        let head = Head::read(&token(r#"{"alg":"PS256","kid":"k","typ":"at+jwt"}"#)).unwrap();
        assert_eq!(
            (head.algorithm, head.key.as_deref()),
            (Algorithm::PS256, Some("k"))
        );
    }
}
