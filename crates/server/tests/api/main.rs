//! The API over HTTP, against a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod backups;
mod client;
mod directory;
mod document;
mod enabling;
mod health;
mod idempotency;
mod isolation;
mod keys;
mod limits;
mod names;
mod preconditions;
mod resources;
mod restart;
mod voicemail;
mod voicemail_kill;
