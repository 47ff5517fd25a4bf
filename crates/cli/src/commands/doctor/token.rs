//! A look at the token itself, before the service sees it. The signature is the service's business.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sidetone::Identifier;

use super::report::{Fine, Trouble};

/// A token that ends sooner is not worth a call.
const SHORT: Duration = Duration::from_secs(300);

/// What a token says of itself.
#[derive(Debug)]
pub struct Claims {
    pub identity: Identifier,
    pub scopes: Vec<String>,
}

/// Reads a token (RFC 7519), `now` being the time since 1970.
pub fn read(token: &str, now: Duration) -> Result<(Claims, Fine), Trouble> {
    let malformed = |what: &str| {
        Trouble::new(
            format!("not a token of a sidetone service: {what}"),
            "hand in what the service issued, whole and without quotes; `sidetone token` makes one",
        )
    };
    let parts: Vec<&str> = token.split('.').collect();
    let [_, claims, _] = parts[..] else {
        return Err(malformed("a token is three parts between two dots"));
    };
    let claims = URL_SAFE_NO_PAD
        .decode(claims)
        .map_err(|_| malformed("its middle is not base64url"))?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| malformed("its middle is not JSON"))?;
    let seconds = |name: &str| claims[name].as_u64().map(Duration::from_secs);
    let (Some(issued), Some(ends)) = (seconds("iat"), seconds("exp")) else {
        return Err(malformed("it does not say when it was made and when it ends"));
    };
    let identity = claims["sub"]
        .as_str()
        .and_then(|sub| sub.parse().ok())
        .ok_or_else(|| malformed("it does not say whose it is"))?;
    let scopes = claims["scopes"].as_array().into_iter().flatten();
    let scopes = scopes
        .filter_map(|scope| scope.as_str().map(str::to_owned))
        .collect();
    let claims = Claims { identity, scopes };
    let whole = ends.saturating_sub(issued);
    if ends <= now {
        return Err(Trouble::new(
            format!("it expired {} ago", words(now - ends)),
            "ask for a new one; let the application refresh it before its end",
        ));
    }
    let (left, whole_words) = (ends - now, words(whole));
    let found = format!("{} left of {whole_words}", words(left));
    let fine = if left < SHORT && left < whole {
        Fine::but(found, "it ends soon: refresh it, or calls end with it")
    } else {
        Fine::new(found)
    };
    Ok((claims, fine))
}

/// Whose a token is, by its own word; the service has the last.
pub fn identity(token: &str) -> Option<Identifier> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["sub"].as_str()?.parse().ok()
}

/// What a token is good for.
pub fn scopes(claims: &Claims) -> Result<((), Fine), Trouble> {
    let list = claims.scopes.join(", ");
    let found = format!("{}: {list}", claims.identity);
    if claims.scopes.iter().any(|scope| scope == "voip") {
        return Ok(((), Fine::new(found)));
    }
    if claims.scopes.iter().any(|scope| scope == "voip.join") {
        return Ok((
            (),
            Fine::but(
                found,
                "it cannot start calls: ask for the scope `voip` where the user shall",
            ),
        ));
    }
    Err(Trouble::new(
        format!("{found}: no scope for calls"),
        "ask for a token with the scope `voip`",
    ))
}

/// A length of time in at most two units.
fn words(length: Duration) -> String {
    let length = humantime::format_duration(Duration::from_secs(length.as_secs())).to_string();
    length.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn each_fault_has_its_words() {
        let now = Duration::from_secs(10_000);
        let good = r#"{"iat":9000,"exp":13600,"sub":"external:dev:a","scopes":["voip","chat"]}"#;
        let (claims, _) = read(&token(good), now).unwrap();
        assert_eq!(claims.identity.to_string(), "external:dev:a");
        assert!(scopes(&claims).is_ok());
        let said = |token: &str| format!("{:?}", read(token, now).unwrap_err());
        assert!(said("nonsense").contains("three parts"));
        assert!(said("a.!!.c").contains("base64url"));
        assert!(said(&token("[")).contains("JSON"));
        assert!(said(&token("{}")).contains("when it ends"));
        assert!(said(&token(r#"{"iat":1,"exp":99999,"sub":"nobody"}"#)).contains("whose"));
        let old = r#"{"iat":1000,"exp":6400,"sub":"external:dev:a","scopes":[]}"#;
        assert!(said(&token(old)).contains("expired 1h ago"));
        let chat = good.replace("voip", "chat.join");
        let (claims, _) = read(&token(&chat), now).unwrap();
        assert!(scopes(&claims).is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_is_handed_in_panics(text in ".*", claims in ".*", now in any::<u32>()) {
            let now = Duration::from_secs(now.into());
            let _ = read(&text, now);
            let _ = read(&token(&claims), now);
        }
    }
}
