//! Changing only what one has seen (RFC 9110 section 13.1): the entity tag of a thing is the revision at which it is
//! stored, and a change may name the one that it expects.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sidetone_store::Revision;

use super::problem::{Problem, ProblemType};

/// What the caller expects of the thing that he changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Precondition {
    /// `If-Match`: it is at one of these revisions; `None` inside: it exists.
    matches: Option<Tags>,
    /// `If-None-Match`: it is not.
    differs: Option<Tags>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    Any,
    Of(Vec<Revision>),
}

impl Tags {
    fn hold(&self, found: Option<Revision>) -> bool {
        match (self, found) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Of(revisions), Some(found)) => revisions.contains(&found),
        }
    }

    /// Tags that are not ours match nothing, whatever is in them.
    fn read(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut values = headers.get_all(name).iter().peekable();
        values.peek()?;
        let mut revisions = Vec::new();
        for part in values.flat_map(|value| value.to_str().unwrap_or_default().split(',')) {
            match part.trim() {
                "*" => return Some(Self::Any),
                part => revisions.extend(revision(part)),
            }
        }
        Some(Self::Of(revisions))
    }
}

/// The revision in a strong entity tag of ours.
fn revision(tag: &str) -> Option<Revision> {
    tag.strip_prefix('"')?
        .strip_suffix('"')?
        .parse()
        .ok()
        .map(Revision)
}

impl Precondition {
    /// Whether it holds for something that is at this revision, or is not there.
    ///
    /// # Errors
    /// [`ProblemType::PRECONDITION`].
    pub(crate) fn check(&self, found: Option<Revision>) -> Result<(), Problem> {
        let matches = self.matches.as_ref().is_none_or(|tags| tags.hold(found));
        let differs = self.differs.as_ref().is_none_or(|tags| !tags.hold(found));
        if matches && differs {
            return Ok(());
        }
        Err(Problem::new(
            ProblemType::PRECONDITION,
            "somebody changed, made or deleted it since: read it again",
        ))
    }
}

impl From<&HeaderMap> for Precondition {
    fn from(headers: &HeaderMap) -> Self {
        Self {
            matches: Tags::read(headers, &header::IF_MATCH),
            differs: Tags::read(headers, &header::IF_NONE_MATCH),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Precondition {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok((&parts.headers).into())
    }
}

/// A thing with its entity tag, as an answer.
pub(crate) struct Tagged<T> {
    pub(crate) status: StatusCode,
    pub(crate) revision: Revision,
    pub(crate) value: T,
}

impl<T> Tagged<T> {
    /// As it is.
    pub(crate) fn found(value: T, revision: Revision) -> Self {
        Self {
            status: StatusCode::OK,
            revision,
            value,
        }
    }

    /// As it was made or changed: 201 or 200.
    pub(crate) fn stored(value: T, revision: Revision, created: bool) -> Self {
        Self {
            status: if created {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            },
            revision,
            value,
        }
    }
}

impl<T> Tagged<T> {
    /// The same, shown otherwise.
    pub(crate) fn map<U>(self, show: impl FnOnce(T) -> U) -> Tagged<U> {
        Tagged {
            status: self.status,
            revision: self.revision,
            value: show(self.value),
        }
    }
}

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.value)).into_response();
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.revision)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn precondition(name: HeaderName, value: &str) -> Precondition {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        (&headers).into()
    }

    #[test]
    fn without_headers_everything_goes() {
        let none = Precondition::from(&HeaderMap::new());
        assert!(none.check(None).is_ok() && none.check(Some(Revision(7))).is_ok());
    }

    #[test]
    fn if_match_wants_that_revision() {
        let seen = |value| precondition(header::IF_MATCH, value);
        assert!(seen("\"7\"").check(Some(Revision(7))).is_ok());
        assert!(seen("\"6\", \"7\"").check(Some(Revision(7))).is_ok());
        assert!(seen("*").check(Some(Revision(7))).is_ok());
        for value in ["\"8\"", "W/\"7\"", "7", "\"seven\"", ""] {
            let refused = seen(value).check(Some(Revision(7))).unwrap_err();
            assert_eq!(refused.kind, ProblemType::PRECONDITION, "{value}");
        }
        assert!(seen("*").check(None).is_err() && seen("\"7\"").check(None).is_err());
    }

    #[test]
    fn if_none_match_star_means_create() {
        let create = precondition(header::IF_NONE_MATCH, "*");
        assert!(create.check(None).is_ok());
        assert!(create.check(Some(Revision(1))).is_err());
    }
}
