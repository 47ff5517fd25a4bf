//! How the API says no: problem details (RFC 9457), one type for each cause, so that a program can tell them apart
//! without reading words. Which cause applies is decided by who raises it.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use sidetone_organisation::DomainError;
use sidetone_organisation::access::AccessDenied;
use sidetone_store::StoreError;
use utoipa::ToSchema;

/// The media type of a problem (RFC 9457 section 3).
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What every problem type begins with.
const PREFIX: &str = "urn:sidetone:problem:";

/// A cause: its name, its words and its HTTP status. Modules beside the API define their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProblemType {
    /// Last part of the type's URN, stable for programs.
    pub(crate) name: &'static str,
    /// The same words each time.
    pub(crate) title: &'static str,
    /// The HTTP status that it goes with.
    pub(crate) status: StatusCode,
}

impl ProblemType {
    const fn new(name: &'static str, title: &'static str, status: StatusCode) -> Self {
        Self { name, title, status }
    }

    /// The request cannot be understood.
    pub(crate) const MALFORMED: Self = Self::new(
        "malformed",
        "The request cannot be understood",
        StatusCode::BAD_REQUEST,
    );
    /// No key or token, or one that is not good (any more).
    pub(crate) const UNAUTHENTICATED: Self = Self::new(
        "unauthenticated",
        "A valid key or token is needed",
        StatusCode::UNAUTHORIZED,
    );
    /// The caller is known and lacks a role. Also what a stranger is told of things that do not exist.
    pub(crate) const MISSING_ROLE: Self =
        Self::new("missing-role", "A role is missing", StatusCode::FORBIDDEN);
    /// There is no such thing.
    pub(crate) const NOT_FOUND: Self = Self::new("not-found", "No such thing", StatusCode::NOT_FOUND);
    /// The address exists, the method does not.
    pub(crate) const METHOD: Self = Self::new(
        "method-not-allowed",
        "The address does not know this method",
        StatusCode::METHOD_NOT_ALLOWED,
    );
    /// It exists already, or its state does not allow this.
    pub(crate) const CONFLICT: Self =
        Self::new("conflict", "In conflict with what is there", StatusCode::CONFLICT);
    /// The organisation must be approved by the operator first.
    pub(crate) const NOT_APPROVED: Self = Self::new(
        "organisation-not-approved",
        "The organisation is not approved",
        StatusCode::CONFLICT,
    );
    /// Somebody changed it since.
    pub(crate) const PRECONDITION: Self = Self::new(
        "precondition-failed",
        "It is not in the state that the request expects",
        StatusCode::PRECONDITION_FAILED,
    );
    /// The body is longer than the address takes.
    pub(crate) const TOO_LARGE: Self = Self::new(
        "too-large",
        "The body is too large",
        StatusCode::PAYLOAD_TOO_LARGE,
    );
    /// The body is not JSON.
    pub(crate) const MEDIA: Self = Self::new(
        "media-type",
        "The body must be JSON",
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
    );
    /// It is understood, and against the rules.
    pub(crate) const INVALID: Self =
        Self::new("invalid", "Against the rules", StatusCode::UNPROCESSABLE_ENTITY);
    /// The key was used for another request before.
    pub(crate) const IDEMPOTENCY: Self = Self::new(
        "idempotency-key-reused",
        "The idempotency key belongs to another request",
        StatusCode::UNPROCESSABLE_ENTITY,
    );
    /// Too much in too short a time.
    pub(crate) const TOO_MANY: Self = Self::new(
        "too-many-requests",
        "Too many requests",
        StatusCode::TOO_MANY_REQUESTS,
    );
    /// Our fault.
    pub(crate) const INTERNAL: Self = Self::new(
        "internal",
        "The service made a mistake",
        StatusCode::INTERNAL_SERVER_ERROR,
    );
    /// Our fault, for now.
    pub(crate) const UNAVAILABLE: Self = Self::new(
        "unavailable",
        "The service cannot do this at the moment",
        StatusCode::SERVICE_UNAVAILABLE,
    );
}

/// Goes with an answer that says that a role is missing, for those that it passes: what is missing, in words.
#[derive(Clone, Debug)]
pub(crate) struct MissingRole(pub(crate) String);

/// A refusal, on its way to the caller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemType,
    detail: String,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of this type; `detail` says what is wrong this time, and never holds a secret.
    pub(crate) fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            members: Map::new(),
            retry_after: None,
        }
    }

    /// The thing asked for does not exist.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ProblemType::NOT_FOUND, format!("there is no such {what}"))
    }

    /// What is wrong this time.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Adds a member of its own (RFC 9457 section 3.2), for programs.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Says when it is worth trying again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

/// A problem as it goes over the wire; other members may follow, such as `missingRoles`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// Names the cause: `urn:sidetone:problem:` and a word.
    #[serde(rename = "type")]
    #[schema(example = "urn:sidetone:problem:missing-role")]
    kind: String,
    /// The cause in words, always the same.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// More for programs, by cause, such as `missingRoles` (403): those of which one would do.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    members: Map<String, Value>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status;
        let missing_role = (self.kind == ProblemType::MISSING_ROLE).then(|| MissingRole(self.detail.clone()));
        let body = ProblemDetails {
            kind: format!("{PREFIX}{}", self.kind.name),
            title: self.kind.title,
            status: status.as_u16(),
            detail: self.detail,
            members: self.members,
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(missing) = missing_role {
            response.extensions_mut().insert(missing);
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never a moment too early.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)),
            );
        }
        response
    }
}

impl From<AccessDenied> for Problem {
    fn from(denied: AccessDenied) -> Self {
        let missing: Vec<String> = denied.missing.iter().map(ToString::to_string).collect();
        Self::new(ProblemType::MISSING_ROLE, denied.to_string()).with("missingRoles", missing)
    }
}

impl From<DomainError> for Problem {
    fn from(error: DomainError) -> Self {
        let kind = match &error {
            DomainError::InUse { .. }
            | DomainError::Permanent { .. }
            | DomainError::DuplicateSource { .. }
            | DomainError::NumberTaken => ProblemType::CONFLICT,
            _ => ProblemType::INVALID,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<StoreError> for Problem {
    /// What the store says may name files and keys: it goes to the log, not to the caller.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed an API request");
        Self::new(ProblemType::UNAVAILABLE, "the store cannot be used")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_says_its_type_in_body_and_headers() {
        let problem = Problem::new(ProblemType::TOO_MANY, "slow down")
            .with("quota", 7)
            .retry_after(Duration::from_millis(1_001));
        let response = problem.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["content-type"], MEDIA_TYPE);
        assert_eq!(response.headers()["retry-after"], "2");
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "urn:sidetone:problem:too-many-requests");
        assert_eq!((&body["status"], &body["quota"]), (&429.into(), &7.into()));
        assert_eq!(body["detail"], "slow down");
    }

    #[test]
    fn a_challenge_comes_with_401() {
        let response = Problem::new(ProblemType::UNAUTHENTICATED, "no key").into_response();
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert!(!response.headers().contains_key("retry-after"));
    }
}
