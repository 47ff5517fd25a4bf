//! The pictures of a connection between the port and packets, whatever carries the packets: our own out, those of others
//! in. Refuses to know descriptions, sockets and RTCP's wire format.

mod layout;
mod lips;
mod receiving;
mod sending;

pub(crate) use layout::{Formats, Identifiers, Layout, Receives, Sends};
pub(crate) use receiving::{Ask, Receiving};
pub(crate) use sending::{MediaClock, Sending};
