//! Desktops that end, and sinks that keep everything.

use sidetone_capture::{CaptureError, CaptureEvent};

use crate::looking::{Looker, WHILE};
use crate::server::{BLUE, GREEN, GREY, RED, Server};

#[test]
fn a_desktop_that_ends_is_told_and_hangs_nobody() {
    let mut server = Server::start("640x480x24");
    let mut looker = Looker::at_screen(&server);
    looker.until_size(640, 480);
    server.kill();
    let lost = looker.event("the loss", |event| matches!(event, CaptureEvent::Lost(..)));
    assert!(
        matches!(lost, CaptureEvent::Lost(_, CaptureError::Lost { .. })),
        "{lost:?}"
    );
    looker.capturer.stop();
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
