//! How a sign-in that was not exchanged is told over HTTP: one problem type for each fault.

use std::time::Duration;

use axum::http::StatusCode;

use super::{ExchangeError, SetError};
use crate::api::problem::{Problem, ProblemType};
use crate::token::TokenError;

/// When it is worth asking again after an identity provider, or whoever has the last word, did not answer.
const AGAIN: Duration = Duration::from_secs(15);

const fn kind(name: &'static str, title: &'static str, status: StatusCode) -> ProblemType {
    ProblemType { name, title, status }
}

impl ExchangeError {
    /// The problem type of this fault. 403: the organisation or the last word says no. 422: the sign-in does not hold.
    /// 502 and 503: somebody who had to be asked is of no use.
    fn kind(&self) -> ProblemType {
        use StatusCode as S;
        match self {
            Self::NoProvider => kind(
                "no-identity-provider",
                "The organisation accepts no identity provider",
                S::FORBIDDEN,
            ),
            Self::ClientNotAccepted => kind(
                "client-not-accepted",
                "The organisation does not accept the client",
                S::FORBIDDEN,
            ),
            Self::ResourceNotAccepted => kind(
                "resource-not-accepted",
                "The organisation does not accept the resource",
                S::FORBIDDEN,
            ),
            Self::AccessTokensNotAccepted => kind(
                "access-tokens-not-accepted",
                "The organisation accepts id tokens only",
                S::FORBIDDEN,
            ),
            Self::NoSuchMember => kind(
                "not-in-directory",
                "The directory has no such member",
                S::FORBIDDEN,
            ),
            Self::Malformed => kind(
                "sign-in-malformed",
                "The sign-in is malformed",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Algorithm => kind(
                "sign-in-algorithm",
                "The sign-in's algorithm is not accepted",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Kind => kind(
                "sign-in-kind",
                "The sign-in is another kind of token",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::UnknownKey => kind(
                "sign-in-unknown-key",
                "The sign-in's key is unknown",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Signature => kind(
                "sign-in-signature",
                "The sign-in's signature is wrong",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Claim(_) => kind(
                "sign-in-claim",
                "A claim of the sign-in is missing or malformed",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Issuer => kind(
                "sign-in-issuer",
                "The sign-in is of another issuer",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Audience => kind(
                "sign-in-audience",
                "The sign-in was made for somebody else",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Expired => kind(
                "sign-in-expired",
                "The sign-in has expired",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::NotYet => kind(
                "sign-in-not-yet",
                "The sign-in is not valid yet",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::ObjectId => kind(
                "sign-in-object-id",
                "The sign-in is of somebody else",
                S::UNPROCESSABLE_ENTITY,
            ),
            Self::Unreachable(_) => kind(
                "identity-provider-unreachable",
                "The identity provider cannot be asked",
                S::SERVICE_UNAVAILABLE,
            ),
            Self::BadProvider(_) => kind(
                "identity-provider-invalid",
                "The identity provider is of no use",
                S::BAD_GATEWAY,
            ),
            Self::TooOften => kind(
                "identity-provider-busy",
                "The identity provider was asked too often",
                S::SERVICE_UNAVAILABLE,
            ),
            Self::TimedOut => kind(
                "exchange-timed-out",
                "The exchange took too long",
                S::SERVICE_UNAVAILABLE,
            ),
            Self::Veto(error) => error.kind(),
            Self::Token(error) => error.kind(),
            Self::Store => ProblemType::UNAVAILABLE,
        }
    }
}

impl From<ExchangeError> for Problem {
    fn from(error: ExchangeError) -> Self {
        worth_another_try(error.kind(), &error)
    }
}

/// A problem of this type; where somebody did not answer, with the time to come back.
pub(crate) fn worth_another_try(kind: ProblemType, error: &impl std::fmt::Display) -> Problem {
    let problem = Problem::new(kind, error.to_string());
    if kind.status == StatusCode::SERVICE_UNAVAILABLE {
        return problem.retry_after(AGAIN);
    }
    problem
}

impl From<SetError> for Problem {
    fn from(error: SetError) -> Self {
        match error {
            SetError::NoOrganisation => Self::not_found("organisation"),
            SetError::Bad(error) => Self::new(ProblemType::INVALID, error.to_string()),
            SetError::Store(sidetone_store::StoreError::Conflict { .. }) => {
                Self::new(ProblemType::CONFLICT, "somebody else set it at the same time")
            }
            SetError::Store(error) => error.into(),
        }
    }
}

impl TokenError {
    /// The problem type of a token that was not issued.
    pub(crate) fn kind(&self) -> ProblemType {
        let (name, title) = match self {
            Self::Lifetime { .. } => ("token-lifetime", "The lifetime is not allowed"),
            Self::NoScopes => ("token-scopes", "The scopes are not allowed"),
            Self::NameTooLong => ("token-name", "The display name is too long"),
            // The sign-in ended while it was looked at.
            Self::Expired => ("sign-in-expired", "The sign-in has expired"),
            _ => ("token", "The token cannot be issued"),
        };
        kind(name, title, StatusCode::UNPROCESSABLE_ENTITY)
    }
}

impl crate::identity::VetoError {
    /// The problem type of a token that somebody did not want issued.
    pub(crate) fn kind(&self) -> ProblemType {
        match self {
            Self::Refused(_) => kind("vetoed", "The token was refused", StatusCode::FORBIDDEN),
            Self::Unavailable => kind(
                "veto-unavailable",
                "Whoever may refuse the token could not be asked",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::identity::VetoError;
    use crate::outbound::OutboundError;

    #[test]
    fn each_fault_has_a_type_of_its_own() {
        let faults = [
            ExchangeError::NoProvider,
            ExchangeError::ClientNotAccepted,
            ExchangeError::ResourceNotAccepted,
            ExchangeError::AccessTokensNotAccepted,
            ExchangeError::NoSuchMember,
            ExchangeError::Malformed,
            ExchangeError::Algorithm,
            ExchangeError::Kind,
            ExchangeError::UnknownKey,
            ExchangeError::Signature,
            ExchangeError::Claim("exp".to_owned()),
            ExchangeError::Issuer,
            ExchangeError::Audience,
            ExchangeError::Expired,
            ExchangeError::NotYet,
            ExchangeError::ObjectId,
            ExchangeError::Unreachable(OutboundError::Connect),
            ExchangeError::BadProvider("x"),
            ExchangeError::TooOften,
            ExchangeError::TimedOut,
            ExchangeError::Veto(VetoError::Refused("x".to_owned())),
            ExchangeError::Veto(VetoError::Unavailable),
            ExchangeError::Token(TokenError::NoScopes),
            ExchangeError::Token(TokenError::NameTooLong),
            ExchangeError::Store,
        ];
        let names: BTreeSet<_> = faults.iter().map(|fault| fault.kind().name).collect();
        assert_eq!(names.len(), faults.len());
    }
}
