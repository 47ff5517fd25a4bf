//! Calls by the thousand in virtual time, from seeds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod chaos;
mod long_calls;
mod outages;
mod repeatable;
