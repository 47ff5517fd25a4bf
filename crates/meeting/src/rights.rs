//! What each may do: from their role, the kind of call, the organisation's policy and the meeting as it is now (spec
//! 3.4 Capabilities, 3.9). What may be sent follows from it, for whoever carries the media.

use sidetone_organisation::Setting;
use sidetone_signaling::protocol::meeting::{Capabilities, Capability, Kind, Role, Standing};

use crate::api::Rights;
use crate::people::Hall;

/// Every capability that this version decides.
const ALL: [Capability; 33] = [
    Capability::UnmuteMic,
    Capability::TurnVideoOn,
    Capability::ShareScreen,
    Capability::RaiseHand,
    Capability::Reaction,
    Capability::Chat,
    Capability::ViewAttendeeNames,
    Capability::MuteOthers,
    Capability::RemoveParticipant,
    Capability::AddMember,
    Capability::AddExternalUser,
    Capability::AddPhoneNumber,
    Capability::ManageLobby,
    Capability::Spotlight,
    Capability::MediaAccess,
    Capability::SetRole,
    Capability::Lock,
    Capability::EndForEveryone,
    Capability::Record,
    Capability::Transcribe,
    Capability::SendMessage,
    Capability::RealTimeText,
    Capability::ManageCaptions,
    Capability::ReceiveCaptions,
    Capability::ManagePolls,
    Capability::Vote,
    Capability::ManageQuestions,
    Capability::AskQuestion,
    Capability::SetScene,
    Capability::PresentSlides,
    Capability::ViewSlides,
    Capability::ManageBreakouts,
    Capability::JoinBreakouts,
];

/// Somebody in a call, as far as their rights go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) role: Role,
    pub(crate) kind: Kind,
    pub(crate) external: bool,
    /// They are in, and not before the door.
    pub(crate) inside: bool,
    /// They have agreed to being recorded, where they must.
    pub(crate) consents: bool,
    pub(crate) audio_forbidden: bool,
    pub(crate) video_forbidden: bool,
    /// They were made to manage breakout rooms.
    pub(crate) manages_breakouts: bool,
    /// They are in a breakout room meanwhile.
    pub(crate) away: bool,
    /// This is a breakout room: who comes, and what each is, is the meeting's to say.
    pub(crate) in_breakout: bool,
}

/// Whether a role keeps order.
pub(crate) fn presides(role: Role) -> bool {
    matches!(role, Role::Organiser | Role::CoOrganiser | Role::Presenter)
}

/// Whether it may be forbidden its microphone: the others cannot.
pub(crate) fn may_be_forbidden(role: Role) -> bool {
    matches!(role, Role::Attendee | Role::Consumer)
}

/// Whether everyone sees the names of those in this role.
pub(crate) fn on_stage(role: Role) -> bool {
    presides(role) || role == Role::Collaborator
}

