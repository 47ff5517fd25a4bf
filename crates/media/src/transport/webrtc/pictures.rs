//! Pictures on the wire: an interceptor above those of the library that number, count and report, so that what it sends
//! passes them like everything else, and what it takes out of the stream has passed them already.
//!
//! The state machines of [`video`](crate::video) live here, in the library's driver task. The library's tracks for
//! pictures exist for its descriptions only: it could not sort sources that no description names, nor the retransmissions
//! of simulcast, and paces nothing.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{NackPair, TransportLayerNack};
use rtc::sansio;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use sidetone_pipeline::QueueReceiver;

use super::bandwidth::{AROUND, Bandwidth};
use super::reports::Latest;
use super::stats::SelectedPair;
use crate::transport::pictures::{Ask, Layout, MediaClock, Receiving, Sending};
use crate::transport::video::{LatestVideo, VideoEnd, VideoReport};
use crate::video::payload::TemporalLayers;
use crate::video::recovery::Nack;

/// How often statistics are left for others to see.
const REPORT: Duration = Duration::from_millis(250);

/// Most NACKs of one message that are answered: as many as one datagram holds.
const MAX_NACKS: usize = 350;

/// What pictures need of their surroundings.
pub(super) struct Surroundings {
    /// The source that our requests are from.
    pub(super) ssrc: u32,
    /// Whether media may flow.
    pub(super) open: Arc<AtomicBool>,
    pub(super) bandwidth: Bandwidth,
    pub(super) latest: Latest,
    pub(super) selected: Arc<Mutex<SelectedPair>>,
    /// What was settled, each time it was.
    pub(super) layouts: QueueReceiver<Layout>,
    pub(super) report: LatestVideo,
    pub(super) clock: MediaClock,
    pub(super) temporal: TemporalLayers,
}

/// Carries the pictures of one connection.
pub(super) struct Pictures {
    around: Surroundings,
    layout: Layout,
    sending: Sending,
    receiving: Receiving,
    asks: Vec<Ask>,
    reported: Instant,
    next: Option<Instant>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Pictures {
    pub(super) fn new(end: VideoEnd, around: Surroundings, now: Instant) -> Self {
        Self {
            sending: Sending::new(end.local, around.temporal, around.clock, now),
            receiving: Receiving::new(end.remote, end.lips, now),
            around,
            layout: Layout::default(),
            asks: Vec::new(),
            reported: now,
            next: None,
            reads: VecDeque::new(),
            writes: VecDeque::new(),
        }
    }

    /// Does all that is due.
    fn work(&mut self, now: Instant) {
        while let Some(layout) = self.around.layouts.pop() {
            if layout != self.layout {
                self.sending.settle(&layout, rand::random, now);
                self.receiving.settle(&layout);
                self.layout = layout;
            }
        }
        let bandwidth = &self.around.bandwidth;
        let reports = bandwidth.take_reports();
        if !reports.is_empty()
            && let Some(found) = self.sending.reports(&reports, now)
        {
            bandwidth.on_probe(found, now);
        }
        let open = self.around.open.load(Ordering::Acquire);
        bandwidth.set_wanted(self.sending.wanted(open, now), now);
        self.sending.estimate(bandwidth.estimate(), now);
        self.sending.work(open, now);
        self.receiving.work(&mut self.asks, now);
        for ask in std::mem::take(&mut self.asks) {
            self.ask(ask, now);
        }
        while let Some(packet) = self.sending.poll(now) {
            self.writes.push_back(tagged(Packet::Rtp(packet), now));
        }
        if now >= self.reported + REPORT {
            self.report(now);
        }
        let timeouts = [self.sending.next_timeout(), self.receiving.next_timeout()];
        self.next = timeouts.into_iter().flatten().min();
    }

    fn report(&mut self, now: Instant) {
        self.reported = now;
        let by_stun = || {
            self.around
                .selected
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .round_trip
        };
        if let Some(round_trip) = self.around.latest.get().round_trip.or_else(by_stun) {
            self.sending.set_round_trip(round_trip);
            self.receiving.set_round_trip(round_trip);
        }
        self.around.report.set(VideoReport {
            outbound: self.sending.stats(),
            inbound: self.receiving.stats(now),
            packets_discarded: self.receiving.discarded(),
        });
    }

    fn ask(&mut self, ask: Ask, now: Instant) {
        let sender_ssrc = self.around.ssrc;
        let packet: Box<dyn rtc::rtcp::Packet> = match ask {
            Ask::PictureLoss(media_ssrc) => Box::new(PictureLossIndication {
                sender_ssrc,
                media_ssrc,
            }),
            Ask::Nack(media_ssrc, nacks) => Box::new(TransportLayerNack {
                sender_ssrc,
                media_ssrc,
                nacks: nacks
                    .iter()
                    .map(|nack| NackPair {
                        packet_id: nack.packet,
                        lost_packets: nack.following,
                    })
                    .collect(),
            }),
        };
        self.writes.push_back(tagged(Packet::Rtcp(vec![packet]), now));
    }

    /// What a peer says of our pictures, and of the time of its own.
    fn hear(&mut self, packet: &dyn rtc::rtcp::Packet, now: Instant) {
        let packet = packet.as_any();
        if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            self.sending.picture_lost(pli.media_ssrc, now);
        } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            for entry in &fir.fir {
                self.sending
                    .intra_requested(entry.ssrc, entry.sequence_number, now);
            }
        } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
            let pairs = nack.nacks.iter().take(MAX_NACKS).map(|pair| Nack {
                packet: pair.packet_id,
                following: pair.lost_packets,
            });
            let pairs: Vec<Nack> = pairs.collect();
            self.sending.nack(nack.media_ssrc, &pairs, now);
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            self.receiving
                .sender_report(report.ssrc, report.ntp_time, report.rtp_time);
            self.receptions(&report.reports);
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            self.receptions(&report.reports);
        }
    }

    fn receptions(&mut self, reports: &[ReceptionReport]) {
        for report in reports {
            self.sending
                .reception(report.ssrc, f64::from(report.fraction_lost) / 256.0);
        }
    }
}

fn tagged(packet: Packet, now: Instant) -> TaggedPacket {
    TaggedPacket {
        now,
        transport: TransportContext::default(),
        message: AttributedPacket::new(packet),
    }
}

impl sansio::Protocol<TaggedPacket, TaggedPacket, ()> for Pictures {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        let now = msg.now;
        let taken = match &msg.message.packet {
            Packet::Rtp(packet) => self.receiving.packet(packet, now),
            Packet::Rtcp(packets) => {
                packets.iter().for_each(|packet| self.hear(&**packet, now));
                self.work(now);
                false
            }
            _ => false,
        };
        if taken {
            self.work(now);
        } else {
            self.reads.push_back(msg);
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, msg: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &msg.message.packet {
            self.sending.audio_sent(packet.marshal_size() + AROUND, msg.now);
        }
        self.writes.push_back(msg);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.work(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.next
    }
}

impl Interceptor for Pictures {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
