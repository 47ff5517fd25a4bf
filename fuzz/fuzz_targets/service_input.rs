//! What the service is given and must judge before it knows from whom: tokens, ours and a provider's, with the provider's
//! keys; what the receiver of a webhook answers; sounds that are to be messages; signing keys from the store.
//!
//! Of tokens, only what was issued is good: whatever else is made of one, to the last bit, is refused.
//!
//! Input: a byte that says what the rest is.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sidetone_server::{TokenRequest, Tokens, fuzzing};
use sidetone_signaling::Identifier;
use sidetone_store::{Store, WallTime};

const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);

struct Issuer {
    tokens: Tokens,
    issued: String,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let store = Store::in_memory().expect("a store");
    let tokens = runtime
        .block_on(Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW))
        .expect("a key");
    let request = TokenRequest::new(Identifier::member("acme", "ann").expect("an identity"));
    let issued = tokens.issue(request, NOW).expect("a token").token.into_exposed();
    tokens.verify(&issued, NOW).expect("it is good");
    Issuer { tokens, issued }
});

const HOUR: Duration = Duration::from_secs(3600);

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 6 {
        0 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                assert!(ISSUER.tokens.verify(text, NOW).is_err(), "nobody issued it");
            }
        }
        1 => altered(rest),
        2 => {
            let (token, keys) = rest.split_at(rest.len().min(512));
            if let Ok(token) = std::str::from_utf8(token) {
                fuzzing::provider(keys, token);
            }
            fuzzing::provider(rest, &ISSUER.issued);
        }
        3 => {
            if let Some(wait) = fuzzing::retry_after(rest) {
                // A number, and nothing else.
                let text = std::str::from_utf8(rest).expect("text").trim();
                assert_eq!(text.parse().map(Duration::from_secs), Ok(wait));
            }
        }
        4 => {
            if let Some(length) = fuzzing::sound(rest) {
                assert!(length <= HOUR, "{length:?}");
            }
        }
        _ => {
            if let Some(stored) = fuzzing::signing_key(rest) {
                assert_eq!(fuzzing::signing_key(&stored).as_ref(), Some(&stored));
            }
        }
    }
});

/// A part of a good token with something else in its place.
fn altered(edit: &[u8]) {
    let [at, high, cut, put @ ..] = edit else { return };
    let issued = &ISSUER.issued;
    let at = usize::from(u16::from_le_bytes([*at, *high])) % (issued.len() + 1);
    let end = (at + usize::from(*cut)).min(issued.len());
    let Ok(put) = std::str::from_utf8(put) else { return };
    let other = format!("{}{put}{}", &issued[..at], &issued[end..]);
    let good = ISSUER.tokens.verify(&other, NOW).is_ok();
    assert_eq!(good, other == *issued, "{other}");
}
