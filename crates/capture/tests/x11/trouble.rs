//! Servers that end, hang, are not there, or have pixels of another kind.

use std::time::Instant;

use sidetone_capture::screen::x11::Desktop;
use sidetone_capture::{CaptureDiagnostic, CaptureError, CaptureEvent, DiagnosticChange};

use crate::looking::{Looker, WHILE, request};
use crate::server::{BLUE, GREEN, GREY, RED, Server};

fn stopped_unexpectedly(value: bool) -> CaptureEvent {
    let diagnostic = CaptureDiagnostic::CapturerStoppedUnexpectedly;
    CaptureEvent::Diagnostic(DiagnosticChange { diagnostic, value })
}

#[test]
fn a_server_that_ends_is_told_and_hangs_nobody() {
    let mut server = Server::start("640x480x24");
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    server.kill();
    let lost = looker.event("the loss", |event| matches!(event, CaptureEvent::Lost(..)));
    assert!(
        matches!(lost, CaptureEvent::Lost(_, CaptureError::Lost { .. })),
        "{lost:?}"
    );
    looker.event("capturerStoppedUnexpectedly", |event| {
        *event == stopped_unexpectedly(true)
    });
    looker.capturer.stop();
    looker.event("that nobody misses it", |event| {
        *event == stopped_unexpectedly(false)
    });
}

#[test]
fn a_server_that_ends_in_the_middle_of_everything_hangs_nobody() {
    let mut server = Server::start("640x480x24");
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    let painting = {
        let painter = server.painter();
        std::thread::spawn(move || {
            use x11rb::connection::Connection;
            use x11rb::protocol::xproto::{ConnectionExt, CreateGCAux, Rectangle};
            let gc = painter.connection.generate_id().unwrap();
            painter
                .connection
                .create_gc(gc, painter.root, &CreateGCAux::new())
                .unwrap();
            let all = Rectangle {
                x: 0,
                y: 0,
                width: 640,
                height: 480,
            };
            while painter
                .connection
                .poly_fill_rectangle(painter.root, gc, &[all])
                .is_ok()
                && painter
                    .connection
                    .get_input_focus()
                    .is_ok_and(|answer| answer.reply().is_ok())
            {}
        })
    };
    std::thread::sleep(WHILE);
    server.kill();
    looker.event("the loss", |event| matches!(event, CaptureEvent::Lost(..)));
    painting.join().unwrap();
}

#[test]
fn a_server_that_hangs_does_not_hang_whoever_stops() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    looker.assert_rest();
    server.signal("-STOP");
    // It cannot be told that this is answered never.
    looker.capturer.refresh();
    std::thread::sleep(WHILE);
    looker.capturer.stop();
    assert_eq!(looker.capturer.source(), None);
    server.signal("-CONT");
    painter.sync();
}

#[test]
fn pixels_of_another_kind_are_refused() {
    let server = Server::start("320x240x16");
    let mut source = Desktop::new(Some(&server.name)).source(None).unwrap();
    let mut looker = Looker::new();
    let error = looker
        .capturer
        .start(&mut source, request(), Instant::now())
        .unwrap_err();
    assert!(matches!(error, CaptureError::Format { .. }), "{error:?}");
}

#[test]
fn there_may_be_no_server() {
    for name in [
        ":64999",
        ":59535",
        ":59536.7",
        "",
        "else",
        "localhost:1.99999",
        ":70000",
    ] {
        let listed = Desktop::new(Some(name)).screens();
        assert!(
            matches!(listed, Err(CaptureError::Unavailable { .. })),
            "{name}: {listed:?}"
        );
    }
}

/// Whoever keeps every picture gets no more of them, and what shows when one comes back is the newest.
#[test]
fn a_sink_that_keeps_everything_harms_itself_only() {
    let server = Server::start("320x240x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (0, 0), (320, 240), GREY);
    let mut looker = Looker::at_screen(&server);
    looker.until_colour((0, 0), GREY);
    let mut kept = vec![looker.picture.take().unwrap()];
    for step in 0..20 {
        painter.fill(window, (0, 0), (320, 240), if step % 2 == 0 { RED } else { BLUE });
        kept.extend(looker.newest.wait(WHILE / 4));
    }
    painter.fill(window, (0, 0), (320, 240), GREEN);
    assert!(looker.capturer.skipped() > 0);
    assert!(kept.len() < 10, "{} pictures", kept.len());
    looker.assert_rest();
    drop(kept);
    looker.until_colour((319, 239), GREEN);
}
