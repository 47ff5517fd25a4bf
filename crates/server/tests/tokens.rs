//! Tokens without a socket: what is issued verifies, nothing else does, and the key outlives the process.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use sidetone_server::{Server, ServerConfig, ServerError, TokenError, TokenRequest, Tokens, issue_token};
use sidetone_signaling::Identifier;
use sidetone_store::{Store, StoreError, WallTime};

const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);
const HOUR: Duration = Duration::from_secs(3600);

fn ann() -> TokenRequest {
    TokenRequest {
        name: Some("Ann".to_owned()),
        ..TokenRequest::new(Identifier::member("acme", "ann").unwrap())
    }
}

async fn tokens() -> Tokens {
    let store = Store::in_memory().unwrap();
    Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap()
}

#[tokio::test]
async fn an_issued_token_says_what_was_asked_and_expires() {
    let tokens = tokens().await;
    let issued = tokens
        .issue(
            TokenRequest {
                lifetime: Some(2 * HOUR),
                ..ann()
            },
            NOW,
        )
        .unwrap();
    let claims = tokens.verify(issued.token.expose(), NOW).unwrap();
    assert_eq!(
        (claims.sub, claims.name.as_deref()),
        (ann().identity, Some("Ann"))
    );
    assert_eq!(claims.scopes, ann().scopes);
    assert_eq!(claims.exp - claims.iat, 7200);
    assert_eq!(issued.expires, NOW.after(2 * HOUR));
    let last = NOW.after(2 * HOUR - Duration::from_secs(1));
    assert!(tokens.verify(issued.token.expose(), last).is_ok());
    assert_eq!(
        tokens.verify(issued.token.expose(), issued.expires),
        Err(TokenError::Expired)
    );
    let before = WallTime::from_millis(NOW.as_millis() - 120_000);
    assert_eq!(
        tokens.verify(issued.token.expose(), before),
        Err(TokenError::NotYet)
    );
}

#[tokio::test]
async fn requests_that_are_not_allowed_are_refused() {
    let tokens = tokens().await;
    for lifetime in [
        Duration::ZERO,
        Duration::from_secs(3599),
        24 * HOUR + Duration::from_secs(1),
        Duration::MAX,
    ] {
        let request = TokenRequest {
            lifetime: Some(lifetime),
            ..ann()
        };
        assert!(
            matches!(tokens.issue(request, NOW), Err(TokenError::Lifetime { .. })),
            "{lifetime:?}"
        );
    }
    let request = TokenRequest {
        name: Some("x".repeat(257)),
        ..ann()
    };
    assert_eq!(tokens.issue(request, NOW), Err(TokenError::NameTooLong));
    let request = TokenRequest::new("phone:+391234567".parse().unwrap());
    assert_eq!(tokens.issue(request, NOW), Err(TokenError::Identity));
}

/// Header and claims as given, with a signature that is not ours.
fn forged(header: &str, claims: &str, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        part(header.as_bytes()),
        part(claims.as_bytes()),
        part(signature)
    )
}

#[tokio::test]
async fn forged_tokens_are_told_apart() {
    let tokens = tokens().await;
    let good = tokens.issue(ann(), NOW).unwrap().token.into_exposed();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!()
    };
    let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let verify = |token: &str| tokens.verify(token, NOW).unwrap_err();

    for none in ["none", "None", "NONE", "nOnE"] {
        let header = format!(r#"{{"alg":"{none}","typ":"JWT"}}"#);
        assert_eq!(verify(&forged(&header, &decoded, b"")), TokenError::Algorithm);
    }
    // The public key as an HMAC secret: the classic confusion of algorithms.
    let hmac = r#"{"alg":"HS256","typ":"JWT"}"#;
    assert_eq!(verify(&forged(hmac, &decoded, &[7; 32])), TokenError::Algorithm);
    let eddsa = r#"{"alg":"EdDSA","typ":"JWT"}"#;
    assert_eq!(verify(&forged(eddsa, &decoded, &[7; 64])), TokenError::Signature);
    assert_eq!(verify(&forged(eddsa, &decoded, b"")), TokenError::Signature);
    let kid = r#"{"alg":"EdDSA","kid":"another"}"#;
    assert_eq!(verify(&forged(kid, &decoded, &[7; 64])), TokenError::UnknownKey);
    let root = URL_SAFE_NO_PAD.encode(decoded.replace("ann", "bob"));
    assert_eq!(
        verify(&format!("{header}.{root}.{signature}")),
        TokenError::Signature
    );
    for text in [
        "",
        ".",
        "..",
        "a.b.c",
        "token",
        &"x".repeat(9000),
        "ü.ü.ü",
        &format!("{good}.x"),
    ] {
        let error = verify(text);
        assert!(
            matches!(error, TokenError::Malformed | TokenError::Algorithm),
            "{text}: {error}"
        );
    }
}

#[tokio::test]
async fn another_deployments_token_is_refused() {
    let (ours, theirs) = (tokens().await, tokens().await);
    let token = theirs.issue(ann(), NOW).unwrap().token;
    assert_eq!(ours.verify(token.expose(), NOW), Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn the_key_outlives_the_process_and_others_can_check_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let before = issue_token(&data_dir, ann()).await.unwrap();

    let config = ServerConfig {
        data_dir: Some(data_dir.clone()),
        ..ServerConfig::default()
    };
    let server = Server::start(config.clone()).await.unwrap();
    let locked = issue_token(&data_dir, ann()).await.unwrap_err();
    assert!(
        matches!(locked, ServerError::Store(StoreError::Locked { .. })),
        "{locked}"
    );
    let after = server.issue_token(ann()).unwrap();
    server.shutdown().await;

    // As someone with nothing but the published key.
    let store = Store::open(&data_dir.join("sidetone.redb")).unwrap();
    let tokens = Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap();
    let keys = tokens.public_keys();
    assert_eq!(keys.keys.len(), 1);
    let text = serde_json::to_string(&keys).unwrap();
    assert!(
        text.contains(r#""crv":"Ed25519""#) && !text.contains(r#""d""#),
        "{text}"
    );
    let key = jsonwebtoken::DecodingKey::from_jwk(&keys.keys[0]).unwrap();
    let validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
    for token in [before, after] {
        let claims = jsonwebtoken::decode::<serde_json::Value>(token.token.expose(), &key, &validation)
            .unwrap()
            .claims;
        assert_eq!(claims["sub"], "member:acme:ann");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_key_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    issue_token(folder.path(), ann()).await.unwrap();
    let mode = std::fs::metadata(folder.path().join("sidetone.redb"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_changed_token_never_verifies(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let tokens = tokens().await;
            let good = tokens.issue(ann(), NOW).unwrap().token.into_exposed();
            let at = at.index(good.len());
            let mut changed = good.clone();
            changed.replace_range(at..=at, &with);
            let verified = tokens.verify(&changed, NOW);
            // The last character of a part carries bits that mean nothing; strict decoding refuses those too.
            prop_assert_eq!(verified.is_ok(), changed == good, "{}", changed);
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async { prop_assert!(tokens().await.verify(&text, NOW).is_err()); Ok(()) })?;
    }
}
