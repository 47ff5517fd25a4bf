//! The SDK from outside: a real service, real UDP on loopback, devices without hardware, real human speech.
//! One behaviour a file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod callbacks;
mod devices;
mod diagnostics;
mod early_hang_up;
mod glare;
mod goodbye;
mod hold;
mod mute;
mod no_call;
mod notices;
mod outage;
mod own_audio;
mod privacy;
mod record;
mod runtimes;
mod several_endpoints;
mod shared_sound;
mod statistics;
mod support;
mod talk;
mod token;
mod transfer;
mod video;
