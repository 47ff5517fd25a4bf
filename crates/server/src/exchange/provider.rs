//! An organisation's identity provider, as its administrator sets it: who vouches for members, for which clients, and
//! how a sign-in names the member. Says what is accepted; whether a sign-in fits is checked elsewhere.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_store::{Key, StoreError};
use url::Url;
use utoipa::ToSchema;

use crate::outbound::{Outbound, OutboundError};

/// Most clients, audiences and resources each.
const MAX_ENTRIES: usize = 100;

/// Longest of any text, in bytes.
const MAX_TEXT: usize = 512;

/// Where a sign-in says who it is of, unless the organisation says otherwise: the first of these claims that is there.
const OBJECT_ID_CLAIMS: [&str; 2] = ["oid", "sub"];

/// An organisation's OpenID Connect identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct IdentityProvider {
    /// Its issuer, to the letter as in the tokens it makes. Its keys are found through
    /// `<issuer>/.well-known/openid-configuration`.
    #[schema(format = "uri", max_length = 512, example = "https://login.example/acme")]
    pub(crate) issuer: String,
    /// The clients (applications, as registered with the identity provider) whose sign-ins are accepted.
    #[schema(min_items = 1, max_items = 100)]
    pub(crate) clients: BTreeSet<String>,
    /// The audiences of access tokens that are accepted. Empty: id tokens only.
    #[serde(default)]
    pub(crate) audiences: BTreeSet<String>,
    /// The claim that holds the member's object id. Without it: `oid`, and where that is absent, `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) object_id_claim: Option<String>,
    /// The resources that may act for members. Without it: any that has a sign-in through an accepted client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resources: Option<BTreeSet<ResourceId>>,
    /// Asked before each token, with a signed request; what it does not allow is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", max_length = 512, example = "https://check.example/token")]
    pub(crate) veto_url: Option<String>,
}

/// Why a provider cannot be set so. Names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadProvider {
    #[error("{field}: {error}")]
    Address {
        field: &'static str,
        error: OutboundError,
    },
    #[error("issuer: must have no query")]
    Query,
    #[error("clients: at least one")]
    NoClients,
    #[error("{0}: at most {MAX_ENTRIES}")]
    TooMany(&'static str),
    #[error("{0}: each 1 to {MAX_TEXT} bytes")]
    Text(&'static str),
}

impl IdentityProvider {
    /// Whether this can be kept.
    ///
    /// # Errors
    /// [`BadProvider`].
    pub(crate) fn check(&self, outbound: &Outbound) -> Result<(), BadProvider> {
        let url = address("issuer", &self.issuer, outbound)?;
        if url.query().is_some() {
            return Err(BadProvider::Query);
        }
        if let Some(veto) = &self.veto_url {
            address("vetoUrl", veto, outbound)?;
        }
        if self.clients.is_empty() {
            return Err(BadProvider::NoClients);
        }
        let fits = |text: &String| (1..=MAX_TEXT).contains(&text.len());
        for (field, texts) in [("clients", &self.clients), ("audiences", &self.audiences)] {
            if texts.len() > MAX_ENTRIES {
                return Err(BadProvider::TooMany(field));
            }
            if !texts.iter().all(fits) {
                return Err(BadProvider::Text(field));
            }
        }
        if self
            .resources
            .as_ref()
            .is_some_and(|some| some.len() > MAX_ENTRIES)
        {
            return Err(BadProvider::TooMany("resources"));
        }
        if !self.object_id_claim.iter().all(fits) {
            return Err(BadProvider::Text("objectIdClaim"));
        }
        Ok(())
    }

    /// Where it describes itself (OpenID Connect Discovery 1.0 section 4).
    pub(crate) fn discovery(&self) -> Option<Url> {
        let issuer = self.issuer.trim_end_matches('/');
        Url::parse(&format!("{issuer}/.well-known/openid-configuration")).ok()
    }

    /// The claims in which the object id may be; the first that is there counts.
    pub(crate) fn object_id_claims(&self) -> Vec<&str> {
        match &self.object_id_claim {
            Some(claim) => vec![claim],
            None => OBJECT_ID_CLAIMS.to_vec(),
        }
    }
}

fn address(field: &'static str, text: &str, outbound: &Outbound) -> Result<Url, BadProvider> {
    if text.len() > MAX_TEXT {
        return Err(BadProvider::Text(field));
    }
    let bad = |error| BadProvider::Address { field, error };
    let url = Url::parse(text).map_err(|_| bad(OutboundError::Address))?;
    outbound.check(&url).map_err(bad)?;
    Ok(url)
}

/// A provider as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) provider: IdentityProvider,
    /// Signs the questions to the veto address. Shown once, when it was made.
    #[serde(default)]
    pub(crate) veto_secret: Option<String>,
}

/// Where the provider of an organisation lies. Dots in its name do not separate parts.
pub(crate) fn key(organisation: &OrganisationId) -> Result<Key, StoreError> {
    Key::new(format!(
        "identity-provider.{}",
        organisation.as_str().replace('.', "=")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::OutboundConfig;

    fn provider(issuer: &str) -> IdentityProvider {
        IdentityProvider {
            issuer: issuer.to_owned(),
            clients: ["app".to_owned()].into(),
            audiences: BTreeSet::new(),
            object_id_claim: None,
            resources: None,
            veto_url: None,
        }
    }

    #[test]
    fn what_cannot_be_asked_is_not_kept() {
        let outbound = Outbound::new(OutboundConfig::default());
        assert_eq!(provider("https://login.example/acme").check(&outbound), Ok(()));
        for bad in [
            "",
            "login.example",
            "http://login.example",
            "https://127.0.0.1/",
            "https://login.example/?tenant=1",
            "https://login.example/#a",
            "https://u@login.example/",
        ] {
            assert!(provider(bad).check(&outbound).is_err(), "{bad}");
        }
        let mut inside = provider("https://login.example");
        inside.veto_url = Some("https://169.254.169.254/latest".to_owned());
        let error = OutboundError::Forbidden;
        assert_eq!(
            inside.check(&outbound),
            Err(BadProvider::Address {
                field: "vetoUrl",
                error
            })
        );
        let mut empty = provider("https://login.example");
        empty.clients.clear();
        assert_eq!(empty.check(&outbound), Err(BadProvider::NoClients));
        let mut long = provider("https://login.example");
        long.clients.insert("x".repeat(513));
        assert_eq!(long.check(&outbound), Err(BadProvider::Text("clients")));
    }

    #[test]
    fn discovery_lies_below_the_issuer() {
        for (issuer, at) in [
            (
                "https://login.example",
                "https://login.example/.well-known/openid-configuration",
            ),
            (
                "https://login.example/",
                "https://login.example/.well-known/openid-configuration",
            ),
            (
                "https://login.example/a/b",
                "https://login.example/a/b/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(provider(issuer).discovery().unwrap().as_str(), at);
        }
    }
}