pub(crate) fn standing(seat: &Seat, hall: &Hall, capability: Capability) -> Standing {
    use Capability::*;
    use Standing::*;
    if !seat.inside {
        return NotAdmitted;
    }
    let by_role = |allowed: bool| if allowed { Capable } else { RoleRestricted };
    // L35: the source keeps people from outside from some things whatever their role is.
    let external_limit = seat.external && !hall.switches.external_rights.is_open();
    // What the source keeps from people from outside.
    let outside = |switch: Setting| seat.external && !switch.is_open();
    let role_and_policy = |allowed: bool, limited: bool| match allowed {
        _ if limited => PolicyRestricted,
        true => Capable,
        false => RoleRestricted,
    };
    let group = seat.kind == Kind::GroupCall;
    let organises = matches!(seat.role, Role::Organiser | Role::CoOrganiser);
    match capability {
        UnmuteMic | TurnVideoOn | ShareScreen => media(seat, hall, capability),
        RaiseHand | Reaction => {
            if seat.role == Role::Consumer {
                RoleRestricted
            } else if seat.external && !hall.switches.engagement.is_open() {
                PolicyRestricted
            } else if capability == Reaction && hall.rules.options.reactions_forbidden {
                MeetingRestricted
            } else {
                Capable
            }
        }
        Chat => {
            if seat.external && !hall.rules.external.chat {
                PolicyRestricted
            } else if hall.rules.options.chat_forbidden {
                MeetingRestricted
            } else {
                Capable
            }
        }
        ViewAttendeeNames => {
            by_role(presides(seat.role) || !matches!(seat.kind, Kind::Webinar | Kind::TownHall))
        }
        SendMessage => by_role(seat.role != Role::Consumer),
        RealTimeText => role_and_policy(seat.role != Role::Consumer, outside(hall.switches.captions)),
        ManageCaptions => role_and_policy(presides(seat.role), outside(hall.switches.captions)),
        ReceiveCaptions => role_and_policy(true, outside(hall.switches.captions)),
        ManagePolls | ManageQuestions => role_and_policy(presides(seat.role), outside(hall.switches.polls)),
        Vote | AskQuestion => role_and_policy(seat.role != Role::Consumer, outside(hall.switches.polls)),
        SetScene => role_and_policy(presides(seat.role), outside(hall.switches.engagement)),
        PresentSlides => match media(seat, hall, ShareScreen) {
            Capable => role_and_policy(true, outside(hall.switches.slides)),
            other => other,
        },
        ViewSlides => role_and_policy(true, outside(hall.switches.slides)),
        AddPhoneNumber => FeatureNotSupported,
        RemoveParticipant | AddMember | AddExternalUser | ManageLobby | MediaAccess | SetRole | Lock
        | EndForEveryone | ManageBreakouts | JoinBreakouts
            if seat.in_breakout =>
        {
            NotInThisCallType
        }
        ManageBreakouts | JoinBreakouts if matches!(seat.kind, Kind::GroupCall | Kind::TownHall) => {
            NotInThisCallType
        }
        ManageBreakouts => role_and_policy(
            organises || (seat.manages_breakouts && presides(seat.role)),
            outside(hall.switches.engagement),
        ),
        JoinBreakouts => role_and_policy(seat.role != Role::Consumer, outside(hall.switches.engagement)),
        RemoveParticipant | AddMember | AddExternalUser | Record | Transcribe => {
            if !presides(seat.role) {
                RoleRestricted
            } else if external_limit {
                PolicyRestricted
            } else {
                Capable
            }
        }
        ManageLobby | MediaAccess | SetRole if group => NotInThisCallType,
        MuteOthers | ManageLobby | Spotlight | MediaAccess | Lock => by_role(presides(seat.role)),
        SetRole => by_role(organises),
        EndForEveryone => by_role(organises || (group && presides(seat.role))),
        Unknown => FeatureNotSupported,
    }
}

fn media(seat: &Seat, hall: &Hall, capability: Capability) -> Standing {
    let share = capability == Capability::ShareScreen;
    let allowed = match seat.role {
        Role::Organiser | Role::CoOrganiser | Role::Presenter | Role::Collaborator => true,
        Role::Attendee => match seat.kind {
            Kind::GroupCall | Kind::Meeting | Kind::Channel => !share,
            // L19: the source does not enforce the roles of a webinar.
            Kind::Webinar => !hall.switches.webinar_roles.is_open(),
            Kind::TownHall => false,
        },
        Role::Consumer => false,
    };
    if !allowed {
        return Standing::RoleRestricted;
    }
    let external = hall.rules.external;
    let (policy, forbidden) = match capability {
        Capability::UnmuteMic => (external.audio, seat.audio_forbidden),
        Capability::TurnVideoOn => (external.video, seat.video_forbidden),
        _ => (external.share, false),
    };
    if seat.external && !policy {
        Standing::PolicyRestricted
    } else if !seat.consents {
        // Nobody's sound or picture is kept that did not agree to it.
        Standing::MeetingRestricted
    } else if forbidden && may_be_forbidden(seat.role) {
        Standing::MeetingRestricted
    } else {
        Standing::Capable
    }
}

/// All of it.
pub(crate) fn capabilities(seat: &Seat, hall: &Hall) -> Capabilities {
    ALL.into_iter()
        .map(|capability| (capability, standing(seat, hall, capability)))
        .collect()
}

/// What may pass.
pub(crate) fn rights(seat: &Seat, hall: &Hall, muted: bool) -> Rights {
    if seat.away {
        return Rights::NONE;
    }
    let may = |capability| standing(seat, hall, capability).is_capable();
    Rights {
        // Nobody is heard whom the roster shows as muted.
        audio: may(Capability::UnmuteMic) && !muted,
        video: may(Capability::TurnVideoOn),
        share: may(Capability::ShareScreen),
        receive: seat.inside,
    }
}

/// What is told of a change: those that differ, as they were and as they are.
pub(crate) fn difference(old: &Capabilities, new: &Capabilities) -> Option<(Capabilities, Capabilities)> {
    let changed = |one: &Capabilities, other: &Capabilities| -> Capabilities {
        one.iter()
            .filter(|(capability, standing)| other.get(capability) != Some(standing))
            .map(|(capability, standing)| (*capability, *standing))
            .collect()
    };
    let (was, is) = (changed(old, new), changed(new, old));
    (!is.is_empty() || !was.is_empty()).then_some((was, is))
}
