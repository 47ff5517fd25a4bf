//! RTP and RTCP on the wire (RFC 3550, RFC 4585): taking apart and writing, without state but that of counting what
//! arrives.

mod arrivals;
mod header;
mod missing;
mod reader;
mod reception;
#[cfg(test)]
mod tests;
mod transport_feedback;
mod writer;

pub use arrivals::Arrivals;
pub use header::{Elements, Parsed};
pub use missing::Missing;
pub use reader::{Control, Controls, Nack, ReportBlock};
pub use reception::Reception;
pub use transport_feedback::TransportFeedback;
pub use writer::Writer;
