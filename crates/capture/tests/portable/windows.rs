//! One window: resized, hidden and closed.

use std::time::Instant;

use sidetone_capture::{CaptureDiagnostic, CaptureError, CaptureEvent, DiagnosticChange};
use x11rb::protocol::xproto::ConfigureWindowAux;

use crate::looking::{Looker, find, only_window, request, same, window_id};
use crate::server::{BLUE, GREEN, RED, Server};

#[test]
fn a_window_that_moves_is_the_same_and_one_that_grows_is_larger() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = only_window(&painter, (50, 50), (200, 101), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_size(200, 101);
    looker.until_colour((199, 100), RED);
    let first = looker.picture.clone().unwrap();
    painter.configure(window, ConfigureWindowAux::new().x(90).y(20));
    looker.assert_rest();
    assert!(same(looker.picture.as_ref().unwrap(), &first));
    // The second has as many pixels as the first.
    for (width, height) in [(300u16, 200u16), (200, 300), (20, 10)] {
        let size = ConfigureWindowAux::new()
            .width(u32::from(width))
            .height(u32::from(height));
        painter.configure(window, size);
        looker.until_size(width.into(), height.into());
        painter.fill(window, (0, 0), (width, height), BLUE);
        looker.until_colour((usize::from(width) - 1, usize::from(height) - 1), BLUE);
    }
}

#[test]
fn a_minimised_window_rests_and_comes_back() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = only_window(&painter, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_colour((150, 80), RED);
    painter.hide(window);
    looker.assert_rest();
    painter.configure(window, ConfigureWindowAux::new().width(100).height(60));
    painter.show(window);
    painter.fill(window, (0, 0), (100, 60), GREEN);
    looker.until_size(100, 60);
    looker.until_colour((99, 59), GREEN);
    while let Some(event) = looker.capturer.poll(Instant::now()) {
        assert!(matches!(event, CaptureEvent::Started(_)), "{event:?}");
    }
}

#[test]
fn a_window_that_is_closed_is_lost() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = only_window(&painter, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_colour((150, 80), RED);
    painter.close(window);
    let lost = looker.event("the loss", |event| matches!(event, CaptureEvent::Lost(..)));
    let CaptureEvent::Lost(id, CaptureError::Lost { reason, .. }) = lost else {
        panic!("{lost:?}");
    };
    assert_eq!(
        (id, reason.as_str()),
        (window_id(window), "the window was closed")
    );
    let stopped = |value| {
        let diagnostic = CaptureDiagnostic::CapturerStoppedUnexpectedly;
        CaptureEvent::Diagnostic(DiagnosticChange { diagnostic, value })
    };
    looker.event("capturerStoppedUnexpectedly", |event| *event == stopped(true));
    // Another share makes it right again.
    looker.open(&mut find(&server, None), request());
    looker.event("that it is right again", |event| *event == stopped(false));
}

#[test]
fn a_window_that_is_not_there_is_not_found() {
    let server = Server::start("320x240x24");
    let painter = server.painter();
    let window = only_window(&painter, (50, 50), (200, 100), RED);
    let mut source = find(&server, Some(window_id(window)));
    painter.close(window);
    let error = Looker::new()
        .capturer
        .start(&mut source, request(), Instant::now())
        .unwrap_err();
    assert!(matches!(error, CaptureError::NotFound(_)), "{error:?}");
}
