//! What there is to share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sidetone_capture::screen::x11::Desktop;
use sidetone_capture::{CaptureError, Lookout, PictureSource, SourceId, SourceKind, SourcesUpdated};
use x11rb::protocol::xproto::*;
use x11rb::wrapper::ConnectionExt as _;

use crate::looking::{PATIENCE, WHILE, window_id};
use crate::server::{BLUE, GREY, RED, Server};

#[test]
fn screens_are_listed() {
    let server = Server::start("640x480x24");
    let desktop = Desktop::new(Some(&server.name));
    let screens = desktop.screens().unwrap();
    assert_eq!(screens.len(), 1);
    assert_eq!(screens[0].kind, SourceKind::Screen);
    assert_eq!(
        (
            screens[0].modes[0].size.width(),
            screens[0].modes[0].size.height()
        ),
        (640, 480)
    );
    for id in [Some(&screens[0].id), None] {
        assert_eq!(desktop.source(id).unwrap().info(), screens[0]);
    }
    for id in [
        "x11:screen:none",
        "x11:window:0x7",
        "x11:window:seven",
        "else",
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
    let desktop = Desktop::new(Some(&server.name));
    assert_eq!(desktop.windows().unwrap(), []);
    let letter = painter.window(painter.root, (0, 0), (200, 100), RED);
    let nameless = painter.window(painter.root, (0, 0), (20, 10), BLUE);
    let hidden = painter.window(painter.root, (0, 0), (20, 10), BLUE);
    painter.hide(hidden);
    painter.title(letter, "A letter\nto Zoë");
    let before = desktop.windows().unwrap();
    let names: Vec<_> = before
        .iter()
        .map(|window| (window.id.clone(), window.name.as_str()))
        .collect();
    assert_eq!(
        names,
        [
            (window_id(nameless), format!("Window {nameless:#x}").as_str()),
            (window_id(letter), "A letter to Zoë"),
        ]
    );
    painter.title(letter, "Another letter");
    painter.close(nameless);
    let update = SourcesUpdated::between(&before, &desktop.windows().unwrap()).unwrap();
    assert!(update.lost(&window_id(nameless)) && !update.lost(&window_id(letter)));
    assert_eq!(update.added.len(), 1);
}

#[test]
fn a_lookout_tells_of_windows_that_come_and_go_and_nothing_while_it_gets_no_answer() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let first = painter.window(painter.root, (0, 0), (200, 100), RED);
    let desktop = Desktop::new(Some(&server.name));
    let answers = Arc::new(AtomicBool::new(true));
    let (tell, told) = std::sync::mpsc::channel();
    let lookout = Lookout::start(
        Duration::from_millis(5),
        {
            let answers = answers.clone();
            move || match answers.load(Ordering::Relaxed) {
                true => desktop.windows(),
                false => Desktop::new(Some(":59535")).windows(),
            }
        },
        move |update| tell.send(update).unwrap(),
    );
    let lookout = lookout.unwrap();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap().added[0].id, window_id(first));
    let second = painter.window(painter.root, (0, 0), (20, 10), BLUE);
    let update = told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        (update.added[0].id.clone(), update.removed),
        (window_id(second), Vec::new())
    );
    painter.close(first);
    assert!(told.recv_timeout(PATIENCE).unwrap().lost(&window_id(first)));
    answers.store(false, Ordering::Relaxed);
    assert!(told.recv_timeout(WHILE).is_err());
    painter.close(second);
    answers.store(true, Ordering::Relaxed);
    assert!(told.recv_timeout(PATIENCE).unwrap().lost(&window_id(second)));
    drop(lookout);
}

#[test]
fn where_a_window_manager_keeps_a_list_that_is_the_list() {
    let server = Server::start("640x480x24");
    let painter = server.painter();
    let frame = painter.window(painter.root, (0, 0), (300, 200), GREY);
    let framed = painter.window(frame, (10, 10), (200, 100), RED);
    let minimised = painter.window(painter.root, (0, 0), (200, 100), RED);
    painter.hide(minimised);
    let closed = painter.window(painter.root, (0, 0), (200, 100), RED);
    painter.close(closed);
    let connection = &painter.connection;
    let list = connection
        .intern_atom(false, b"_NET_CLIENT_LIST")
        .unwrap()
        .reply()
        .unwrap()
        .atom;
    connection
        .change_property32(
            PropMode::REPLACE,
            painter.root,
            list,
            AtomEnum::WINDOW,
            &[framed, minimised, closed, framed],
        )
        .unwrap();
    painter.sync();
    let windows = Desktop::new(Some(&server.name)).windows().unwrap();
    let ids: Vec<_> = windows.into_iter().map(|window| window.id).collect();
    assert_eq!(ids, [window_id(framed), window_id(minimised)]);
}
