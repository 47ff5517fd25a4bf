//! Why a change is not taken. Always the caller's fault, and nothing was changed.

use crate::{EntityKey, MemberId};

/// Why a [`Change`](crate::Change) was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// It refers to something that does not exist, or is to delete it.
    #[error("there is no {}", .key.words())]
    NoSuch {
        /// What is missing.
        key: EntityKey,
    },
    /// Something else refers to it.
    #[error("{} is in use by {}", .key.words(), .by.words())]
    InUse {
        /// What was to be deleted.
        key: EntityKey,
        /// The first of those that refer to it.
        by: EntityKey,
    },
    /// Every organisation has exactly one of these.
    #[error("{} cannot be deleted: every organisation has exactly one", .key.words())]
    Permanent {
        /// What was to be deleted.
        key: EntityKey,
    },
    /// The field is set once, when the thing is made.
    #[error("{field} of {} cannot change", .key.words())]
    Immutable {
        /// Of what.
        key: EntityKey,
        /// Which field.
        field: &'static str,
    },
    /// Another member has the same key of the outside directory.
    #[error("the directory key belongs to member {member}")]
    DuplicateSource {
        /// Who has it.
        member: MemberId,
    },
    /// Another organisation has a meeting of this number.
    #[error("the number of the meeting is taken")]
    NumberTaken,
    /// A text breaks a rule.
    #[error("{field} {rule}")]
    BadText {
        /// Which field.
        field: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// A text is too long.
    #[error("{field} is longer than {limit} characters")]
    TooLong {
        /// Which field.
        field: &'static str,
        /// Characters allowed.
        limit: usize,
    },
    /// A list is too long.
    #[error("{field} has more than {limit} entries")]
    TooMany {
        /// Which field.
        field: &'static str,
        /// Entries allowed.
        limit: usize,
    },
    /// A number is out of its range.
    #[error("{field} must be from {least} to {most}")]
    OutOfRange {
        /// Which field.
        field: &'static str,
        /// Least allowed.
        least: u64,
        /// Most allowed.
        most: u64,
    },
}
