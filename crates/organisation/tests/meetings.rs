//! Meetings as an organisation keeps them: numbers that are one organisation's, secrets, whose they are, and who somebody
//! is that comes to one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeSet;

use sidetone_organisation::access::{Operation, Role, allowed};
use sidetone_organisation::*;
use sidetone_signaling::Reason;
use support::*;

const NUMBER: &str = "482193507112";

fn meeting(organiser: &str) -> Meeting {
    Meeting {
        id: NUMBER.parse().unwrap(),
        subject: String::new(),
        kind: MeetingKind::Standard,
        organiser: organiser.parse().unwrap(),
        co_organisers: BTreeSet::new(),
        presenters: BTreeSet::new(),
        attendees: BTreeSet::new(),
        start_ms: None,
        end_ms: None,
        options: MeetingOptions::default(),
        key: "secret".into(),
        passcode: "abcd2345".into(),
        thread: None,
    }
}

fn put_meeting(world: &mut World, organisation: &str, meeting: Meeting) -> Result<(), DomainError> {
    world.apply(Change::Put(Entity::Meeting {
        organisation: org(organisation),
        meeting,
    }))
}

fn number() -> MeetingId {
    NUMBER.parse().unwrap()
}

#[test]
fn a_number_belongs_to_one_organisation() {
    let mut world = world();
    put_meeting(&mut world, CONTOSO, meeting("m1")).unwrap();
    assert_eq!(
        put_meeting(&mut world, FABRIKAM, meeting("ann")),
        Err(DomainError::NumberTaken)
    );
    let (organisation, found) = world.meeting_by_number(&number()).unwrap();
    assert_eq!((organisation.as_str(), found.organiser.as_str()), (CONTOSO, "m1"));
    // Again as another one, and free when it is gone.
    put_meeting(&mut world, CONTOSO, meeting("m2")).unwrap();
    let key = EntityKey::from(EntityName::Meeting(org(CONTOSO), number()));
    assert_eq!(key.as_str().parse::<EntityKey>().unwrap(), key);
    world.apply(Change::Delete(key)).unwrap();
    assert!(world.meeting_by_number(&number()).is_none());
    put_meeting(&mut world, FABRIKAM, meeting("ann")).unwrap();
}

#[test]
fn a_meeting_has_an_organiser_and_goes_with_them() {
    let mut world = world();
    assert!(matches!(
        put_meeting(&mut world, CONTOSO, meeting("nobody")),
        Err(DomainError::NoSuch { .. })
    ));
    put_meeting(&mut world, CONTOSO, meeting("m1")).unwrap();
    let member = EntityKey::from(EntityName::Member(org(CONTOSO), "m1".parse().unwrap()));
    assert_eq!(
        world.dependants(&member),
        [EntityKey::from(EntityName::Meeting(org(CONTOSO), number()))]
    );
    world.apply(Change::Delete(member)).unwrap();
    assert!(world.meeting_by_number(&number()).is_none());
    assert_eq!(world.meetings(&org(CONTOSO)).count(), 0);
    // And with the organisation.
    put_meeting(&mut world, CONTOSO, meeting("m2")).unwrap();
    let organisation = EntityKey::from(EntityName::Organisation(org(CONTOSO)));
    assert!(world.dependants(&organisation).len() >= 3);
    world.apply(Change::Delete(organisation)).unwrap();
    assert!(world.meeting_by_number(&number()).is_none());
}

#[test]
fn secrets_are_told_apart_and_not_shown() {
    let meeting = meeting("m1");
    assert!(meeting.has_key("secret") && !meeting.has_key("Secret") && !meeting.has_key(""));
    assert!(meeting.has_passcode("ABCD 2345") && !meeting.has_passcode("abcd2346"));
    let shown = format!("{meeting:?}");
    assert!(!shown.contains("secret") && !shown.contains("abcd2345"), "{shown}");
}

