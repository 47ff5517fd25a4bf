//! Every way in which a sign-in does not hold, against keys that are made here.

use std::sync::LazyLock;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::key::SigningKey;

const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);
const ISSUER: &str = "https://login.example/acme";

/// A key of the identity provider's, and the set that it publishes.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::make(NOW).unwrap());

fn keys() -> ProviderKeys {
    ProviderKeys::read(json!({ "keys": [&KEY.public] }).to_string().as_bytes()).unwrap()
}

fn provider() -> IdentityProvider {
    IdentityProvider {
        issuer: ISSUER.to_owned(),
        clients: ["app".to_owned(), "other".to_owned()].into(),
        audiences: ["calls".to_owned()].into(),
        object_id_claim: None,
        resources: None,
        veto_url: None,
    }
}

/// The claims of an id token that holds.
fn id_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "app", "sub": "ann", "exp": NOW.as_secs() + 600, "iat": NOW.as_secs(),
    })
}

/// The claims of an access token that holds.
fn access_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": ["calls", "more"], "sub": "ann", "client_id": "app", "exp": NOW.as_secs() + 600,
    })
}

fn signed_by(key: &EncodingKey, claims: &Value, kind: &str) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(KEY.id.clone());
    header.typ = Some(kind.to_owned());
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

fn sign_in(kind: Kind, token: String) -> SignIn {
    SignIn {
        kind,
        token,
        client: "app".to_owned(),
        object: "ann".to_owned(),
    }
}

fn judge(sign_in: &SignIn, provider: &IdentityProvider) -> Result<Confirmed, ExchangeError> {
    let head = sign_in.head(provider)?;
    sign_in.check(&head, provider, &keys(), NOW)
}

fn id_token(claims: &Value) -> Result<Confirmed, ExchangeError> {
    judge(
        &sign_in(Kind::IdToken, signed_by(&KEY.signing, claims, "JWT")),
        &provider(),
    )
}

fn access_token(claims: &Value) -> Result<Confirmed, ExchangeError> {
    judge(
        &sign_in(Kind::AccessToken, signed_by(&KEY.signing, claims, "at+jwt")),
        &provider(),
    )
}

/// `claims` with one of them changed, or taken away by `null`.
fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn missing(name: &str) -> Result<Confirmed, ExchangeError> {
    Err(ExchangeError::Claim(name.to_owned()))
}

#[test]
fn what_holds_is_confirmed_until_its_end() {
    let until = NOW.after(Duration::from_secs(600));
    assert_eq!(id_token(&id_claims()), Ok(Confirmed { until }));
    assert_eq!(access_token(&access_claims()), Ok(Confirmed { until }));
    let fraction = with(id_claims(), "exp", json!(NOW.as_secs() as f64 + 0.5));
    let until = WallTime::from_millis(NOW.as_millis() + 500);
    assert_eq!(id_token(&fraction), Ok(Confirmed { until }));
}

#[test]
fn another_issuer_is_refused() {
    for issuer in [
        "https://login.example/acme/",
        "https://login.example",
        "https://evil.example/acme",
    ] {
        let claims = with(id_claims(), "iss", issuer.into());
        assert_eq!(id_token(&claims), Err(ExchangeError::Issuer), "{issuer}");
    }
    assert_eq!(id_token(&without(id_claims(), "iss")), missing("iss"));
    assert_eq!(
        id_token(&with(id_claims(), "iss", json!([ISSUER]))),
        missing("iss")
    );
}

