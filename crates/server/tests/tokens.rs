//! Tokens without a socket: what is issued verifies, nothing else does, and the key outlives the process.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use sidetone_server::{
    OldKeys, Scope, Server, ServerConfig, ServerError, TokenError, TokenRequest, Tokens, issue_token,
};
use sidetone_signaling::{Identifier, Reason};
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
    let scopes = |scopes: Vec<Scope>| TokenRequest { scopes, ..ann() };
    assert_eq!(tokens.issue(scopes(vec![]), NOW), Err(TokenError::NoScopes));
    let twice = tokens
        .issue(scopes(vec![Scope::Voip, Scope::Chat, Scope::Voip]), NOW)
        .unwrap();
    let claims = tokens.verify(twice.token.expose(), NOW).unwrap();
    assert_eq!(claims.scopes, [Scope::Voip, Scope::Chat]);
}

#[tokio::test]
async fn a_token_ends_with_what_it_was_exchanged_for() {
    let tokens = tokens().await;
    let until = |until: WallTime| TokenRequest {
        until: Some(until),
        ..ann()
    };
    // Sooner than the shortest lifetime, and never later than the longest.
    let soon = NOW.after(Duration::from_secs(90));
    assert_eq!(tokens.issue(until(soon), NOW).unwrap().expires, soon);
    let late = NOW.after(100 * HOUR);
    assert_eq!(
        tokens.issue(until(late), NOW).unwrap().expires,
        NOW.after(24 * HOUR)
    );
    assert_eq!(tokens.issue(until(NOW), NOW), Err(TokenError::Expired));
}

#[tokio::test]
async fn scopes_say_what_a_session_is_good_for() {
    let tokens = tokens().await;
    let granted = |scopes: Vec<Scope>| {
        let issued = tokens.issue(TokenRequest { scopes, ..ann() }, NOW).unwrap();
        tokens.grant(issued.token.expose(), NOW)
    };
    assert!(granted(vec![Scope::Voip]).unwrap().may_start_calls);
    assert!(
        !granted(vec![Scope::VoipJoin, Scope::Chat])
            .unwrap()
            .may_start_calls
    );
    assert!(granted(vec![Scope::VoipJoin]).unwrap().may_take_calls);
    for scope in [Scope::Chat, Scope::ChatJoin, Scope::ChatJoinLimited] {
        let grant = granted(vec![scope]).unwrap();
        assert!(
            !grant.may_start_calls && !grant.may_take_calls,
            "{scope}: for chat alone"
        );
    }
    let reason = TokenError::ScopeMissing { needed: Scope::Voip }.reason();
    assert!(reason.is(&Reason::SCOPE_MISSING) && reason.code == 403);
    assert!(TokenError::Expired.reason().is(&Reason::INVALID_TOKEN));
}

#[tokio::test]
async fn an_ordinary_rotation_is_noticed_by_nobody() {
    let store = Store::in_memory().unwrap();
    let tokens = Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap();
    let before = tokens.issue(ann(), NOW).unwrap();
    tokens.rotate(&*store.kv, OldKeys::Keep, NOW).await.unwrap();
    let after = tokens.issue(ann(), NOW).unwrap();
    let keys = tokens.public_keys(NOW).keys;
    assert_eq!(keys.len(), 2);
    let signed_with = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid;
    assert_eq!(signed_with(after.token.expose()), keys[0].common.key_id);
    assert_eq!(signed_with(before.token.expose()), keys[1].common.key_id);
    // Another server on the same store, or this one after a restart.
    let other = Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap();
    let last = NOW.after(24 * HOUR - Duration::from_secs(1));
    for tokens in [&tokens, &other] {
        assert!(tokens.verify(before.token.expose(), last).is_ok());
        assert!(tokens.verify(after.token.expose(), last).is_ok());
    }
    // When no token of it can be valid, the old key is gone.
    let gone = NOW.after(25 * HOUR);
    assert_eq!(tokens.public_keys(gone).keys.len(), 1);
    assert_eq!(
        tokens.verify(before.token.expose(), gone),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(
        tokens.verify(after.token.expose(), gone),
        Err(TokenError::Expired)
    );
}

#[tokio::test]
async fn a_key_in_wrong_hands_is_dropped_with_its_tokens() {
    let store = Store::in_memory().unwrap();
    let tokens = Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap();
    let before = tokens.issue(ann(), NOW).unwrap();
    tokens.rotate(&*store.kv, OldKeys::Drop, NOW).await.unwrap();
    assert_eq!(
        tokens.verify(before.token.expose(), NOW),
        Err(TokenError::UnknownKey)
    );
    assert_eq!(tokens.public_keys(NOW).keys.len(), 1);
    let after = tokens.issue(ann(), NOW).unwrap();
    assert!(tokens.verify(after.token.expose(), NOW).is_ok());
}

#[tokio::test]
async fn a_revoked_token_is_not_good_again() {
    let store = Store::in_memory().unwrap();
    let tokens = Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap();
    let bob = TokenRequest::new(Identifier::member("acme", "bob").unwrap());
    let others = tokens.issue(bob, NOW).unwrap();
    let before = tokens.issue(ann(), NOW).unwrap();
    // In the same second as the token was issued.
    tokens.revoke(&*store.kv, &ann().identity, NOW).await.unwrap();
    let after = tokens.issue(ann(), NOW).unwrap();
    let other = Tokens::open(&*store.kv, HOUR..=24 * HOUR, NOW).await.unwrap();
    for tokens in [&tokens, &other] {
        assert_eq!(
            tokens.verify(before.token.expose(), NOW),
            Err(TokenError::Revoked)
        );
        assert!(tokens.verify(after.token.expose(), NOW).is_ok());
        assert!(tokens.verify(others.token.expose(), NOW).is_ok());
    }
    // As long as it would have been valid.
    let last = NOW.after(24 * HOUR - Duration::from_secs(1));
    let late = Tokens::open(&*store.kv, HOUR..=24 * HOUR, last).await.unwrap();
    assert_eq!(late.verify(before.token.expose(), last), Err(TokenError::Revoked));
    tokens
        .revoke(&*store.kv, &ann().identity, NOW.after(HOUR))
        .await
        .unwrap();
    assert_eq!(
        tokens.verify(after.token.expose(), NOW.after(HOUR)),
        Err(TokenError::Revoked)
    );
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
    let ours = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(verify(&forged(&ours, &decoded, &[7; 64])), TokenError::Signature);
    assert_eq!(verify(&forged(&ours, &decoded, b"")), TokenError::Signature);
    let nameless = r#"{"alg":"EdDSA","typ":"JWT"}"#;
    assert_eq!(
        verify(&forged(nameless, &decoded, &[7; 64])),
        TokenError::UnknownKey
    );
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
    let keys = tokens.public_keys(NOW);
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

/// A deployment and two tokens of it, made once.
static GOOD: LazyLock<(Tokens, [String; 2])> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let tokens = runtime.block_on(tokens());
    let bob = TokenRequest::new(Identifier::member("acme", "bob").unwrap());
    let pair = [ann(), bob].map(|request| tokens.issue(request, NOW).unwrap().token.into_exposed());
    (tokens, pair)
});