#[test]
fn bad_meetings_are_refused() {
    let mut world = world();
    let edits: [fn(&mut Meeting); 5] = [
        |m| m.key.clear(),
        |m| m.subject = "\u{202E}".into(),
        |m| m.options.max_participants = Some(0),
        |m| m.options.max_participants = Some(MAX_PARTICIPANTS + 1),
        |m| (m.start_ms, m.end_ms) = (Some(2), Some(1)),
    ];
    for edit in edits {
        let mut meeting = meeting("m1");
        edit(&mut meeting);
        assert!(put_meeting(&mut world, CONTOSO, meeting).is_err());
    }
}

#[test]
fn who_somebody_is_to_an_organisation() {
    let mut world = world();
    edit_member(&mut world, M2, |member| member.guest = true);
    let origin = |world: &World, who: &str| {
        world
            .attendee(&org(CONTOSO), &id(who), "Call me Al")
            .map(|attendee| (attendee.origin, attendee.display_name))
            .map_err(|refusal| refusal.reason)
    };
    let is = |origin: Origin, name: &str| Ok((origin, name.to_owned()));
    assert_eq!(origin(&world, M1), is(Origin::Own, "M1"), "R109");
    assert_eq!(origin(&world, M2), is(Origin::Guest, "M2"));
    assert_eq!(origin(&world, ANN), is(Origin::Federated, "ANN"));
    // No admin step is needed (R66): a resource that is on no allow-list may knock.
    assert_eq!(origin(&world, MALLORY), is(Origin::External, "Call me Al (External)"));
    assert_eq!(origin(&world, "guest:g"), is(Origin::External, "Call me Al (External)"));
    assert_eq!(origin(&world, "external:alpha:nobody"), Err(Reason::UNKNOWN_CALLER));
    edit_organisation(&mut world, FABRIKAM, |organisation| {
        organisation.switches.other_organisations = Setting::Source;
    });
    assert_eq!(origin(&world, ANN), Err(Reason::OTHER_ORGANISATIONS_DISABLED));
    edit_organisation(&mut world, CONTOSO, |organisation| {
        organisation.meetings.anonymous_join = false;
    });
    for who in [EVE, MALLORY, "guest:g"] {
        assert_eq!(origin(&world, who), Err(Reason::ANONYMOUS_JOIN_DISABLED));
    }
    assert_eq!(origin(&world, M1), is(Origin::Own, "M1"));
}

#[test]
fn meetings_are_their_peoples_business() {
    let m1: MemberId = "m1".parse().unwrap();
    let administrator = Role::Administrator(org(CONTOSO));
    let role = |organisation: &str, member: &str| Role::Member(org(organisation), member.parse().unwrap());
    for operation in [
        Operation::CreateMeeting(org(CONTOSO), m1.clone()),
        Operation::ReadMeeting(org(CONTOSO), vec![m1.clone()]),
        Operation::ConductMeeting(org(CONTOSO), vec![m1.clone()]),
    ] {
        assert!(allowed(&[role(CONTOSO, "m1")], &operation).is_ok());
        assert!(allowed(std::slice::from_ref(&administrator), &operation).is_ok());
        for stranger in [role(CONTOSO, "m2"), role(FABRIKAM, "m1"), Role::Operator] {
            assert!(allowed(&[stranger], &operation).is_err(), "{operation:?}");
        }
    }
}

#[test]
fn l31_who_comes_to_a_call_that_an_application_began() {
    let mut world = world();
    let comes = |world: &World, who: &str| world.may_join_group(&id(EVE), &id(who)).map_err(|r| r.reason);
    assert_eq!(comes(&world, M1), Ok(()));
    assert_eq!(comes(&world, ELI), Ok(()));
    edit_organisation(&mut world, CONTOSO, |organisation| {
        organisation.switches.group_call_members = Setting::Source;
    });
    assert_eq!(comes(&world, M1), Err(Reason::GROUP_CALL_MEMBERS_DISABLED));
    assert_eq!(comes(&world, ELI), Ok(()));
    // Who may not deal with each other does not meet there either.
    set_federation(&mut world, FABRIKAM, federation(false, &[]));
    assert_eq!(comes(&world, ANN), Err(Reason::TENANT_FEDERATION_DISABLED));
}
