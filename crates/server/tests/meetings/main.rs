//! Meetings and group calls on a real server: made over HTTP, joined over WebSockets, with real media over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../api/client.rs"]
mod client;

#[allow(dead_code)]
#[path = "../accounts/receiver.rs"]
mod receiver;

mod accounts;
mod backend;
mod breakouts;
mod conversation;
mod group;
mod kill;
mod kinds;
mod lobby;
mod minutes;
mod network;
mod person;
mod recording;
mod rest;
mod routing;
mod thread;
mod visit;
mod watching;
