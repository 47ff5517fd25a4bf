//! Meetings and group calls while they run: who is in, who waits before the door, what each may do, and what
//! everyone is told of it.
//!
//! Sans-IO, like the switchboard beside which it stands: [`Meetings`] takes inputs and `now`, and gives outputs until
//! [`Output::Timeout`]. It refuses to know sockets, tokens, stores and packets: requests come to it from the
//! switchboard and answers go back there, people are looked up by [`People`], and whose media passes where is ordered
//! in [`Rights`] from whoever carries it.

#![forbid(unsafe_code)]

mod admission;
mod api;
mod guesses;
mod link;
mod meetings;
mod minutes;
mod people;
mod rights;
mod room;

pub use admission::{Knock, decide};
pub use api::{
    Attempt, Config, Fact, Input, KeptNotice, MediaError, MediaEvent, MediaOrder, Memory, Order, Output,
    Piece, Place, Rights, Stay, Who,
};
pub use link::{Credentials, meeting_link};
pub use meetings::Meetings;
pub use minutes::{Minutes, TranscriptLine};
pub use people::{Company, Hall, Located, Naming, People, Secret};