/// What is done to a token.
#[derive(Clone, Debug)]
enum Edit {
    Replace(prop::sample::Index, char),
    Insert(prop::sample::Index, char),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    /// One of the three parts is that of another good token.
    Graft(usize),
    /// A bit of what the base64 of a part says.
    Flip(usize, prop::sample::Index, u8),
    /// Text within what a part says.
    Reword(usize, &'static str, &'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let character = || prop::sample::select("ABCXYZabcxyz0189-_.=+/ \u{e9}".chars().collect::<Vec<_>>());
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), character()).prop_map(|(at, with)| Edit::Replace(at, with)),
        (index(), character()).prop_map(|(at, with)| Edit::Insert(at, with)),
        index().prop_map(Edit::Remove),
        index().prop_map(Edit::Cut),
        (0..3usize).prop_map(Edit::Graft),
        (0..3usize, index(), 0..8u8).prop_map(|(part, at, bit)| Edit::Flip(part, at, bit)),
        prop::sample::select(vec![
            Edit::Reword(0, "EdDSA", "none"),
            Edit::Reword(0, "EdDSA", "HS256"),
            Edit::Reword(0, "kid", "kit"),
            Edit::Reword(1, "ann", "bob"),
            Edit::Reword(1, "acme", "evil"),
            Edit::Reword(1, "\"exp\":1", "\"exp\":9"),
            Edit::Reword(1, "chat", "voip"),
        ]),
    ]
}

impl Edit {
    fn apply(&self, token: &mut String) {
        let char_at = |token: &str, at: &prop::sample::Index| {
            let starts: Vec<usize> = token.char_indices().map(|(at, _)| at).collect();
            (!starts.is_empty()).then(|| starts[at.index(starts.len())])
        };
        let said = |token: &mut String, part: usize, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
            let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
            if let Some(text) = parts.get_mut(part)
                && let Ok(bytes) = URL_SAFE_NO_PAD.decode(&*text)
            {
                *text = URL_SAFE_NO_PAD.encode(change(bytes));
                *token = parts.join(".");
            }
        };
        match self {
            Self::Replace(at, with) => {
                if let Some(at) = char_at(token, at) {
                    token.remove(at);
                    token.insert(at, *with);
                }
            }
            Self::Insert(at, with) => {
                let at = char_at(token, at).unwrap_or(0);
                token.insert(at, *with);
            }
            Self::Remove(at) => {
                if let Some(at) = char_at(token, at) {
                    token.remove(at);
                }
            }
            Self::Cut(at) => {
                let at = char_at(token, at).unwrap_or(0);
                token.truncate(at);
            }
            Self::Graft(part) => {
                let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
                if let (Some(into), Some(from)) = (parts.get_mut(*part), GOOD.1[1].split('.').nth(*part)) {
                    from.clone_into(into);
                    *token = parts.join(".");
                }
            }
            Self::Flip(part, at, bit) => said(token, *part, &|mut bytes| {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                }
                bytes
            }),
            Self::Reword(part, from, to) => said(token, *part, &|bytes| {
                String::from_utf8_lossy(&bytes).replace(from, to).into_bytes()
            }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Only what was issued verifies, whatever was done to it, by whoever has no key.
    #[test]
    fn a_changed_token_never_verifies(edits in prop::collection::vec(edit(), 1..5)) {
        let (tokens, good) = &*GOOD;
        let mut token = good[0].clone();
        edits.iter().for_each(|edit| edit.apply(&mut token));
        // Edits may undo each other, or put the other token together.
        prop_assert_eq!(tokens.verify(&token, NOW).is_ok(), good.contains(&token), "{}", token);
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
        prop_assert!(GOOD.0.verify(&text, NOW).is_err());
    }
}
