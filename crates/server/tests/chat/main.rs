//! Chat over HTTP and WebSockets, with a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../api/client.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod client;

#[path = "../accounts/receiver.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod receiver;

#[path = "../meetings/person.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod person;

mod ac10;
mod ac6;
mod calls;
mod cards;
mod events;
mod files;
mod hook;
mod kill;
mod limits;
mod outage;
mod previews;
mod rest;
mod scan;
mod search;
mod stage;
mod storage;
mod translation;
