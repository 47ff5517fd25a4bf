//! A room in virtual time: people who speak, pause, cough, come and go over a network that loses and reorders, and
//! receivers that check every packet they get.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chaos;
mod conversation;
mod ear;
mod hearing;
mod hostile;
mod people;
mod pictures;
mod rewriting;
mod selection;
mod studio;
mod world;
