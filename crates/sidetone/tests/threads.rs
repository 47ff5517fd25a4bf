//! Nothing keeps running when the last handle is gone. Alone in its process: it counts the threads of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "calls/support/mod.rs"]
#[allow(dead_code)] // shared with the other tests, which use more of it
mod support;

use std::collections::BTreeMap;
use std::fs;

use support::speech::{MAN, WOMAN};
use support::{Service, call_between, talker, until};

/// Threads by name, and open sockets.
fn running() -> (BTreeMap<String, usize>, usize) {
    let mut threads = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap() {
        // It may end while it is looked at.
        if let Ok(name) = fs::read_to_string(task.unwrap().path().join("comm")) {
            *threads.entry(name.trim().to_owned()).or_default() += 1;
        }
    }
    let files = fs::read_dir("/proc/self/fd").unwrap();
    let sockets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    (
        threads,
        sockets
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count(),
    )
}

#[test]
fn dispose_and_drop_leave_no_thread_and_no_socket_behind() {
    let service = Service::start();
    let before = running();
    for disposed in [true, false] {
        let ann = talker(&service, "ann", WOMAN);
        let mut bob = talker(&service, "bob", MAN);
        let (call, answered) = call_between(&ann, &mut bob);
        call.on_event(|_| {});
        ann.agent.on_event(|_| {});
        assert!(running().0.values().sum::<usize>() > before.0.values().sum());
        if disposed {
            ann.agent.dispose().wait().unwrap();
            bob.agent.dispose().wait().unwrap();
        }
        drop((ann, bob, call, answered));
        let mut now = running();
        let patience = std::time::Instant::now() + support::STUCK;
        while now != before && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(20));
            now = running();
        }
        assert_eq!(now, before, "disposed: {disposed}");
    }
    until("the service has nobody", || service.calls() == (0, 0));
}
