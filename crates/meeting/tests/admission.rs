//! What holds for every knock at every door, whatever table row it is of.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;
use sidetone_meeting::{Knock, decide};
use sidetone_organisation::{Bypass, MeetingKind, Origin};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{LobbyReason, Passage, Role};

fn knocks() -> impl Strategy<Value = Knock> {
    let origin = prop_oneof![
        Just(Origin::Own),
        Just(Origin::Guest),
        Just(Origin::Federated),
        Just(Origin::External)
    ];
    let role = prop_oneof![
        Just(Role::Organiser),
        Just(Role::CoOrganiser),
        Just(Role::Presenter),
        Just(Role::Attendee)
    ];
    let kind = prop_oneof![
        Just(MeetingKind::Standard),
        Just(MeetingKind::Webinar),
        Just(MeetingKind::TownHall)
    ];
    let bypass = prop_oneof![
        Just(Bypass::OrganizerOnly),
        Just(Bypass::InvitedUsers),
        Just(Bypass::EveryoneInCompanyExcludingGuests),
        Just(Bypass::EveryoneInCompany),
        Just(Bypass::EveryoneInSameAndFederatedCompany),
        Just(Bypass::Everyone)
    ];
    (origin, role, kind, bypass, any::<[bool; 9]>()).prop_map(|(origin, role, kind, bypass, is)| Knock {
        origin,
        role,
        named: is[0],
        invited: is[1],
        fetched: is[2],
        put_out: is[3],
        member_present: is[4],
        kind,
        locked: is[5],
        bypass,
        anonymous_join: is[6],
        anonymous_start: is[7],
        live_events: is[8],
    })
}

proptest! {
    #[test]
    fn nobody_from_outside_is_let_in_who_has_no_right_to_be(knock in knocks()) {
        let decided = decide(&knock);
        if knock.origin == Origin::External {
            if !knock.anonymous_join {
                prop_assert_eq!(decided, Err(Reason::ANONYMOUS_JOIN_DISABLED));
                return Ok(());
            }
            let early = knock.anonymous_start && !knock.put_out && (knock.named || knock.bypass == Bypass::Everyone
                || (knock.bypass == Bypass::InvitedUsers && knock.invited)
                || (knock.bypass == Bypass::OrganizerOnly && knock.role <= Role::CoOrganiser));
            if decided == Ok(Passage::Connected) {
                prop_assert!(knock.member_present || early, "in before a member");
            }
        }
    }

    #[test]
    fn coming_early_is_no_advantage(knock in knocks()) {
        // Whoever is let in with nobody there would be let in with somebody there.
        let early = decide(&Knock { member_present: false, ..knock });
        let late = decide(&Knock { member_present: true, ..knock });
        if early == Ok(Passage::Connected) {
            prop_assert_eq!(late, Ok(Passage::Connected));
        }
    }

    #[test]
    fn whoever_was_put_out_comes_in_only_if_fetched(knock in knocks()) {
        let knock = Knock { put_out: true, fetched: false, ..knock };
        prop_assert_ne!(decide(&knock), Ok(Passage::Connected));
    }

    #[test]
    fn a_wider_bypass_keeps_nobody_out(knock in knocks()) {
        if let Ok(Passage::Connected) = decide(&knock) {
            let wide = decide(&Knock { bypass: Bypass::Everyone, ..knock });
            prop_assert_eq!(wide, Ok(Passage::Connected));
        }
    }

    #[test]
    fn members_never_wait_for_members(knock in knocks()) {
        if knock.origin != Origin::External {
            let waits = Passage::InLobby { reason: LobbyReason::WaitingForMember };
            prop_assert_ne!(decide(&knock), Ok(waits));
        }
    }
}
