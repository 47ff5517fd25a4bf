//! Why a member's sign-in was not exchanged for a token, each fault by its own name.

use crate::identity::VetoError;
use crate::outbound::OutboundError;
use crate::token::TokenError;

/// Why there is no token. The caller is an application's backend that has proved to be one: it may know which part
/// of the sign-in does not fit, and its developer needs to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExchangeError {
    // The organisation's side.
    /// The organisation has not said which identity provider is its own, or there is no such organisation.
    #[error("the organisation accepts no identity provider")]
    NoProvider,
    /// The organisation does not accept sign-ins through this client.
    #[error("the organisation does not accept sign-ins through this client")]
    ClientNotAccepted,
    /// The organisation does not let this resource exchange.
    #[error("the organisation does not let this resource act for its members")]
    ResourceNotAccepted,
    /// The organisation has named no audience for access tokens.
    #[error("the organisation accepts id tokens only")]
    AccessTokensNotAccepted,
    /// The sign-in is good, and of nobody in the directory.
    #[error("the directory has no member with this object id")]
    NoSuchMember,

    // The sign-in itself.
    /// No JSON Web Token, or too long for one.
    #[error("the sign-in is not a JSON Web Token")]
    Malformed,
    /// Not signed, signed with a shared secret, or with another algorithm than its key is for.
    #[error("the sign-in must be signed with RS256, PS256, ES256 or EdDSA, by a key for that")]
    Algorithm,
    /// It is the other kind of token than the one it is said to be.
    #[error("an id token was expected and an access token given, or the other way round")]
    Kind,
    /// The identity provider publishes no such key.
    #[error("the sign-in was signed with a key that the identity provider does not publish")]
    UnknownKey,
    /// The signature does not belong to the content.
    #[error("the sign-in's signature is wrong")]
    Signature,
    /// A claim is missing or has another shape.
    #[error("the claim {0} of the sign-in is missing or malformed")]
    Claim(String),
    /// Another identity provider made it.
    #[error("the sign-in is of another issuer than the organisation's")]
    Issuer,
    /// It was made for somebody else.
    #[error("the sign-in was not made for this client")]
    Audience,
    /// It was valid once.
    #[error("the sign-in has expired")]
    Expired,
    /// It says it was made in the future.
    #[error("the sign-in is not valid yet")]
    NotYet,
    /// It is of somebody else than the caller says.
    #[error("the sign-in is of another object id")]
    ObjectId,

    // The identity provider.
    /// It cannot be reached, and its keys are not known.
    #[error("the identity provider cannot be asked: {0}")]
    Unreachable(OutboundError),
    /// It answers, and not as OpenID Connect wants.
    #[error("the identity provider's {0}")]
    BadProvider(&'static str),
    /// It was asked too often of late, and its keys are not known.
    #[error("the identity provider was asked too often of late")]
    TooOften,
    /// It took too long, all in all.
    #[error("the exchange took too long")]
    TimedOut,

    // Us.
    /// The last word was no, or could not be had.
    #[error(transparent)]
    Veto(#[from] VetoError),
    /// The token cannot be made as asked.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store failed.
    #[error("the store cannot be used")]
    Store,
}
