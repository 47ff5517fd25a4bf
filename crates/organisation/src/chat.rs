//! What an organisation decided about chat, beside the switches: for how long it is kept, and who reads on after a
//! meeting. What follows from it is decided where the chats are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DomainError;

/// Longest retention, in days.
const MAX_DAYS: u32 = 36_500;
/// Largest attachment that can be allowed, in bytes.
const MAX_ATTACHMENT: u64 = 64 * 1024 * 1024;

/// What an organisation decided about chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ChatPolicy {
    /// What external users still have of a meeting's chat when they have left, or it is over (L34).
    pub access_after_meeting: AccessAfterMeeting,
    /// After how many days messages and all copies of them are deleted, 1 to 36,500. Without, messages stay, and copies
    /// outside the organisation's region are deleted after 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36_500)]
    pub retention_days: Option<u32>,
    /// Nothing is deleted from the store for now, whatever retention says: what people delete is hidden only.
    pub retention_hold: bool,
    /// Largest file that is taken, in bytes, at most 64 MiB; 10 MiB without. 0: no files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 67_108_864)]
    pub max_attachment_bytes: Option<u64>,
    /// For how many days files are kept, 1 to 36,500; 30 without.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36_500)]
    pub attachment_days: Option<u32>,
}

/// What external users still have of a meeting's chat afterwards (L34).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccessAfterMeeting {
    /// All, as members have. Open.
    #[default]
    Persistent,
    /// All, for so many hours.
    Hours(u32),
    /// Nothing: they neither read nor write. As the source has it.
    None,
}

impl ChatPolicy {
    pub(crate) fn check(&self) -> Result<(), DomainError> {
        days("retentionDays", self.retention_days)?;
        days("attachmentDays", self.attachment_days)?;
        if self
            .max_attachment_bytes
            .is_some_and(|bytes| bytes > MAX_ATTACHMENT)
        {
            return Err(DomainError::BadText {
                field: "maxAttachmentBytes",
                rule: "must be at most 67108864",
            });
        }
        Ok(())
    }
}

/// Checks a number of days.
pub(crate) fn days(field: &'static str, days: Option<u32>) -> Result<(), DomainError> {
    match days {
        None | Some(1..=MAX_DAYS) => Ok(()),
        Some(_) => Err(DomainError::BadText {
            field,
            rule: "must be 1 to 36500 days",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_open_and_what_is_not_known_is_refused() {
        let open: ChatPolicy = serde_json::from_str("{}").unwrap();
        assert_eq!(open, ChatPolicy::default());
        assert_eq!(open.access_after_meeting, AccessAfterMeeting::Persistent);
        let chosen: ChatPolicy =
            serde_json::from_str(r#"{"accessAfterMeeting":{"hours":2},"retentionDays":7}"#).unwrap();
        assert_eq!(chosen.access_after_meeting, AccessAfterMeeting::Hours(2));
        assert!(chosen.check().is_ok());
        assert!(serde_json::from_str::<ChatPolicy>(r#"{"retention":7}"#).is_err());
        for days in [0, 36_501] {
            let policy = ChatPolicy {
                retention_days: Some(days),
                ..ChatPolicy::default()
            };
            assert!(policy.check().is_err(), "{days}");
        }
    }
}