#[test]
fn an_id_token_must_be_made_for_the_client() {
    let refused = Err(ExchangeError::Audience);
    for audience in [
        json!("other"),
        json!("calls"),
        json!([]),
        json!(["other"]),
        json!(["app", "other"]),
    ] {
        assert_eq!(
            id_token(&with(id_claims(), "aud", audience.clone())),
            refused,
            "{audience}"
        );
    }
    for audience in [json!(null), json!(7), json!([7]), json!({})] {
        assert_eq!(
            id_token(&with(id_claims(), "aud", audience.clone())),
            missing("aud"),
            "{audience}"
        );
    }
    // Whoever it was made for counts where it says so.
    let several = with(id_claims(), "aud", json!(["app", "other"]));
    assert!(id_token(&with(several.clone(), "azp", "app".into())).is_ok());
    assert_eq!(id_token(&with(several, "azp", "other".into())), refused);
    assert_eq!(id_token(&with(id_claims(), "azp", "other".into())), refused);
}

#[test]
fn an_access_token_must_be_for_us_and_of_the_client() {
    let refused = Err(ExchangeError::Audience);
    for audience in [json!("app"), json!("other"), json!([])] {
        assert_eq!(
            access_token(&with(access_claims(), "aud", audience.clone())),
            refused,
            "{audience}"
        );
    }
    assert_eq!(
        access_token(&with(access_claims(), "client_id", "other".into())),
        refused
    );
    assert_eq!(
        access_token(&without(access_claims(), "client_id")),
        missing("client_id")
    );
    let party = with(without(access_claims(), "client_id"), "azp", "app".into());
    assert!(access_token(&party).is_ok());
}

#[test]
fn one_kind_is_not_taken_for_the_other() {
    let as_id = sign_in(Kind::IdToken, signed_by(&KEY.signing, &id_claims(), "at+jwt"));
    assert_eq!(judge(&as_id, &provider()), Err(ExchangeError::Kind));
    let as_access = sign_in(Kind::AccessToken, signed_by(&KEY.signing, &id_claims(), "JWT"));
    assert_eq!(judge(&as_access, &provider()), Err(ExchangeError::Audience));
    let mut id_only = provider();
    id_only.audiences.clear();
    let access = sign_in(
        Kind::AccessToken,
        signed_by(&KEY.signing, &access_claims(), "at+jwt"),
    );
    assert_eq!(
        judge(&access, &id_only),
        Err(ExchangeError::AccessTokensNotAccepted)
    );
}

#[test]
fn time_counts_on_both_sides() {
    let at = |name: &str, seconds: i64| {
        let value = NOW.as_secs().checked_add_signed(seconds).unwrap();
        id_token(&with(id_claims(), name, value.into()))
    };
    assert_eq!(at("exp", 0), Err(ExchangeError::Expired));
    assert_eq!(at("exp", -100), Err(ExchangeError::Expired));
    assert!(at("exp", 1).is_ok());
    for begins in ["nbf", "iat"] {
        assert_eq!(at(begins, 61), Err(ExchangeError::NotYet));
        assert!(at(begins, 60).is_ok());
    }
    assert_eq!(id_token(&without(id_claims(), "exp")), missing("exp"));
    for bad in [json!("soon"), json!(-1), json!(1e300), json!([])] {
        assert_eq!(
            id_token(&with(id_claims(), "exp", bad.clone())),
            missing("exp"),
            "{bad}"
        );
    }
}

#[test]
fn the_object_id_is_where_the_organisation_says() {
    let named = with(id_claims(), "oid", "ann".into());
    assert!(id_token(&with(named.clone(), "sub", "pairwise".into())).is_ok());
    // Where there is an object id, the subject is not looked at.
    assert_eq!(
        id_token(&with(id_claims(), "oid", "bob".into())),
        Err(ExchangeError::ObjectId)
    );
    assert_eq!(id_token(&with(id_claims(), "oid", 7.into())), missing("oid"));
    assert_eq!(
        id_token(&with(id_claims(), "sub", "bob".into())),
        Err(ExchangeError::ObjectId)
    );
    assert_eq!(
        id_token(&with(id_claims(), "sub", "ANN".into())),
        Err(ExchangeError::ObjectId)
    );
    assert_eq!(id_token(&without(id_claims(), "sub")), missing("sub"));
    let mut elsewhere = provider();
    elsewhere.object_id_claim = Some("employee".to_owned());
    let judged = |claims: &Value| {
        judge(
            &sign_in(Kind::IdToken, signed_by(&KEY.signing, claims, "JWT")),
            &elsewhere,
        )
    };
    assert_eq!(judged(&named), missing("employee"));
    assert!(judged(&with(id_claims(), "employee", "ann".into())).is_ok());
}

