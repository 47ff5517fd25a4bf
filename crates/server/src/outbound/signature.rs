//! Signatures of requests that this service sends, so that a receiver knows whose they are: HMAC-SHA-256 over
//! `id.timestamp.body`, in the headers of the Standard Webhooks specification. Refuses to know what is in the body.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sidetone_store::WallTime;

use crate::Secret;

/// Names the message: the same for every attempt to deliver it.
const ID: HeaderName = HeaderName::from_static("webhook-id");

/// When it was sent, in seconds since the Unix epoch. A receiver refuses old ones.
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");

/// The signature: `v1,` and base64.
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// A new secret, to be shown once: `whsec_` and 32 random bytes in base64.
pub(crate) fn new_secret() -> Secret {
    // The generator is seeded by the operating system and cryptographically secure.
    let bytes: [u8; 32] = rand::random();
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The headers that sign `body`. `id` may hold letters, digits and `-_.` only; one that does not fit a header signs
/// nothing.
pub(crate) fn sign(secret: &Secret, id: &str, at: WallTime, body: &[u8]) -> HeaderMap {
    let signature = format!("v1,{}", STANDARD.encode(code(secret, id, at.as_secs(), body)));
    let headers = [
        (ID, id.to_owned()),
        (TIMESTAMP, at.as_secs().to_string()),
        (SIGNATURE, signature),
    ];
    headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
        .collect()
}

fn code(secret: &Secret, id: &str, timestamp: u64, body: &[u8]) -> aws_lc_rs::hmac::Tag {
    let mut context = aws_lc_rs::hmac::Context::with_key(&key(secret));
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    context.sign()
}

fn key(secret: &Secret) -> aws_lc_rs::hmac::Key {
    let text = secret.expose();
    let text = text.strip_prefix(PREFIX).unwrap_or(text);
    // A secret that somebody chose instead of us may be any text.
    let bytes = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
    aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // The example of the Standard Webhooks specification.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let at = WallTime::from_millis(1_614_265_330_000);
        let headers = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            at,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            headers[SIGNATURE],
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(headers[TIMESTAMP], "1614265330");
        assert_eq!(headers[ID], "msg_p5jXN8AQM9LWM0D4loKWxJek");
    }

    #[test]
    fn another_secret_another_signature() {
        let at = WallTime::from_millis(0);
        let (a, b) = (new_secret(), new_secret());
        assert_ne!(a.expose(), b.expose());
        assert_ne!(
            sign(&a, "m", at, b"x")[SIGNATURE],
            sign(&b, "m", at, b"x")[SIGNATURE]
        );
        assert_ne!(
            sign(&a, "m", at, b"x")[SIGNATURE],
            sign(&a, "m", at, b"y")[SIGNATURE]
        );
    }
}
