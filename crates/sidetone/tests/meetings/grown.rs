//! A call of two becomes a group call without ending: same id, no gap, and a third comes in.

use sidetone::{AcceptOptions, CallEvent, CallState, ParticipantState};

use crate::clinic::Clinic;
use crate::support::speech::{MAN, WOMAN};
use crate::support::{call_between, connected, end_of, events_from_now, speech, until};
use std::time::Duration;

#[test]
fn a_third_comes_into_a_call_of_two() {
    let clinic = Clinic::open();
    let pat = clinic.outsider("pat", "Pat", Some(MAN));
    let mut nia = clinic.member("nia", Some(WOMAN));
    let mut omar = clinic.member("omar", None);
    let (at_pat, at_nia) = call_between(&pat, &mut nia);
    nia.hears(MAN);
    let id = at_nia.id();
    let mut events = events_from_now(&at_pat);

    let omars = sidetone::Identifier::member("acme", "omar").unwrap();
    let number = at_nia.add_participant(omars).wait().unwrap();
    let heard = nia.listen(Duration::from_secs(6));
    until("both are in the group call", || {
        at_pat.meeting().is_some() && at_nia.meeting().is_some()
    });
    until("Omar rings", || {
        at_nia
            .participant(number)
            .is_some_and(|omar| omar.state == ParticipantState::Ringing)
    });
    assert_eq!((at_pat.id(), at_nia.id()), (id, id));
    let gap = speech::longest_silence(&heard, MAN);
    println!(
        "longest silence of what Nia heard of Pat beyond Pat's own pauses: {:.0} ms",
        gap * 1e3
    );
    assert!(gap < 0.3, "{gap}");

    let ringing = omar.rings();
    assert_eq!(ringing.id(), id);
    assert_eq!(ringing.caller().display_name, "Nia Nurse");
    let at_omar = ringing.accept(AcceptOptions::default()).wait().unwrap();
    connected(&[&at_omar]);
    until("all are there", || {
        [&at_pat, &at_nia, &at_omar]
            .iter()
            .all(|call| call.participants().len() == 2)
    });
    pat.hears(WOMAN);
    nia.hears(MAN);
    // Nobody was told that the call stood still, or ended.
    let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    let states = told.iter().filter(
        |event| matches!(event, CallEvent::StateChanged { state, .. } if *state != CallState::Connected),
    );
    assert_eq!(states.count(), 0, "{told:?}");
    at_pat.hang_up().unwrap();
    end_of(&at_pat);
    connected(&[&at_nia, &at_omar]);
    until("Pat is gone", || at_nia.participants().len() == 1);
}
