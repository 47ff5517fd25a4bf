//! The jitter buffer from outside: a sender, an emulated network and a speaker on virtual time.

mod support;

mod accounting;
mod drift;
mod hostile;
mod loss;
mod network;
mod pause;
mod rejoin;
mod sound;
