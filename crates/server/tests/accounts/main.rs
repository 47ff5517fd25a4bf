//! What follows from calls, as tenants see it: events at their receivers, usage, call records.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../identity/rest.rs"]
mod rest;

mod kill;
mod reading;
mod receiver;
mod stage;
mod webhooks;
