//! What the person answers, and what is remembered of it.

use sidetone_capture::{CaptureDiagnostic, CaptureError, CaptureEvent, SourceId, SourceKind};

use crate::looking::{Looker, request, threads};
use crate::session::Session;

const GREY: u32 = 0x80_8080;

fn again() -> SourceId {
    SourceId("wayland:again".into())
}

#[test]
fn what_was_chosen_is_given_again_without_a_question() {
    let session = Session::start("#808080");
    let desktop = &session.desktop;
    let listed = desktop.screens().unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].is_default && listed[0].kind == SourceKind::Screen && listed[0].host == "wayland");
    assert_eq!(
        desktop.source(Some(&again())).unwrap_err(),
        CaptureError::NotFound("wayland:again".into())
    );
    assert_eq!(session.asked(), 0, "a list asks nobody");
    let mut looker = Looker::at_desktop(&session, request());
    looker.until_colour((0, 0), GREY);
    drop(looker);
    assert_eq!(session.asked(), 1);
    assert_eq!(desktop.screens().unwrap().len(), 2);
    // Tokens are good for one use, and each use gives the next.
    for _ in 0..2 {
        let before = desktop.token().unwrap();
        let mut looker = Looker::new();
        looker.open(&mut desktop.source(Some(&again())).unwrap(), request());
        looker.until_colour((0, 0), GREY);
        assert_ne!(desktop.token().unwrap(), before);
    }
    assert_eq!(session.asked(), 1, "asked again");
    // As the program would after its next start.
    let token = desktop.token();
    let next = sidetone_capture::screen::wayland::Desktop::new(Some(&session.bus()));
    next.set_token(token);
    let mut looker = Looker::new();
    looker.open(&mut next.source(Some(&again())).unwrap(), request());
    looker.until_colour((0, 0), GREY);
    assert_eq!(session.asked(), 1, "asked again");
}

#[test]
fn a_person_may_say_no_and_yes_later() {
    let session = Session::start("#808080");
    session.answer("");
    let mut looker = Looker::at_desktop(&session, request());
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
    looker.until_colour((0, 0), GREY);
    looker.event("the end of it", |event| {
        matches!(event, CaptureEvent::Diagnostic(change) if change.diagnostic == refused && !change.value)
    });
}

#[test]
fn a_question_is_taken_back() {
    let mut session = Session::start("#808080");
    session.hesitate();
    let looker = Looker::at_desktop(&session, request());
    session.until("a question", |session| session.asked() == 1);
    drop(looker);
    assert!(threads("wayland capture").is_empty());
}
