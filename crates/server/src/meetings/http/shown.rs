//! Meetings and their participants, as the API shows them.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use sidetone_meeting::meeting_link;
use sidetone_organisation::{Meeting, MeetingId, MeetingKind, MeetingOptions, MemberId};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting as wire;
use sidetone_signaling::{Identifier, Reason};
use sidetone_store::WallTime;
use utoipa::ToSchema;

use crate::api::audit::timestamp;
use crate::api::openapi::RawId;
use crate::api::problem::{Problem, ProblemType};
use crate::meetings::attendance::{Attended, State};

/// A meeting. Whoever may read it may tell others its link.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownMeeting {
    id: MeetingId,
    subject: String,
    kind: MeetingKind,
    /// Whose it is.
    organiser: MemberId,
    #[schema(value_type = Vec<RawId>)]
    co_organisers: BTreeSet<Identifier>,
    #[schema(value_type = Vec<RawId>)]
    presenters: BTreeSet<Identifier>,
    #[schema(value_type = Vec<RawId>)]
    attendees: BTreeSet<Identifier>,
    /// When it is to begin (RFC 3339). Nobody is kept out before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    start_time: Option<String>,
    /// When it is to end (RFC 3339). Nobody is put out then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    end_time: Option<String>,
    options: MeetingOptions,
    /// Whoever has it may knock.
    link: String,
    /// Goes with the number, for those who cannot open a link.
    passcode: String,
    /// The conversation beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
}

impl ShownMeeting {
    pub(super) fn new(meeting: Meeting, link_base: &str) -> Self {
        Self {
            link: meeting_link(link_base, &meeting),
            id: meeting.id,
            subject: meeting.subject,
            kind: meeting.kind,
            organiser: meeting.organiser,
            co_organisers: meeting.co_organisers,
            presenters: meeting.presenters,
            attendees: meeting.attendees,
            start_time: meeting.start_ms.map(shown),
            end_time: meeting.end_ms.map(shown),
            options: meeting.options,
            passcode: meeting.passcode,
            thread: meeting.thread,
        }
    }
}

/// Somebody who is or was in a meeting, or before its door.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownParticipant {
    /// The call: the meeting as it was held that time.
    #[schema(value_type = String, format = Uuid)]
    pub(super) call: CallId,
    /// The number within the call.
    participant: u32,
    /// Who.
    #[schema(value_type = RawId)]
    pub(super) identity: Identifier,
    /// The name everyone sees.
    display_name: String,
    /// What kind of person: `member`, `member_by_application`, `external_user`, `anonymous`, `application`.
    #[schema(value_type = String, example = "external_user")]
    kind: wire::PersonKind,
    /// What they were, at last: `organiser`, `co_organiser`, `presenter`, `collaborator`, `attendee`, `consumer`.
    #[schema(value_type = String, example = "attendee")]
    role: wire::Role,
    /// Where they are.
    state: State,
    /// When they began to wait in the lobby.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    waited_at: Option<String>,
    /// When they came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    joined_at: Option<String>,
    /// When they went.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    left_at: Option<String>,
    /// Why they went.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    reason: Option<Reason>,
}

impl ShownParticipant {
    pub(super) fn new(call: CallId, attended: Attended) -> Self {
        Self {
            call,
            participant: attended.participant.0,
            identity: attended.identity,
            display_name: attended.display_name,
            kind: attended.kind,
            role: attended.role,
            state: attended.state,
            waited_at: attended.waited_ms.map(shown),
            joined_at: attended.joined_ms.map(shown),
            left_at: attended.left_ms.map(shown),
            reason: attended.reason,
        }
    }
}

fn shown(millis: u64) -> String {
    timestamp(WallTime::from_millis(millis))
}

/// Reads a time (RFC 3339).
pub(super) fn time(field: &str, text: &str) -> Result<u64, Problem> {
    let bad = || {
        Problem::new(
            ProblemType::INVALID,
            format!("{field} is no time as RFC 3339 has them"),
        )
    };
    let time = humantime::parse_rfc3339(text).map_err(|_| bad())?;
    let since: Duration = time.duration_since(UNIX_EPOCH).map_err(|_| bad())?;
    u64::try_from(since.as_millis()).map_err(|_| bad())
}
