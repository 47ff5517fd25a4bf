//! One window: over it, under it, moved, resized, hidden, framed and closed.

use std::time::Instant;

use sidetone_capture::screen::x11::Desktop;
use sidetone_capture::{
    CaptureDiagnostic, CaptureError, CaptureEvent, CaptureRequest, DiagnosticChange, newest,
};
use x11rb::protocol::xproto::*;

use crate::looking::{Looker, PATIENCE, request, same, window_id};
use crate::server::{BLUE, GREEN, GREY, RED, Server};

#[test]
fn a_window_is_whole_whatever_lies_over_it() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 101), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_size(200, 101);
    looker.until_colour((150, 80), RED);
    painter.window(painter.root, (0, 0), (640, 480), BLUE);
    painter.fill(window, (0, 0), (200, 101), GREEN);
    looker.until_colour((150, 80), GREEN);
    looker.assert_colour((0, 0), GREEN);
    looker.assert_colour((199, 100), GREEN);
    // What happens over it is not seen.
    looker.assert_rest();
}

#[test]
fn a_window_that_moves_is_the_same_and_one_that_grows_is_larger() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_colour((150, 80), RED);
    looker.assert_rest();
    let first = looker.picture.clone().unwrap();
    // Partly beyond the edge of the screen.
    painter.configure(window, ConfigureWindowAux::new().x(560).y(420));
    painter.configure(window, ConfigureWindowAux::new().x(-30).y(-20));
    looker.assert_rest();
    // The server may call that drawing, but it is the same.
    while let Some(picture) = looker.newest.take() {
        assert!(same(&picture, &first));
    }
    drop(first);
    painter.fill(window, (0, 0), (10, 10), GREEN);
    looker.until_colour((5, 5), GREEN);
    looker.assert_colour((150, 80), RED);
    for (width, height) in [(301u16, 203u16), (20, 10), (320, 240)] {
        let size = ConfigureWindowAux::new()
            .width(u32::from(width))
            .height(u32::from(height));
        painter.configure(window, size);
        looker.until_size(width.into(), height.into());
        painter.fill(window, (0, 0), (width, height), BLUE);
        looker.until_colour((usize::from(width) - 1, usize::from(height) - 1), BLUE);
        looker.assert_colour((0, 0), BLUE);
    }
}

#[test]
fn a_window_with_a_border_is_seen_without_it() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let border = ChangeWindowAttributesAux::new().border_pixel(BLUE);
    painter
        .connection
        .change_window_attributes(window, &border)
        .unwrap();
    painter.configure(window, ConfigureWindowAux::new().border_width(7));
    let mut looker = Looker::at_window(&server, window);
    looker.until_size(200, 100);
    painter.fill(window, (0, 0), (200, 100), GREEN);
    looker.until_colour((0, 0), GREEN);
    looker.assert_colour((199, 99), GREEN);
}

#[test]
fn a_minimised_window_rests_and_comes_back() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_colour((150, 80), RED);
    painter.hide(window);
    looker.assert_rest();
    painter.show(window);
    painter.fill(window, (0, 0), (200, 100), GREEN);
    looker.until_colour((150, 80), GREEN);
    // Also when it was resized while nobody saw it.
    painter.hide(window);
    painter.configure(window, ConfigureWindowAux::new().width(100).height(60));
    painter.show(window);
    painter.fill(window, (0, 0), (100, 60), BLUE);
    looker.until_size(100, 60);
    looker.until_colour((99, 59), BLUE);
    while let Some(event) = looker.capturer.poll(Instant::now()) {
        assert!(matches!(event, CaptureEvent::Started(_)), "{event:?}");
    }
}

#[test]
fn a_window_that_is_hidden_when_it_is_picked_is_seen_once_it_is_shown() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let mut source = Desktop::new(Some(&server.name))
        .source(Some(&window_id(window)))
        .unwrap();
    painter.hide(window);
    let mut looker = Looker::new();
    looker
        .capturer
        .start(&mut source, request(), Instant::now())
        .unwrap();
    looker.assert_rest();
    assert_eq!(looker.counters.pictures(), 0);
    painter.show(window);
    looker.until_colour((150, 80), RED);
}

