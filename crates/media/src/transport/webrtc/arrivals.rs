//! The library's interceptor that reports arrivals of single packets, kept to our clock of reports: its own knows one
//! interval for everything.

use std::time::Instant;

use rtc::interceptor::{
    Interceptor, Packet, StreamInfo, TaggedPacket, TwccReceiverBuilder, TwccReceiverInterceptor,
};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use crate::bandwidth::{Reporting, SHORTEST_INTERVAL};

/// Reports arrivals (transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01).
pub(super) struct Arrivals {
    inner: TwccReceiverInterceptor,
    reporting: Reporting,
}

impl Arrivals {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            // Never later than ours.
            inner: TwccReceiverBuilder::new()
                .with_interval(SHORTEST_INTERVAL)
                .build(),
            reporting: Reporting::new(now),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Arrivals {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &msg.message.packet {
            self.reporting.came(packet.payload.is_empty(), msg.now);
        }
        self.inner.handle_read(msg)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inner.poll_read()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        self.inner.handle_write(msg)
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.inner.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return Ok(());
        }
        self.reporting.reported(now);
        self.inner.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        // Nothing before the first packet that has a number.
        let inner = self.inner.poll_timeout()?;
        Some(self.reporting.due().max(inner))
    }

    fn close(&mut self) -> Result<(), Error> {
        self.inner.close()
    }
}

impl Interceptor for Arrivals {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.inner.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.inner.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.inner.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.inner.unbind_remote_stream(info);
    }
}
