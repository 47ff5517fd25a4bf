//! What there is to share.

use sidetone_capture::{CaptureError, PictureSource, SourceId, SourceKind, SourcesUpdated};

use crate::looking::{desktop, window_id};
use crate::server::{BLUE, RED, Server};

#[test]
fn screens_are_listed() {
    let server = Server::start("640x480x24");
    server.painter().list(&[]);
    let desktop = desktop(&server);
    let screens = desktop.screens().unwrap();
    assert_eq!(screens.len(), 1);
    assert_eq!(screens[0].kind, SourceKind::Screen);
    assert_eq!(screens[0].modes[0].size.to_string(), "640x480");
    for id in [Some(&screens[0].id), None] {
        assert_eq!(desktop.source(id).unwrap().info(), screens[0]);
    }
    for id in [
        "portable:screen:none",
        "portable:window:0x7",
        "portable:window:seven",
        "x11:screen:screen",
        "",
    ] {
        let found = desktop.source(Some(&SourceId(id.into())));
        assert!(matches!(found, Err(CaptureError::NotFound(_))), "{id}: {found:?}");
    }
}

#[test]
fn windows_come_and_go_and_change_their_titles() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let desktop = desktop(&server);
    painter.list(&[]);
    assert_eq!(desktop.windows().unwrap(), []);
    let letter = painter.window(painter.root, (0, 0), (200, 100), RED);
    painter.title(letter, "A letter\nto Zoë");
    let other = painter.window(painter.root, (0, 0), (20, 10), BLUE);
    painter.title(other, "Other");
    painter.list(&[letter, other]);
    let before = desktop.windows().unwrap();
    let names: Vec<_> = before
        .iter()
        .map(|window| (&window.id, window.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (&window_id(other), "Other"),
            (&window_id(letter), "A letter to Zoë")
        ]
    );
    assert_eq!(before[1].modes[0].size.to_string(), "200x100");
    painter.title(letter, "Another letter");
    painter.close(other);
    let update = SourcesUpdated::between(&before, &desktop.windows().unwrap()).unwrap();
    assert!(update.lost(&window_id(other)) && !update.lost(&window_id(letter)));
    assert_eq!(update.added.len(), 1);
}

#[test]
fn our_own_windows_and_those_without_a_title_are_left_out() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let ours = painter.window(painter.root, (0, 0), (200, 100), RED);
    painter.title(ours, "Ours");
    painter.own(ours);
    let nameless = painter.window(painter.root, (0, 0), (200, 100), RED);
    painter.list(&[ours, nameless]);
    assert_eq!(desktop(&server).windows().unwrap(), []);
}

#[test]
fn there_may_be_no_desktop() {
    let mut server = Server::start("640x480x24");
    let desktop = desktop(&server);
    server.kill();
    assert!(matches!(desktop.screens(), Err(CaptureError::Unavailable { .. })));
    assert!(matches!(desktop.windows(), Err(CaptureError::Unavailable { .. })));
}