#[test]
fn a_client_that_nobody_accepted_is_refused_first() {
    let mut foreign = sign_in(Kind::IdToken, "garbage".to_owned());
    foreign.client = "foreign".to_owned();
    assert_eq!(
        judge(&foreign, &provider()),
        Err(ExchangeError::ClientNotAccepted)
    );
}

#[test]
fn forged_ones_are_told_apart() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let judged = |token: String| judge(&sign_in(Kind::IdToken, token), &provider()).unwrap_err();

    let stranger = SigningKey::make(NOW).unwrap();
    let forged = signed_by(&stranger.signing, &id_claims(), "JWT");
    assert_eq!(judged(forged), ExchangeError::Signature);
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(stranger.id.clone());
    let own_key = jsonwebtoken::encode(&header, &id_claims(), &stranger.signing).unwrap();
    assert_eq!(judged(own_key), ExchangeError::UnknownKey);
    // A key that the token brings along is no key.
    header.jwk = Some(stranger.public.clone());
    header.kid = Some(KEY.id.clone());
    let brings = jsonwebtoken::encode(&header, &id_claims(), &stranger.signing).unwrap();
    assert_eq!(judged(brings), ExchangeError::Signature);

    let claims = id_claims().to_string();
    let none = format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims));
    assert_eq!(judged(none), ExchangeError::Algorithm);
    // The public key as a shared secret: the classic confusion of algorithms.
    let text = serde_json::to_string(&KEY.public).unwrap();
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(KEY.id.clone());
    let confused =
        jsonwebtoken::encode(&header, &id_claims(), &EncodingKey::from_secret(text.as_bytes())).unwrap();
    assert_eq!(judged(confused), ExchangeError::Algorithm);
    // A name of a key of another algorithm.
    let other = format!(
        "{}.{}.AA",
        encode(&json!({ "alg": "RS256", "kid": KEY.id }).to_string()),
        encode(&claims)
    );
    assert_eq!(judged(other), ExchangeError::Algorithm);
    let list = signed_by(&KEY.signing, &json!([1, 2]), "JWT");
    assert_eq!(judged(list), ExchangeError::Malformed);
    assert_eq!(
        judged("x".repeat(MAX_SIGN_IN_BYTES + 1)),
        ExchangeError::Malformed
    );
}

proptest! {
    #[test]
    fn a_changed_sign_in_never_holds(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.-]") {
        static GOOD: LazyLock<String> = LazyLock::new(|| signed_by(&KEY.signing, &id_claims(), "JWT"));
        let at = at.index(GOOD.len());
        let mut changed = GOOD.clone();
        changed.replace_range(at..=at, &with);
        let same = changed == *GOOD;
        prop_assert_eq!(judge(&sign_in(Kind::IdToken, changed), &provider()).is_ok(), same);
    }

    #[test]
    fn any_text_is_refused_without_panic(token in "\\PC{0,200}", access: bool) {
        let kind = if access { Kind::AccessToken } else { Kind::IdToken };
        prop_assert!(judge(&sign_in(kind, token), &provider()).is_err());
    }

    /// Whatever an identity provider signs, it is judged.
    #[test]
    fn any_claims_are_judged_without_panic(
        name in prop::sample::select(vec!["iss", "aud", "azp", "exp", "nbf", "iat", "sub", "oid"]),
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(-1), json!(1e18), json!(0.5), json!(""), json!("x"), json!([]), json!({}),
            json!([null]), json!(u64::MAX), json!(i64::MIN),
        ]),
    ) {
        let _ = id_token(&with(id_claims(), name, value.clone()));
        let _ = access_token(&with(access_claims(), name, value));
    }
}
