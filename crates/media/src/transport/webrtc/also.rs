//! An interceptor of the library that looks after our streams as well. The library binds to its interceptors what its own
//! tracks send and receive, which leaves out retransmissions, probes, and what comes from sources that no description
//! names; congestion control must know them all.

use std::time::Instant;

use rtc::interceptor::{Interceptor, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use sidetone_pipeline::{QueueReceiver, QueueSender, queue};

/// Streams to bind.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    pub(super) local: Vec<StreamInfo>,
    pub(super) remote: Vec<StreamInfo>,
}

/// The library's interceptor, and what else it is to look after.
pub(super) struct Also<I> {
    inner: I,
    streams: QueueReceiver<Streams>,
}

impl<I: Interceptor> Also<I> {
    /// And the way to tell it.
    pub(super) fn new(inner: I) -> (Self, QueueSender<Streams>) {
        let (teller, streams) = queue(4);
        (Self { inner, streams }, teller)
    }

    fn bind(&mut self) {
        while let Some(streams) = self.streams.pop() {
            streams
                .local
                .iter()
                .for_each(|info| self.inner.bind_local_stream(info));
            streams
                .remote
                .iter()
                .for_each(|info| self.inner.bind_remote_stream(info));
        }
    }
}

impl<I: Interceptor> Protocol<TaggedPacket, TaggedPacket, ()> for Also<I> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        self.bind();
        self.inner.handle_read(msg)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.inner.poll_read()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        self.bind();
        self.inner.handle_write(msg)
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.inner.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.inner.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.inner.poll_timeout()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.inner.close()
    }
}

impl<I: Interceptor> Interceptor for Also<I> {
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
