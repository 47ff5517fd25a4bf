//! Meetings and group calls on a real server: made over HTTP, joined over WebSockets, with real media over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code)]
#[path = "../api/client.rs"]
mod client;

mod accounts;
mod conversation;
mod group;
mod minutes;
mod network;
mod person;
mod rest;
mod visit;
