//! The client's side of a meeting or group call: its way in and through the lobby, its one connection to the service,
//! and how that comes back. It refuses to know who else is there: what the service tells of people is passed on.

mod machine;
mod media;

pub(crate) use machine::{ClientMeeting, Entry, Output};

#[cfg(test)]
mod tests;
