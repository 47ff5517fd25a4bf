//! RTP and RTCP on the wire (RFC 3550, RFC 4585): taking apart and writing, without state but that of counting what
//! arrives.

mod header;
mod reader;
mod reception;
#[cfg(test)]
mod tests;
mod transport_feedback;
mod writer;

pub use header::{Elements, Parsed};
pub use reader::{Control, Controls, Nack, ReportBlock};
pub use reception::Reception;
pub use transport_feedback::TransportFeedback;
pub use writer::Writer;
