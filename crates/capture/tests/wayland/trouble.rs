//! Programs that are missing, or end while they are needed.

use sidetone_capture::screen::wayland::Desktop;
use sidetone_capture::{CaptureDiagnostic, CaptureError, CaptureEvent};

use crate::looking::{Looker, request};
use crate::screens::GREY;
use crate::session::Session;

#[test]
fn no_bus_and_no_portal_are_told() {
    let nowhere = tempfile::tempdir().unwrap();
    let address = format!("unix:path={}", nowhere.path().join("bus").display());
    for address in [address.as_str(), "no address"] {
        let desktop = Desktop::new(Some(address));
        let unavailable = |error| matches!(error, CaptureError::Unavailable { .. });
        assert!(unavailable(desktop.screens().unwrap_err()));
        assert!(unavailable(desktop.source(None).unwrap_err()));
    }
    let mut session = Session::start();
    let mut source = session.desktop.source(None).unwrap();
    session.kill("xdg-desktop-portal");
    assert!(session.desktop.screens().is_err());
    // Gone since it was looked up.
    let mut looker = Looker::new();
    looker.open(&mut source, request());
    let lost = looker.event("a failure", |event| matches!(event, CaptureEvent::Lost(..)));
    assert!(
        matches!(lost, CaptureEvent::Lost(_, CaptureError::Unavailable { .. })),
        "{lost:?}"
    );
    let failed = CaptureDiagnostic::CapturerStartFailed;
    assert!(looker.capturer.diagnostics().is_wrong(failed));
}

#[test]
fn whatever_ends_while_it_is_needed_is_told() {
    for program in ["pipewire", "xdg-desktop-portal-wlr", "sway"] {
        let mut session = Session::start();
        let mut looker = Looker::at_desktop(&mut session, request(), GREY);
        session.kill(program);
        let lost = looker.event(program, |event| matches!(event, CaptureEvent::Lost(..)));
        assert!(
            matches!(lost, CaptureEvent::Lost(_, CaptureError::Lost { .. })),
            "{program}: {lost:?}"
        );
        let stopped = CaptureDiagnostic::CapturerStoppedUnexpectedly;
        assert!(looker.capturer.diagnostics().is_wrong(stopped), "{program}");
    }
}
