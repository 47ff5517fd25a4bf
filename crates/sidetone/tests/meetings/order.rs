//! Keeping order, and what people do beside talking.

use serde_json::json;
use sidetone::{CallEvent, Capability, Error, Reaction, Reason, Role};

use crate::clinic::{Clinic, join};
use crate::support::speech::MAN;
use crate::support::{await_some, connected, end_of, until};

#[test]
fn hands_reactions_spotlight_roles_and_the_lock() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, pat) = (clinic.member("nia", None), clinic.outsider("pat", "Pat", None));
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    until("both are there", || {
        at_nia.participants().len() == 1 && at_pat.participants().len() == 1
    });
    let of = |call: &sidetone::Call| call.meeting().unwrap().participant;
    let (nias, pats) = (of(&at_nia), of(&at_pat));

    at_pat.raise_hand().raise().wait().unwrap();
    until("the hand is up", || {
        at_nia.participants()[0].raised_hand.is_some()
    });
    at_nia.raise_hand().lower_hands(&[pats]).wait().unwrap();
    until("the hand is down", || at_pat.raise_hand().raised().is_empty());

    let mut events = at_nia.events();
    at_pat.reactions().send(Reaction::Applause).wait().unwrap();
    let shown = await_some("the reaction", || match events.try_next() {
        Some(CallEvent::Reaction {
            reaction,
            participants,
            ..
        }) => Some((reaction, participants)),
        _ => None,
    });
    assert_eq!(shown, (Reaction::Applause, vec![pats]));

    at_nia.spotlight().start(&[pats]).wait().unwrap();
    until("Pat is in front", || at_pat.spotlight().participants() == [pats]);
    at_nia.spotlight().stop_all().wait().unwrap();
    until("nobody is in front", || {
        at_pat.spotlight().participants().is_empty()
    });

    let refused = at_pat.remove_participant(nias).wait();
    assert!(
        matches!(refused, Err(Error::Refused(ref reason)) if reason.is(&Reason::ROLE_RESTRICTED)),
        "{refused:?}"
    );
    assert!(!at_pat.capabilities().is_capable(Capability::MuteOthers));
    at_nia.set_role(pats, Role::Presenter).wait().unwrap();
    until("Pat is a presenter", || {
        at_pat.meeting().unwrap().role == Role::Presenter
            && at_pat.capabilities().is_capable(Capability::MuteOthers)
    });

    at_nia.set_locked(true).wait().unwrap();
    until("it is locked", || at_pat.meeting().unwrap().is_locked);
    let omar = clinic.member("omar", None);
    assert_eq!(end_of(&join(&omar, &link)), Reason::MEETING_LOCKED);

    at_nia.remove_participant(pats).wait().unwrap();
    assert_eq!(end_of(&at_pat), Reason::REMOVED);
    until("Nia is alone", || at_nia.participants().is_empty());
}

#[test]
fn whoever_is_muted_by_others_knows_and_may_speak_again() {
    let clinic = Clinic::open();
    let link = clinic.meeting(&json!({ "options": { "bypass": "everyone" } }));
    let (nia, pat) = (
        clinic.member("nia", None),
        clinic.outsider("pat", "Pat", Some(MAN)),
    );
    let (at_nia, at_pat) = (join(&nia, &link), join(&pat, &link));
    connected(&[&at_nia, &at_pat]);
    nia.hears(MAN);
    let pats = at_pat.meeting().unwrap().participant;
    let mut events = at_pat.events();
    at_nia.mute_participants(&[pats]).wait().unwrap();
    await_some("Pat is told", || match events.try_next() {
        Some(CallEvent::MutedByOthers(by)) => Some(by),
        _ => None,
    });
    assert!(at_pat.is_muted());
    nia.hears_nothing();
    until("Nia sees it", || at_nia.participants()[0].is_muted);
    at_pat.unmute().unwrap();
    nia.hears(MAN);
}
