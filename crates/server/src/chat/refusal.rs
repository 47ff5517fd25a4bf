//! Refusals of chat as problems: one type for each cause, with the code and subcode of the table of reasons.

use axum::http::StatusCode;
use sidetone_chat::Refused;
use sidetone_signaling::Reason;

use crate::api::problem::{Problem, ProblemType};

/// A refusal, for who asked over HTTP.
pub(super) fn problem(refused: Refused) -> Problem {
    let Refused {
        reason,
        detail,
        retry_after,
    } = refused;
    let kind = kind(&reason);
    let text = match detail {
        Some(detail) => format!("{}: {detail}", reason.message),
        None => reason.message.to_string(),
    };
    let mut problem = Problem::new(kind, text)
        .with("code", reason.code)
        .with("subcode", reason.subcode);
    if let Some(wait) = retry_after {
        problem = problem.retry_after(wait);
    }
    problem
}

macro_rules! kinds {
    ($($reason:ident $name:literal $title:literal;)*) => {
        fn named(reason: &Reason) -> Option<(&'static str, &'static str)> {
            const NAMES: &[(Reason, &str, &str)] = &[$((Reason::$reason, $name, $title)),*];
            NAMES.iter().find(|(known, ..)| known.is(reason)).map(|(_, name, title)| (*name, *title))
        }
    };
}

kinds! {
    CLOUD_INCOMPATIBLE "cloud-incompatible" "The clouds do not trust each other";
    ORGANISATION_NOT_APPROVED "organisation-not-approved" "The organisation is not approved";
    PERSONAL_ORGANISATION "personal-organisation" "The organisation is personal";
    TENANT_FEDERATION_DISABLED "federation-disabled" "The organisation does not allow external users";
    RESOURCE_NOT_ALLOWED "resource-not-allowed" "The organisation does not allow the resource";
    POLICY_DENIED "policy-denied" "The member's policy does not allow external users";
    USER_MODE_INCOMPATIBLE "mode-incompatible" "The member is in legacy mode";
    UNKNOWN_CALLER "unknown-identity" "The identity is not known";
    NO_SUCH_CALLEE "no-such-identity" "No such identity";
    OTHER_ORGANISATIONS_DISABLED "other-organisations-disabled" "The organisations do not deal with each other";
    OTHER_RESOURCES_DISABLED "other-resources-disabled" "The resources do not deal with each other";
    CHAT_INITIATION_DISABLED "chat-initiation-disabled" "Only external users begin chats";
    CHAT_ATTACHMENTS_DISABLED "chat-attachments-disabled" "External users send no files";
    CHAT_DELETION_DISABLED "chat-deletion-disabled" "This way of deleting is not available";
    READ_RECEIPTS_DISABLED "read-receipts-disabled" "Members have no read receipts";
    MEMBER_EDITS_DISABLED "member-edits-disabled" "Members cannot edit";
    CHAT_FEATURES_DISABLED "chat-features-disabled" "Not available with external users";
    CHANNEL_CHAT_DISABLED "channel-chat-disabled" "No chat in channel meetings";
    MEETING_CHAT_FEATURES_DISABLED "meeting-chat-features-disabled" "Not available in the chat of a meeting";
    MEETING_CHAT_CLOSED "meeting-chat-closed" "The chat of the meeting is closed";
    MEMBER_CHAT_DISABLED "member-chat-disabled" "Members chat through the native client";
    NO_SUCH_THREAD "no-such-thread" "No such thread";
    NO_SUCH_MESSAGE "no-such-message" "No such message";
    NO_SUCH_THREAD_PARTICIPANT "no-such-participant" "No such participant";
    NO_SUCH_ATTACHMENT "no-such-attachment" "No such attachment";
    NOT_IN_THREAD "not-in-thread" "No longer a participant";
    NOT_THE_SENDER "not-the-sender" "Only the sender can do this";
    NOT_THE_OWNER "not-the-owner" "Only who began the thread can do this";
    FOLLOWS_MEETING "follows-meeting" "The thread follows its meeting";
    THREAD_FULL "limit-reached" "As many participants as there may be";
    MESSAGE_TOO_LARGE "message-too-large" "The message is too large";
    BAD_CONTENT "bad-content" "Content against the rules";
    CHAT_TOO_FAST "too-many-requests" "Too many requests";
    ATTACHMENT_TYPE "attachment-type" "Files of this type are not taken";
    ATTACHMENT_TOO_LARGE "attachment-too-large" "The file is too large";
    MESSAGE_DELETED "message-deleted" "The message is deleted";
    ATTACHMENT_REFUSED "attachment-refused" "The file is not given out";
    ATTACHMENT_UNSCANNED "attachment-unscanned" "The file was not looked through yet";
    TRANSLATION_NOT_OFFERED "translation-not-offered" "Messages are not translated here";
    TRANSLATION_FAILED "translation-failed" "The message could not be translated now";
    NO_SUCH_ACTION "no-such-action" "No such button on a card";
    SCOPE_MISSING "scope-missing" "The token does not allow this";
}

fn kind(reason: &Reason) -> ProblemType {
    let (name, title) = named(reason).unwrap_or(("refused", "It was refused"));
    ProblemType {
        name,
        title,
        status: StatusCode::from_u16(reason.code).unwrap_or(StatusCode::FORBIDDEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_chat_has_a_name_and_a_status() {
        let of_chat = sidetone_signaling::end_reason::TABLE.iter().filter(|reason| {
            matches!(reason.subcode, 5_280..=5_299 | 20_100..=20_199)
                && *reason != &Reason::CHAT_CALLS_DISABLED
        });
        let mut count = 0;
        for reason in of_chat {
            let kind = kind(reason);
            assert_ne!(kind.name, "refused", "{reason}");
            assert_eq!(kind.status.as_u16(), reason.code);
            count += 1;
        }
        assert!(count > 20);
    }
}
