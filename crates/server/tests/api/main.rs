//! The API over HTTP, against a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod audit;
mod client;
mod directory;
mod document;
mod enabling;
mod health;
mod idempotency;
mod isolation;
mod keys;
mod limits;
mod preconditions;
mod resources;
mod restart;