/// A window manager puts windows into frames, and hides those.
#[test]
fn a_framed_window_is_followed_into_and_out_of_its_frame() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_colour((150, 80), RED);
    let frame = painter.window(painter.root, (30, 30), (220, 140), GREY);
    painter.connection.reparent_window(window, frame, 10, 30).unwrap();
    painter.sync();
    painter.fill(window, (0, 0), (200, 100), GREEN);
    looker.until_colour((150, 80), GREEN);
    painter.hide(frame);
    looker.assert_rest();
    painter.show(frame);
    painter.fill(window, (0, 0), (200, 100), BLUE);
    looker.until_colour((150, 80), BLUE);
    looker.assert_colour((0, 0), BLUE);
}

#[test]
fn the_pointer_is_seen_over_the_window_only() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), GREY);
    painter.square_pointer(painter.root, RED);
    painter.point(150, 100);
    let request = CaptureRequest {
        cursor: true,
        ..request()
    };
    let mut looker = Looker::at(&server, Some(window_id(window)), request);
    looker.until_colour((104, 54), RED);
    painter.point(400, 300);
    looker.until_colour((104, 54), GREY);
    painter.point(60, 60);
    looker.until_colour((14, 14), RED);
    // Over something that lies over the window.
    let other = painter.window(painter.root, (40, 40), (60, 60), BLUE);
    painter.point(61, 61);
    looker.until_colour((14, 14), GREY);
    painter.close(other);
    painter.point(62, 62);
    looker.until_colour((16, 16), RED);
}

#[test]
fn a_window_that_is_closed_is_lost() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_window(&server, window);
    looker.until_colour((150, 80), RED);
    looker.event("the start", |event| {
        *event == CaptureEvent::Started(window_id(window))
    });
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
    looker.start(&server, None, request());
    looker.event("that it is right again", |event| *event == stopped(false));
}

#[test]
fn what_shows_may_close_while_what_is_to_show_is_still_hidden() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let shown = painter.window(painter.root, (50, 50), (200, 100), RED);
    let hidden = painter.window(painter.root, (50, 50), (100, 60), GREEN);
    let mut source = Desktop::new(Some(&server.name))
        .source(Some(&window_id(hidden)))
        .unwrap();
    painter.hide(hidden);
    let mut looker = Looker::at_window(&server, shown);
    looker.until_colour((150, 80), RED);
    looker
        .capturer
        .start(&mut source, request(), Instant::now())
        .unwrap();
    // It goes on while there is nothing else.
    painter.fill(shown, (0, 0), (200, 100), BLUE);
    looker.until_colour((150, 80), BLUE);
    painter.close(shown);
    looker.event(
        "the loss",
        |event| matches!(event, CaptureEvent::Lost(id, _) if *id == window_id(shown)),
    );
    painter.show(hidden);
    looker.until_colour((99, 59), GREEN);
    looker.event("the other", |event| {
        *event == CaptureEvent::Started(window_id(hidden))
    });
}

#[test]
fn a_window_that_is_not_there_is_not_found() {
    let server = Server::start("320x240x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let desktop = Desktop::new(Some(&server.name));
    let mut source = desktop.source(Some(&window_id(window))).unwrap();
    painter.close(window);
    assert!(matches!(
        desktop.source(Some(&window_id(window))),
        Err(CaptureError::NotFound(_))
    ));
    let mut looker = Looker::new();
    let error = looker
        .capturer
        .start(&mut source, request(), Instant::now())
        .unwrap_err();
    assert!(matches!(error, CaptureError::NotFound(_)), "{error:?}");
    let expected = CaptureEvent::Diagnostic(DiagnosticChange {
        diagnostic: CaptureDiagnostic::CapturerStartFailed,
        value: true,
    });
    looker.event("capturerStartFailed", |event| *event == expected);
}

/// The same sink all the time: first the screen, then a window, and somebody looks on.
#[test]
fn a_share_changes_from_the_screen_to_a_window() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let window = painter.window(painter.root, (50, 50), (200, 100), RED);
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    let (sink, preview) = newest();
    looker.capturer.set_preview(Some(std::sync::Arc::new(sink)));
    looker.start(&server, Some(window_id(window)), request());
    looker.until_size(200, 100);
    assert_eq!(preview.wait(PATIENCE).unwrap().size().width(), 200);
    looker.event("the window", |event| {
        *event == CaptureEvent::Started(window_id(window))
    });
    // The screen is no longer looked at.
    painter.fill(painter.root, (400, 300), (50, 50), GREEN);
    looker.assert_rest();
    looker.capturer.stop();
    let before = looker.counters.pictures();
    painter.fill(window, (0, 0), (50, 50), GREEN);
    looker.assert_rest();
    assert_eq!(looker.counters.pictures(), before);
}
