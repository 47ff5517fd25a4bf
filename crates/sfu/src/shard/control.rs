//! RTCP: what participants say of what they get, and what we tell them of what they send.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Shard;
use super::media::{Outlet, pad};
use super::peer::{Carries, Peer};
use crate::net::DATAGRAM;
use crate::room::Media;
use crate::rtp::{Control, Controls, Missing, ReportBlock, Writer};
use crate::slab::Key;
use crate::srtp::MAX_OVERHEAD;

/// Time between two reports to a participant. Shorter tells more of its path; longer costs less with many.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Room for a compound packet before it is sealed.
const PLAIN: usize = DATAGRAM - MAX_OVERHEAD;

/// Most sources reported on to a participant: those it may have in use at a time.
const MAX_BLOCKS: usize = 8;

/// Most pairs of one request for packets.
const MAX_PAIRS: usize = 16;

/// Seconds from 1900 to 1970 (RFC 5905 section 6).
const NTP_EPOCH: u64 = 2_208_988_800;

/// The time of day, as a function of the time that state machines get.
#[derive(Clone, Copy)]
pub(super) struct WallClock {
    start: Instant,
    unix: Duration,
}

impl WallClock {
    pub fn new(now: Instant, wall: SystemTime) -> Self {
        Self {
            start: now,
            unix: wall.duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// The middle of the NTP time, as the send time extension has it: 6 bits of seconds, 18 of their fraction.
    pub fn send_time(&self, now: Instant) -> u32 {
        (self.ntp(now) >> 14) as u32 & 0xff_ffff
    }

    /// NTP time (RFC 3550 section 4).
    fn ntp(&self, now: Instant) -> u64 {
        let time = self.unix + now.saturating_duration_since(self.start);
        let fraction = (u64::from(time.subsec_nanos()) << 32) / 1_000_000_000;
        (time.as_secs() + NTP_EPOCH) << 32 | fraction
    }
}

impl Shard {
    /// Takes a compound packet that has been opened.
    pub(super) fn control(&mut self, now: Instant, key: Key, packet: &[u8]) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if !peer.bucket.take(now, packet.len(), &self.limits) {
            peer.stats.flooded += 1;
            self.stats.flooded += 1;
            return;
        }
        let (room, who) = (peer.room, peer.key);
        let Some(hosted) = self.rooms.get_mut(room) else {
            return;
        };
        let ntp = self.clock.ntp(now);
        let mut worst = None;
        for control in Controls::new(packet) {
            match control {
                Control::Sender { ssrc, ntp, .. } => {
                    if let Some(peer) = self.peers.get_mut(key)
                        && let Some(reception) = peer.receptions.iter_mut().find(|of| of.ssrc() == ssrc)
                    {
                        reception.sender_report(now, ntp);
                    }
                }
                Control::Report(block) => {
                    worst = worst.max(Some(block.fraction_lost));
                    let Some(peer) = self.peers.get_mut(key) else {
                        continue;
                    };
                    if let Some(trip) = round_trip(&block, ntp) {
                        peer.stats.round_trip = Some(trip);
                    }
                    if peer.layout.is_picture(block.ssrc) {
                        peer.path.report(now, &block);
                    }
                }
                Control::Nack { ssrc, missing } => {
                    let mut outlet = Outlet {
                        peers: &mut self.peers,
                        members: &hosted.members,
                        sending: &mut self.sending,
                        socket: &self.socket,
                        now,
                        time: self.clock.send_time(now),
                    };
                    hosted.room.nack(now, who, ssrc, missing, &mut |forwarded| {
                        outlet.forward(forwarded)
                    });
                }
                Control::Keyframe { ssrc } => hosted.room.keyframe_wanted(now, who, ssrc),
                Control::Available(bits) => {
                    if let Some(peer) = self.peers.get_mut(key) {
                        peer.path.estimate(now, bits);
                    }
                }
                Control::TransportFeedback(body) => {
                    let Some(peer) = self.peers.get_mut(key) else {
                        continue;
                    };
                    if let Some(limit) = peer.path.feedback(now, body) {
                        hosted.room.set_available(now, who, limit);
                    }
                    if hosted.room.is_held_back(who) {
                        pad(now, peer, key.index, &mut self.sending, &self.socket);
                    }
                }
                Control::Bye { ssrc } => {
                    if let Some(peer) = self.peers.get_mut(key) {
                        peer.receptions.retain(|of| of.ssrc() != ssrc);
                    }
                }
            }
        }
        if let (Some(peer), Some(worst)) = (self.peers.get_mut(key), worst) {
            peer.stats.fraction_lost = worst;
        }
        self.touch(room);
    }

    /// The first report is due.
    pub(super) fn connected(&mut self, now: Instant, key: Key) {
        if let Some(peer) = self.peers.get_mut(key) {
            peer.report_due = Some(now + REPORT_INTERVAL);
        }
        self.schedule(key);
    }

    /// Writes what is due.
    pub(super) fn report(&mut self, now: Instant, key: Key) {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let mut more = is_due(peer.feedback.due());
        // Should it not be reached, then later.
        peer.feedback.defer(now);
        while more {
            more = false;
            self.control_packet(key, |peer, writer| {
                let media = peer.published.first().map_or(0, |(_, ssrc)| *ssrc);
                more = peer.feedback.write(writer, peer.layout.own_ssrc(), media);
            });
        }
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if peer.missing.iter().any(|missing| is_due(missing.due())) {
            if peer.link.remote().is_none() {
                peer.missing.clear();
            }
            self.control_packet(key, |peer, writer| ask_missing(now, peer, writer));
        }
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        if !is_due(peer.report_due) {
            return;
        }
        peer.report_due = Some(now + REPORT_INTERVAL);
        let Some(hosted) = self.rooms.get_mut(peer.room) else {
            return;
        };
        if let Some(limit) = peer.path.limit(now, peer.stats.bytes_sent) {
            hosted.room.set_available(now, peer.key, limit);
        }
        let ntp = self.clock.ntp(now);
        let room = &hosted.room;
        let (socket, sending) = (&self.socket, &mut self.sending);
        let Some(to) = peer.link.remote().filter(|_| peer.link.is_connected()) else {
            return;
        };
        sending.queue(socket, to, key.index, |buffer| {
            let mut writer = Writer::new(buffer.get_mut(..PLAIN)?);
            for slot in peer.layout.slots() {
                if let Some(report) = room.report(now, peer.key, slot.ssrc) {
                    let (packets, octets) = (report.packets, report.octets);
                    writer.sender_report(report.ssrc, ntp, report.timestamp, packets, octets);
                }
            }
            let mut blocks = [ReportBlock::default(); MAX_BLOCKS];
            let mut count = 0;
            for (to, reception) in blocks.iter_mut().zip(&mut peer.receptions) {
                *to = reception.report(now);
                count += 1;
            }
            if count > 0 || !writer.is_empty() {
                writer.receiver_report(peer.layout.own_ssrc(), &blocks[..count]);
            }
            let length = writer.len();
            (length > 0).then(|| peer.link.seal_rtcp(buffer, length).ok())?
        });
    }

    /// Asks the sender of a source for a keyframe.
    pub(super) fn ask_keyframe(&mut self, member: Option<Key>, ssrc: u32) {
        if let Some(key) = member {
            self.control_packet(key, |peer, writer| {
                _ = writer.keyframe_wanted(peer.layout.own_ssrc(), ssrc)
            });
        }
    }

    /// Sends a compound packet to a participant, where it can be reached.
    fn control_packet(&mut self, key: Key, write: impl FnOnce(&mut Peer, &mut Writer<'_>)) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(to) = peer.link.remote().filter(|_| peer.link.is_connected()) else {
            return;
        };
        self.sending.queue(&self.socket, to, key.index, |buffer| {
            let mut writer = Writer::new(buffer.get_mut(..PLAIN)?);
            write(peer, &mut writer);
            let length = writer.len();
            (length > 0).then(|| peer.link.seal_rtcp(buffer, length).ok())?
        });
    }
}

/// RFC 3550 section 6.4.1, in microseconds.
fn round_trip(block: &ReportBlock, ntp: u64) -> Option<u32> {
    if block.last_report == 0 {
        return None;
    }
    let now = (ntp >> 16) as u32;
    let trip = now.wrapping_sub(block.last_report).wrapping_sub(block.delay);
    // Ten seconds are a clock that jumped, or a lie.
    (trip < 10 << 16).then(|| ((u64::from(trip) * 1_000_000) >> 16) as u32)
}

/// Counts a packet for the reports to its sender.
pub(super) fn count(
    now: Instant,
    peer: &mut Peer,
    packet: &crate::rtp::Parsed<'_>,
    carries: Option<Carries>,
) {
    if let Some(Carries::Media(media)) = carries {
        let known = peer.receptions.iter_mut().find(|of| of.ssrc() == packet.ssrc);
        if let Some(reception) = known {
            reception.packet(now, packet.sequence, packet.timestamp);
        } else {
            let rate = if media == Media::Audio { 48_000 } else { 90_000 };
            let mut reception = crate::rtp::Reception::new(now, packet.ssrc, rate, packet.sequence);
            reception.packet(now, packet.sequence, packet.timestamp);
            if peer.receptions.len() == MAX_BLOCKS {
                peer.receptions.remove(0);
            }
            peer.receptions.push(reception);
        }
    }
    if let Some(&[s0, s1]) = packet.extension(peer.layout.identifiers.transport) {
        peer.feedback.packet(now, u16::from_be_bytes([s0, s1]));
    }
}

/// Notes which packet of a picture came, and so which did not.
pub(super) fn lacks(now: Instant, peer: &mut Peer, ssrc: u32, sequence: u16) {
    if let Some(missing) = peer.missing.iter_mut().find(|of| of.ssrc() == ssrc) {
        missing.packet(now, sequence);
        return;
    }
    let of = peer.published.iter().find(|(_, published)| *published == ssrc);
    if of.is_some_and(|((media, _), _)| *media != Media::Audio) {
        if peer.missing.len() == MAX_BLOCKS {
            peer.missing.remove(0);
        }
        peer.missing.push(Missing::new(ssrc, sequence));
    }
}

/// Asks for what is missing.
fn ask_missing(now: Instant, peer: &mut Peer, writer: &mut Writer<'_>) {
    let trip = Duration::from_micros(peer.stats.round_trip.unwrap_or(0).into());
    let own = peer.layout.own_ssrc();
    for missing in &mut peer.missing {
        let mut pairs = [(0, 0); MAX_PAIRS];
        let count = missing.ask(now, trip, &mut pairs);
        if count > 0 {
            writer.nack(own, missing.ssrc(), &pairs[..count]);
        }
    }
}
