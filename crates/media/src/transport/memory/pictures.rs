//! The pictures of one end in memory: what both ends could settle is known without descriptions, packets are those that
//! would go over a network. Knows calls of two only.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rtc_shared::marshal::MarshalSize;
use sidetone_opus::Bitrate;

use super::endpoint::Output;
use super::token::Id;
use super::{Datagram, Due, Net, Node, OVERHEAD};
use crate::bandwidth::{Delivery, Estimate};
use crate::packet::{SequenceNumber, VoicePacket};
use crate::transport::TransportEvent;
use crate::transport::pictures::{
    Ask, Formats, Identifiers, Layout, MediaClock, Receives, Receiving, Sending, Sends,
};
use crate::transport::video::{VideoConfig, VideoEnd, VideoReport};
use crate::video::{Codec, Content, NtpTime, Report};

/// Bytes around an RTP packet: the tag of SRTP, UDP, IPv4.
const AROUND: usize = 10 + 8 + 20;

/// Shortest time between two looks at the pictures of an end.
const TICK: Duration = Duration::from_millis(1);

/// Packets of which the feedback is under way.
const MOST: usize = 2_000;

/// The first payload type, as over the network.
const FIRST: u8 = 96;

/// What carries pictures.
pub(super) struct Pictures {
    pub(super) config: VideoConfig,
    clock: MediaClock,
    sending: Sending,
    receiving: Receiving,
    settled: Option<Id>,
    /// Sources and numbers of packets, by their numbers in the feedback.
    sent: BTreeMap<u64, (u32, u16)>,
    random: u16,
}

/// What is to be done after work.
#[derive(Default)]
pub(super) struct Work {
    pub(super) packets: Vec<rtp::Packet>,
    pub(super) asks: Vec<Ask>,
    /// What a burst has found.
    pub(super) found: Option<Bitrate>,
}

impl Pictures {
    pub(super) fn new(id: Id, config: VideoConfig, end: VideoEnd, now: Instant) -> Self {
        let random = id.wrapping_mul(0x9e37_79b9);
        let clock = MediaClock::new(now, random, NtpTime(0xe000_0000_0000_0000));
        Self {
            clock,
            sending: Sending::new(end.local, config.temporal, clock, now),
            receiving: Receiving::new(end.remote, end.lips, now),
            config,
            settled: None,
            sent: BTreeMap::new(),
            random: random as u16,
        }
    }

    /// Settles with `peer`, which can do `theirs`, unless that was done.
    pub(super) fn settle(&mut self, (id, peer): (Id, Id), theirs: &VideoConfig, now: Instant) {
        if self.settled.replace(peer) == Some(peer) {
            return;
        }
        let layout = layout(id, peer, &self.config, theirs);
        let random = self.random;
        self.sending.settle(&layout, || random, now);
        self.receiving.settle(&layout);
    }

    /// The time of day at that moment, as packets tell it.
    pub(super) fn time_of(&self, moment: Instant) -> NtpTime {
        self.clock.ntp(moment)
    }

    /// A packet of sound, which was captured then.
    pub(super) fn sound(&mut self, packet: &VoicePacket, captured: Option<NtpTime>) {
        self.receiving
            .sound(packet.ssrc, packet.source, packet.timestamp, captured);
    }

    pub(super) fn packet(&mut self, packet: &rtp::Packet, now: Instant) {
        self.receiving.packet(packet, now);
    }

    pub(super) fn ask(&mut self, ask: Ask, now: Instant) {
        match ask {
            Ask::Nack(ssrc, nacks) => self.sending.nack(ssrc, &nacks, now),
            Ask::PictureLoss(ssrc) => self.sending.picture_lost(ssrc, now),
        }
    }

    pub(super) fn audio_sent(&mut self, bytes: usize, now: Instant) {
        self.sending.audio_sent(bytes, now);
    }

    /// A packet left with that number in the feedback.
    pub(super) fn numbered(&mut self, number: u64, packet: &rtp::Packet) {
        if self.sent.len() == MOST {
            self.sent.pop_first();
        }
        self.sent
            .insert(number, (packet.header.ssrc, packet.header.sequence_number));
    }

    /// What sound and pictures can use now.
    pub(super) fn wanted(&mut self, open: bool, now: Instant) -> Bitrate {
        self.sending.wanted(open, now)
    }

    pub(super) fn work(
        &mut self,
        open: bool,
        estimate: Estimate,
        told: &[(u64, Delivery)],
        round_trip: Option<Duration>,
        now: Instant,
    ) -> Work {
        let mut work = Work::default();
        if let Some(round_trip) = round_trip {
            self.sending.set_round_trip(round_trip);
            self.receiving.set_round_trip(round_trip);
        }
        let reports: Vec<Report> = told
            .iter()
            .filter_map(|(number, delivery)| {
                let (ssrc, sequence) = self.sent.remove(number)?;
                Some(Report {
                    ssrc,
                    sequence: SequenceNumber(sequence),
                    delivery: *delivery,
                })
            })
            .collect();
        if !reports.is_empty() {
            work.found = self.sending.reports(&reports, now);
        }
        self.sending.estimate(estimate, now);
        self.sending.work(open, now);
        self.receiving.work(&mut work.asks, now);
        work.packets.extend(std::iter::from_fn(|| self.sending.poll(now)));
        work
    }

