//! The jitter buffer from outside: a sender, an emulated network and a speaker on virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

mod accounting;
mod drift;
mod hostile;
mod loss;
mod minimum;
mod network;
mod pause;
mod rejoin;
mod sound;
mod talkers;
