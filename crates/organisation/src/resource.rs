//! Resources: what a developer's application belongs to.

use serde::{Deserialize, Serialize};
use sidetone_signaling::identifier::Label;
use utoipa::ToSchema;

use crate::{DomainError, ResourceId, ResourceSwitches, text};

/// Most web origins of one resource.
const MAX_ORIGINS: usize = 64;

/// A resource (spec R15). Its id never changes; its name, keys and origins may. Keys are not part of this: they are
/// secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its id, as in `external:<resource>:<user>`.
    pub id: ResourceId,
    /// Shown to people.
    pub name: String,
    /// The cloud it lives in. Set once.
    #[schema(value_type = String, example = "public")]
    pub cloud: Label,
    /// Web origins (RFC 6454, such as `https://app.example`) whose pages may open a session with a token of this
    /// resource. Empty: any.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// Which limits it chose.
    #[serde(default)]
    pub switches: ResourceSwitches,
    /// Where copies of its users' chat messages are kept: the name of a region. Without, the deployment's one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "us")]
    pub region: Option<Label>,
}

impl Resource {
    /// Whether a page of this origin may use the resource's tokens. A program that sends no origin is no page.
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.is_empty()
            || self
                .allowed_origins
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }

    pub(crate) fn check(&self) -> Result<(), DomainError> {
        text::name("name", &self.name)?;
        text::count("allowedOrigins", self.allowed_origins.len(), MAX_ORIGINS)?;
        self.allowed_origins.iter().try_for_each(|origin| {
            text::bounded("allowedOrigins", origin, 255)?;
            if !is_origin(origin) {
                return Err(DomainError::BadText {
                    field: "allowedOrigins",
                    rule: "must be of the form https://host or https://host:port",
                });
            }
            Ok(())
        })
    }
}

/// Scheme, host and perhaps a port: no path, no user, no wildcard (RFC 6454 section 6.2).
fn is_origin(text: &str) -> bool {
    let Some(host) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    !host.is_empty() && host.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_origins() {
        for good in [
            "https://app.example",
            "http://localhost:8080",
            "https://[::1]:8443",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "https://",
            "https://a/b",
            "https://*.example",
            "https://u@a",
            "ftp://a",
            "null",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