    pub(super) fn next_timeout(&mut self) -> Option<Instant> {
        let both = [self.sending.next_timeout(), self.receiving.next_timeout()];
        both.into_iter().flatten().min()
    }

    pub(super) fn report(&mut self, now: Instant) -> VideoReport {
        VideoReport {
            outbound: self.sending.stats(),
            inbound: self.receiving.stats(now),
            packets_discarded: self.receiving.discarded(),
        }
    }
}

impl Net {
    /// Lets the pictures of an end do what is due.
    pub(super) fn work(&mut self, id: Id) {
        let now = self.now;
        let peer = self.nodes.get(&id).and_then(|node| node.endpoint.peer());
        let theirs = peer.and_then(|peer| {
            let pictures = self.nodes.get(&peer)?.pictures.as_ref()?;
            Some((peer, pictures.config.clone()))
        });
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let open = node.endpoint.is_open() && theirs.is_some();
        let Some(pictures) = &mut node.pictures else {
            return;
        };
        if let Some((peer, theirs)) = theirs {
            pictures.settle((id, peer), &theirs, now);
        }
        node.feedback.report(now, now + self.config.conditions.delay);
        let mut changed = node.feedback.estimate(now);
        let wanted = pictures.wanted(open, now);
        changed = node.feedback.set_wanted(wanted, now).or(changed);
        let (estimate, told) = (node.feedback.current(), node.feedback.take_told());
        let work = pictures.work(open, estimate, &told, node.endpoint.round_trip, now);
        let found = work.found.and_then(|found| node.feedback.on_probe(found, now));
        changed = found.or(changed);
        let next = pictures.next_timeout();
        let mut datagrams = Vec::new();
        for packet in work.packets {
            let bytes = wire_bytes(&packet);
            let number = node.feedback.sent(bytes, now);
            pictures.numbered(number, &packet);
            datagrams.push((Datagram::Picture(number, Box::new(packet)), bytes));
        }
        datagrams.extend(work.asks.into_iter().map(|ask| (Datagram::Ask(ask), OVERHEAD)));
        let next = next.map(|next| next.max(now + TICK));
        if let Some(next) = next.filter(|next| node.pictures_due.is_none_or(|due| *next < due)) {
            node.pictures_due = Some(next);
            self.agenda.push(Reverse((next, Due::Pictures(id))));
        }
        if let Some(estimate) = changed {
            self.perform(id, vec![Output::Event(TransportEvent::Estimate(estimate))]);
        }
        for (datagram, bytes) in datagrams {
            if let Some(peer) = peer.filter(|_| open) {
                self.send(id, peer, datagram, bytes);
            }
        }
    }
}

impl Node {
    /// The pictures, for something that came from `from`.
    pub(super) fn pictures_from(
        &mut self,
        from: Id,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Option<&mut Pictures> {
        if self.endpoint.peer() != Some(from) || !self.endpoint.is_open() {
            return None;
        }
        self.endpoint.on_sign_of_life(now, out);
        self.pictures.as_mut()
    }
}

/// Its size on the wire.
fn wire_bytes(packet: &rtp::Packet) -> usize {
    packet.marshal_size() + AROUND
}

/// Sources of an end: the camera and its retransmissions, the screen and its.
fn source(id: Id, content: u32) -> u32 {
    id.wrapping_mul(0x85eb_ca6b) ^ content
}

fn layout(id: Id, peer: Id, ours: &VideoConfig, theirs: &VideoConfig) -> Layout {
    let types = Codec::ALL.into_iter().zip((FIRST..).step_by(2));
    let common: Vec<(u8, Codec)> = types
        .filter(|(codec, _)| ours.codecs.contains(codec) && theirs.codecs.contains(codec))
        .map(|(codec, payload_type)| (payload_type, codec))
        .collect();
    let formats = Formats {
        rtx: common.iter().map(|(of, _)| (of + 1, *of)).collect(),
        codecs: common,
    };
    let sends = |content: Content, number: u32| {
        let (codec, payload_type, rtx) = formats.first(&ours.preferred(content))?;
        Some(Sends {
            codec,
            payload_type,
            ssrc: source(id, number),
            rtx: rtx.map(|rtx| (source(id, number + 1), rtx)),
            names: None,
        })
    };
    let receives = |number: u32| {
        Some(Receives {
            mid: number.to_string(),
            ssrc: Some(source(peer, number)),
            rtx_ssrc: Some(source(peer, number + 1)),
            formats: formats.clone(),
        })
    };
    Layout {
        identifiers: Identifiers {
            capture: 6,
            dependency: 7,
            playout: 8,
            ..Identifiers::default()
        },
        sends: vec![sends(Content::Camera, 2), sends(Content::Screen, 4)],
        receives: vec![receives(2), receives(4)],
    }
}
