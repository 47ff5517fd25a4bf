//! Whether somebody at the door comes in, waits or is refused: spec table 1.3 as one pure decision.

use sidetone_organisation::{Bypass, MeetingKind, Origin};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{LobbyReason, Passage, Role};

/// Somebody at the door of a meeting, and the meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knock {
    /// Who they are to the organisation.
    pub origin: Origin,
    /// What they would be inside.
    pub role: Role,
    /// They were named as organiser, co-organiser or presenter.
    pub named: bool,
    /// They were invited by name, in whatever role.
    pub invited: bool,
    /// Somebody inside asked them to come, or they were let in before.
    pub fetched: bool,
    /// They were put out before.
    pub put_out: bool,
    /// A member of the organisation is inside.
    pub member_present: bool,
    /// What kind of meeting it is.
    pub kind: MeetingKind,
    /// Nobody comes in who is not there.
    pub locked: bool,
    /// Who need not wait.
    pub bypass: Bypass,
    /// People from outside may join at all.
    pub anonymous_join: bool,
    /// They may be let in before a member is there.
    pub anonymous_start: bool,
    /// They may join town halls (L29).
    pub live_events: bool,
}

/// Decides.
///
/// # Errors
/// Why they cannot even wait: [`Reason::ANONYMOUS_JOIN_DISABLED`] (row j), [`Reason::TOWN_HALL_EXTERNAL_DISABLED`] (L29),
/// [`Reason::MEETING_LOCKED`] (row k).
pub fn decide(knock: &Knock) -> Result<Passage, Reason> {
    let external = knock.origin.is_external();
    if external && !knock.anonymous_join {
        return Err(Reason::ANONYMOUS_JOIN_DISABLED);
    }
    if external && knock.kind == MeetingKind::TownHall && !knock.live_events {
        return Err(Reason::TOWN_HALL_EXTERNAL_DISABLED);
    }
    let organises = matches!(knock.role, Role::Organiser | Role::CoOrganiser) && knock.named;
    if knock.locked && !organises && !knock.fetched {
        return Err(Reason::MEETING_LOCKED);
    }
    let waits = |reason| Ok(Passage::InLobby { reason });
    let passes = !knock.put_out && (knock.named || bypasses(knock));
    if external && !knock.member_present && !(passes && knock.anonymous_start) {
        // Rows a and b: also those who need not wait for somebody to let them in wait for a member.
        return waits(LobbyReason::WaitingForMember);
    }
    if knock.fetched || passes {
        Ok(Passage::Connected)
    } else {
        waits(LobbyReason::WaitingForAdmission)
    }
}

fn bypasses(knock: &Knock) -> bool {
    match knock.bypass {
        Bypass::OrganizerOnly => matches!(knock.role, Role::Organiser | Role::CoOrganiser),
        Bypass::InvitedUsers => knock.invited,
        Bypass::EveryoneInCompanyExcludingGuests => knock.origin == Origin::Own,
        Bypass::EveryoneInCompany => matches!(knock.origin, Origin::Own | Origin::Guest),
        Bypass::EveryoneInSameAndFederatedCompany => !knock.origin.is_external(),
        Bypass::Everyone => true,
    }
}
