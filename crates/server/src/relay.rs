//! Credentials for TURN servers: made for each session, good for as long as its token, checked by the TURN server
//! without asking anybody (draft-uberti-behave-turn-rest-00, coturn's `use-auth-secret`).
//!
//! The user name is `expiry:session`, the password its HMAC-SHA1 under the secret that both servers share. Whose
//! session it is does not go over the network in the clear: the call records know.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sidetone_signaling::protocol::{IceServer, SessionId};
use sidetone_signaling::switchboard::Relays;
use sidetone_store::WallTime;

use crate::clock::wall_now;
use crate::{Secret, ServerError};

/// How much longer than the token credentials are good: a call that begins in the token's last moment still gets its
/// relay, on clocks that do not agree exactly.
const GRACE: Duration = Duration::from_secs(300);

/// The TURN servers of a deployment, and the secret that it shares with them.
#[derive(Clone, Debug)]
pub struct TurnConfig {
    /// Their addresses: `turn:host:port`, or `turns:`. Clients use those over UDP.
    pub urls: Vec<String>,
    /// coturn's `static-auth-secret`.
    pub secret: Secret,
}

impl TurnConfig {
    /// What `SwitchboardConfig` is told of them, once for each session and token.
    pub(crate) fn relays(self) -> Relays {
        Box::new(move |session, life| vec![self.credentials(session, life, wall_now())])
    }

    fn credentials(&self, session: SessionId, life: Duration, now: WallTime) -> IceServer {
        let expiry = now.as_secs().saturating_add((life + GRACE).as_secs());
        let username = format!("{expiry}:{}", session.0);
        // SHA-1 is the scheme's: as a keyed code it is not known to be weak, and TURN servers know no other.
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            self.secret.expose().as_bytes(),
        );
        IceServer {
            urls: self.urls.clone(),
            credential: STANDARD.encode(hmac::sign(&key, username.as_bytes())),
            username,
        }
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// [`ServerError::Config`].
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        if self.urls.is_empty() {
            return Err(ServerError::Config("a TURN secret, and no TURN server"));
        }
        if self.secret.expose().is_empty() {
            return Err(ServerError::Config("the TURN secret is empty"));
        }
        if !self.urls.iter().all(|url| is_server(url, &["turn", "turns"])) {
            return Err(ServerError::Config("a TURN server's address is turn:host[:port]"));
        }
        Ok(())
    }
}

/// Whether the shared servers can be used by clients, who refuse what is none.
///
/// # Errors
/// [`ServerError::Config`].
pub(crate) fn check(servers: &[IceServer]) -> Result<(), ServerError> {
    let schemes = ["stun", "stuns", "turn", "turns"];
    let good = |server: &IceServer| server.urls.iter().all(|url| is_server(url, &schemes));
    if servers.iter().all(good) {
        return Ok(());
    }
    Err(ServerError::Config("a STUN server's address is stun:host[:port]"))
}

/// RFC 7064 and RFC 7065, as far as a mistake in a command line goes: a scheme, a host, a port that is a number.
fn is_server(url: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else {
        return false;
    };
    let place = rest.split('?').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        // The last colon of an IPv6 address belongs to it, unless it stands behind a bracket.
        Some((host, port)) if !place.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    schemes.contains(&scheme)
        && !host.is_empty()
        && !host.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_graphic())
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn() -> TurnConfig {
        TurnConfig {
            urls: vec!["turn:turn.example:3478".to_owned()],
            secret: Secret::new("north"),
        }
    }

    #[test]
    fn credentials_are_what_the_scheme_says() {
        let session = SessionId(uuid::Uuid::nil());
        let now = WallTime::from_millis(1_700_000_000_000);
        let made = turn().credentials(session, Duration::from_secs(3_300), now);
        assert_eq!(made.username, "1700003600:00000000-0000-0000-0000-000000000000");
        // printf 1700003600:00000000-0000-0000-0000-000000000000 | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(made.credential, "1K3ZLI10Z+wIAQMXk2t2uZPMmVU=");
        let other = SessionId(uuid::Uuid::max());
        assert_ne!(
            made.credential,
            turn().credentials(other, Duration::ZERO, now).credential
        );
    }

    #[test]
    fn neither_secret_nor_credential_is_shown() {
        let turn = turn();
        let made = turn.credentials(
            SessionId(uuid::Uuid::nil()),
            Duration::ZERO,
            WallTime::from_millis(0),
        );
        let shown = format!("{turn:?} {made:?}");
        assert!(
            !shown.contains("north") && !shown.contains(&made.credential),
            "{shown}"
        );
    }

    #[test]
    fn a_mistyped_address_is_refused_at_the_start() {
        let is = |url| is_server(url, &["turn", "turns"]);
        for good in [
            "turn:a",
            "turn:a:3478",
            "turns:a:443?transport=tcp",
            "turn:[::1]:3478",
            "turn:[::1]",
        ] {
            assert!(is(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "turn:",
            "turn::3478",
            "turn://a",
            "turn:a:0",
            "turn:a:99999",
            "turn:a b",
            "stun:a",
            "http://a",
        ] {
            assert!(!is(bad), "{bad}");
        }
        let none = TurnConfig {
            urls: Vec::new(),
            ..turn()
        };
        assert!(none.check().is_err());
    }
}
