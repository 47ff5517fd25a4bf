//! What the person answers, and what is remembered of it.

use sidetone_capture::{CaptureDiagnostic, CaptureError, CaptureEvent, SourceId, SourceKind};

use crate::looking::{Looker, request, threads};
use crate::screens::GREY;
use crate::session::Session;

fn again() -> SourceId {
    SourceId("wayland:again".into())
}

#[test]
fn what_was_chosen_is_given_again_without_a_question() {
    let mut session = Session::start();
    let desktop = session.desktop.clone();
    let listed = desktop.screens().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].is_default && listed[0].kind == SourceKind::Screen && listed[0].host == "wayland");
    assert_eq!(
        desktop.source(Some(&again())).unwrap_err(),
        CaptureError::NotFound("wayland:again".into())
    );
    assert_eq!(session.asked(), 0, "a list asks nobody");
    drop(Looker::at_desktop(&mut session, request(), GREY));
    assert_eq!(session.asked(), 1);
    assert_eq!(desktop.screens().unwrap().len(), 2);
    // Whether the token is a new one each time is the portal's.
    for colour in [0xFF_0000, 0x00_00FF] {
        let mut looker = Looker::new();
        looker.open(&mut desktop.source(Some(&again())).unwrap(), request());
        looker.until_painted(&mut session, colour);
        assert!(desktop.token().is_some());
    }
    assert_eq!(session.asked(), 1, "asked again");
    // As the program would after its next start.
    let token = desktop.token();
    let next = sidetone_capture::screen::wayland::Desktop::new(Some(&session.bus()));
    next.set_token(token);
    let mut looker = Looker::new();
    looker.open(&mut next.source(Some(&again())).unwrap(), request());
    looker.until_painted(&mut session, GREY);
    assert_eq!(session.asked(), 1, "asked again");
}

#[test]
fn a_person_may_say_no_and_yes_later() {
    let mut session = Session::start();
    session.answer("");
    let mut looker = Looker::new();
    looker.open(&mut session.desktop.source(None).unwrap(), request());
    let lost = looker.event("a refusal", |event| matches!(event, CaptureEvent::Lost(..)));
    assert!(
        matches!(lost, CaptureEvent::Lost(_, CaptureError::Denied { .. })),
        "{lost:?}"
    );
    let refused = CaptureDiagnostic::ScreenshareRecordingDisabled;
    assert!(looker.capturer.diagnostics().is_wrong(refused));
    assert_eq!(looker.counters.pictures(), 0);
    session.answer("HEADLESS-1");
    looker.open(&mut session.desktop.source(None).unwrap(), request());
    looker.until_painted(&mut session, GREY);
    looker.event("the end of it", |event| {
        matches!(event, CaptureEvent::Diagnostic(change) if change.diagnostic == refused && !change.value)
    });
}

#[test]
fn a_question_is_taken_back() {
    let mut session = Session::start();
    session.hesitate();
    let mut looker = Looker::new();
    looker.open(&mut session.desktop.source(None).unwrap(), request());
    session.until("a question", |session| session.asked() == 1);
    drop(looker);
    session.until("the end of the thread", |_| threads("wayland capture").is_empty());
}
