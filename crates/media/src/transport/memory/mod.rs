//! Transports that live in one process and in virtual time, over emulated links: the whole of
//! [`Transport`]'s contract without sockets, threads and waiting, repeatable from a seed.
//!
//! Endpoints are made one by one and find each other by the descriptions that are carried between them, as over
//! a network. Time passes in [`MemoryNetwork::advance`] only. Packets are not encrypted and candidates are
//! numbers; servers, bind addresses and announced addresses are ignored. An end with slots takes packets as their sender
//! labelled them, slot and source; so an end without slots can play the server of a meeting. Pictures go between two ends
//! without slots only.

mod endpoint;
mod pictures;
mod token;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use sidetone_netsim::{Config, Link};
use sidetone_pipeline::{Notifier, Pool, Pooled, QueueReceiver, QueueSender, queue};

use self::endpoint::{Control, Endpoint, Output};
use self::pictures::Pictures;
use self::token::Id;
use super::pictures::Ask;
use super::receptions::Receptions;
use super::video::{VideoPort, VideoReport, port};
use super::{
    MAX_SLOTS, Transport, TransportCommand, TransportConfig, TransportEvent, TransportStats, VoicePort,
};
use crate::bandwidth::Feedback;
use crate::packet::VoicePacket;
use crate::video::NtpTime;
use crate::voice::VOICE_RATE;

/// Packets that may wait each way.
const QUEUE: usize = 64;

/// Bytes of a packet beside its payload: RTP, SRTP tag, UDP, IPv4.
const OVERHEAD: usize = 12 + 10 + 8 + 20;

/// What a network is like.
#[derive(Clone, Copy, Debug)]
pub struct MemoryConfig {
    /// Every path, until [`MemoryNetwork::set_conditions`].
    pub conditions: Config,
    /// Round trips until an end that offered is connected; the other is half a round trip behind.
    pub round_trips: u32,
    /// Where all dice start.
    pub seed: u64,
}

impl Default for MemoryConfig {
    /// An ideal network, and four round trips: one of checks, nomination half overlapping, three of DTLS.
    fn default() -> Self {
        Self {
            conditions: Config::IDEAL,
            round_trips: 4,
            seed: 0,
        }
    }
}

/// The network. Clones are the same one.
#[derive(Clone)]
pub struct MemoryNetwork(Arc<Mutex<Net>>);

/// One end of a connection. Dropping it is like pulling the plug: the other end hears nothing.
pub struct MemoryTransport {
    id: Id,
    net: MemoryNetwork,
    port: Option<VoicePort>,
    video: Option<VideoPort>,
}

#[derive(Clone)]
enum Datagram {
    Control(Control),
    /// With its number for the feedback.
    Voice(u64, Box<VoicePacket>, Option<NtpTime>),
    /// With its number as well.
    Picture(u64, Box<rtp::Packet>),
    Ask(Ask),
}

struct Net {
    config: MemoryConfig,
    now: Instant,
    next_id: Id,
    nodes: BTreeMap<Id, Node>,
    links: BTreeMap<(Id, Id), Link<Datagram>>,
    /// When somebody wants attention. May hold times that are no longer true; looking twice does no harm.
    agenda: BinaryHeap<Reverse<(Instant, Due)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Link(Id, Id),
    Node(Id),
    Pictures(Id),
}

struct Node {
    endpoint: Endpoint,
    events: VecDeque<TransportEvent>,
    waker: Option<Waker>,
    to_send: QueueReceiver<Pooled<VoicePacket>>,
    received: QueueSender<Pooled<VoicePacket>>,
    pool: Pool<VoicePacket>,
    reception: Receptions,
    slots: usize,
    feedback: Feedback,
    stats: TransportStats,
    ssrc: u32,
    pictures: Option<Pictures>,
    /// When the pictures want attention; what the agenda says beside is no longer true.
    pictures_due: Option<Instant>,
}

impl MemoryNetwork {
    /// A network without ends, at `now`.
    pub fn new(config: MemoryConfig, now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Net {
            config,
            now,
            next_id: 1,
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            agenda: BinaryHeap::new(),
        })))
    }

    /// Makes an end. Received packets go into slots of `pool`; `playout`, if given, is notified of each.
    pub fn transport(
        &self,
        config: &TransportConfig,
        pool: Pool<VoicePacket>,
        playout: Option<Notifier>,
    ) -> MemoryTransport {
        let slots = config.slots.min(MAX_SLOTS);
        let (outgoing, to_send) = queue(QUEUE);
        let (received, incoming) = queue(QUEUE * slots.max(1));
        if let Some(playout) = playout {
            received.set_notifier(playout);
        }
        let mut net = self.lock();
        let id = net.next_id;
        net.next_id += 1;
        let endpoint = Endpoint::new(
            id,
            net.config.round_trips,
            config.hold_candidates && !config.relay_only,
            net.now,
        );
        let video = config.video.clone().filter(|_| slots == 0);
        let (mut lips, mut pictures) = (None, None);
        let video = video.map(|video| {
            // What was pushed is sent as time passes.
            let (port, with_sound, end) = port(1, 1, &(Arc::new(|| ()) as _));
            lips = Some(with_sound);
            pictures = Some(Pictures::new(id, video, end, net.now));
            port
        });
        let node = Node {
            endpoint,
            events: VecDeque::new(),
            waker: None,
            to_send,
            received,
            pool,
            reception: Receptions::default(),
            slots,
            feedback: Feedback::new(VOICE_RATE, net.now),
            stats: TransportStats::default(),
            // Spread, so that no two ends that meet have the same, and never zero.
            ssrc: id.wrapping_mul(0x9e37_79b9) | 1,
            pictures,
            pictures_due: None,
        };
        net.nodes.insert(id, node);
        MemoryTransport {
            id,
            net: self.clone(),
            port: Some(VoicePort {
                outgoing,
                incoming,
                slots,
                lips,
            }),
            video,
        }
    }

    /// Lets time pass until `now`: everything due on the way happens in order and at its own time, then what was
    /// pushed to the outgoing queues is sent.
    pub fn advance(&self, now: Instant) {
        self.lock().advance(now);
    }

    /// When something will happen next. What waits in an outgoing queue is not counted.
    pub fn next_timeout(&self) -> Option<Instant> {
        let net = self.lock();
        net.agenda.peek().map(|Reverse((at, _))| (*at).max(net.now))
    }

    /// Changes all paths, those in use as well. What is under way keeps its plan.
    pub fn set_conditions(&self, conditions: Config) {
        let mut net = self.lock();
        net.config.conditions = conditions;
        net.links
            .values_mut()
            .for_each(|link| link.set_config(conditions));
    }

    /// Loses everything, or stops doing so.
    pub fn set_blackout(&self, on: bool) {
        self.lock()
            .links
            .values_mut()
            .for_each(|link| link.set_blackout(on));
    }

    /// Ends that exist: a test asserts that nothing stays behind.
    pub fn len(&self) -> usize {
        self.lock().nodes.len()
    }

    /// Whether no end exists.
    pub fn is_empty(&self) -> bool {
        self.lock().nodes.is_empty()
    }

    /// Directions of paths that carried something and whose ends both exist.
    pub fn paths(&self) -> usize {
        self.lock().links.len()
    }

    fn lock(&self) -> MutexGuard<'_, Net> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Net {
    fn advance(&mut self, to: Instant) {
        self.run_until(to);
        let ids: Vec<Id> = self.nodes.keys().copied().collect();
        for id in ids {
            self.send_voice(id);
            self.work(id);
        }
        // Over a path without delay they arrive at once.
        self.run_until(to);
    }

    fn run_until(&mut self, to: Instant) {
        while let Some(Reverse((at, due))) = self.agenda.peek().copied() {
            if at > to {
                break;
            }
            self.agenda.pop();
            self.now = self.now.max(at);
            match due {
                Due::Link(from, toward) => self.deliver(from, toward),
                Due::Pictures(id) => {
                    let due = |node: &&mut Node| node.pictures_due == Some(at);
                    if let Some(node) = self.nodes.get_mut(&id).filter(due) {
                        node.pictures_due = None;
                        self.work(id);
                    }
                }
                Due::Node(id) => {
                    let now = self.now;
                    let ready = |node: &&mut Node| node.endpoint.next_timeout().is_some_and(|at| at <= now);
                    if let Some(node) = self.nodes.get_mut(&id).filter(ready) {
                        let mut out = Vec::new();
                        node.endpoint.handle_timeout(now, &mut out);
                        self.perform(id, out);
                    }
                }
            }
        }
        self.now = self.now.max(to);
    }

    fn command(&mut self, id: Id, command: TransportCommand, now: Instant) {
        self.run_until(now);
        let now = self.now;
        if let Some(node) = self.nodes.get_mut(&id) {
            let mut out = Vec::new();
            node.endpoint.command(command, now, &mut out);
            self.perform(id, out);
        }
    }

    fn perform(&mut self, id: Id, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Event(event) => {
                    if let Some(node) = self.nodes.get_mut(&id) {
                        node.events.push_back(event);
                        if let Some(waker) = node.waker.take() {
                            waker.wake();
                        }
                    }
                }
                Output::Send(to, control) => self.send(id, to, Datagram::Control(control), OVERHEAD),
            }
        }
        if let Some(at) = self.nodes.get(&id).and_then(|node| node.endpoint.next_timeout()) {
            self.agenda.push(Reverse((at, Due::Node(id))));
        }
    }

    fn send(&mut self, from: Id, to: Id, datagram: Datagram, bytes: usize) {
        if !self.nodes.contains_key(&to) {
            return;
        }
        let (config, now) = (self.config, self.now);
        // Every direction has its own dice, the same in every run.
        let seed =
            config.seed ^ ((u64::from(from) << 32 | u64::from(to)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let link = self
            .links
            .entry((from, to))
            .or_insert_with(|| Link::new(config.conditions, seed));
        link.send(datagram, bytes, now);
        if let Some(at) = link.next_timeout() {
            self.agenda.push(Reverse((at, Due::Link(from, to))));
        }
    }

    fn send_voice(&mut self, id: Id) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let (peer, open, ssrc) = (node.endpoint.peer(), node.endpoint.is_open(), node.ssrc);
        let waiting: Vec<_> = std::iter::from_fn(|| node.to_send.pop()).collect();
        let estimate = node.feedback.estimate(self.now);
        if let Some(estimate) = estimate {
            self.perform(id, vec![Output::Event(TransportEvent::Estimate(estimate))]);
        }
        let Some(peer) = peer.filter(|_| open) else { return };
        for packet in waiting {
            let mut packet = Box::new((*packet).clone());
            packet.ssrc = ssrc.wrapping_add(u32::from(packet.slot) << 1);
            // As RED (RFC 2198): a header of four bytes for each copy, and one for the packet's own frame.
            let copies: usize = packet.copies().map(|(_, frame)| 4 + frame.len()).sum();
            let bytes = packet.payload().len() + copies + usize::from(copies > 0);
            let Some(node) = self.nodes.get_mut(&id) else {
                return;
            };
            node.stats.packets_sent += 1;
            node.stats.bytes_sent += bytes as u64;
            let number = node.feedback.sent(bytes + OVERHEAD, self.now);
            if let Some(pictures) = &mut node.pictures {
                pictures.audio_sent(bytes + OVERHEAD, self.now);
            }
            let captured = node.pictures.as_ref().map(|pictures| pictures.time_of(packet.at));
            self.send(
                id,
                peer,
                Datagram::Voice(number, packet, captured),
                bytes + OVERHEAD,
            );
        }
    }

    fn deliver(&mut self, from: Id, to: Id) {
        let now = self.now;
        while let Some(datagram) = self.links.get_mut(&(from, to)).and_then(|link| link.poll(now)) {
            let Some(node) = self.nodes.get_mut(&to) else {
                break;
            };
            let mut out = Vec::new();
            match datagram {
                Datagram::Control(control) => node.endpoint.on_control(from, control, now, &mut out),
                Datagram::Voice(number, packet, captured) => {
                    node.on_voice(from, (&packet, captured), now, &mut out);
                    self.acknowledge(from, number, false);
                }
                Datagram::Picture(number, packet) => {
                    if let Some(pictures) = node.pictures_from(from, now, &mut out) {
                        pictures.packet(&packet, now);
                    }
                    self.acknowledge(from, number, packet.payload.is_empty());
                }
                Datagram::Ask(ask) => {
                    if let Some(pictures) = node.pictures_from(from, now, &mut out) {
                        pictures.ask(ask, now);
                    }
                }
            }
            self.perform(to, out);
            self.work(to);
        }
        if let Some(at) = self.links.get(&(from, to)).and_then(Link::next_timeout) {
            self.agenda.push(Reverse((at, Due::Link(from, to))));
        }
    }

    /// What the receiver would report is kept at the sender, and known there after the way back.
    fn acknowledge(&mut self, sender: Id, number: u64, padding: bool) {
        let (now, back) = (self.now, self.config.conditions.delay);
        if let Some(node) = self.nodes.get_mut(&sender) {
            node.feedback.came(number, padding, now);
            // With pictures there is a timer: after a burst nothing may come for long.
            if node.pictures.is_none() {
                node.feedback.report(now, now + back);
            }
        }
    }

    fn remove(&mut self, id: Id) {
        self.nodes.remove(&id);
        self.links.retain(|(from, to), _| *from != id && *to != id);
    }
}

impl Node {
    fn on_voice(
        &mut self,
        from: Id,
        (packet, captured): (&VoicePacket, Option<NtpTime>),
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        if self.endpoint.peer() != Some(from) || !self.endpoint.is_open() {
            return;
        }
        self.endpoint.on_sign_of_life(now, out);
        if let Some(pictures) = &mut self.pictures {
            pictures.sound(packet, captured);
        }
        self.reception
            .on_packet(packet.slot, packet.ssrc, packet.sequence, packet.timestamp, now);
        self.stats.packets_received += 1;
        self.stats.bytes_received += packet.payload().len() as u64;
        let wanted = usize::from(packet.slot) < self.slots.max(1);
        let taken = self.pool.take().filter(|_| wanted).is_some_and(|mut slot| {
            slot.clone_from(packet);
            slot.at = now;
            self.received.push(slot).is_none()
        });
        if !taken {
            self.stats.packets_discarded += 1;
        }
    }
}

impl MemoryTransport {
    /// Stops this end without a word, as a process that dies does. Events end; the other end finds out by itself.
    pub fn kill(&mut self) {
        self.net.lock().remove(self.id);
    }
}

impl Drop for MemoryTransport {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Transport for MemoryTransport {
    fn command(&mut self, command: TransportCommand, now: Instant) {
        self.net.lock().command(self.id, command, now);
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<TransportEvent> {
        let mut net = self.net.lock();
        let Some(node) = net.nodes.get_mut(&self.id) else {
            return Poll::Pending;
        };
        match node.events.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                node.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn take_voice(&mut self) -> Option<VoicePort> {
        self.port.take()
    }

    fn take_video(&mut self) -> Option<VideoPort> {
        self.video.take()
    }

    fn video_stats(&self) -> VideoReport {
        let mut net = self.net.lock();
        let now = net.now;
        let pictures = net
            .nodes
            .get_mut(&self.id)
            .and_then(|node| node.pictures.as_mut());
        pictures.map(|pictures| pictures.report(now)).unwrap_or_default()
    }

    fn stats(&self) -> TransportStats {
        let net = self.net.lock();
        let Some(node) = net.nodes.get(&self.id) else {
            return TransportStats::default();
        };
        let mut stats = node.stats.clone();
        stats.redundancy = true;
        stats.available_outgoing_bitrate = node.feedback.current().known();
        stats.packets_lost = node.reception.lost();
        stats.jitter = node.reception.jitter();
        stats.round_trip_time = node.endpoint.round_trip.filter(|_| node.endpoint.is_open());
        stats.remote_round_trip_time = stats.round_trip_time;
        // What the peer would report is known here without asking.
        let peer = node.endpoint.peer().and_then(|peer| net.nodes.get(&peer));
        if let Some(peer) = peer.filter(|peer| peer.endpoint.peer() == Some(self.id)) {
            stats.remote_jitter = peer.reception.jitter();
            let expected = peer.stats.packets_received as f64 + peer.reception.lost().max(0) as f64;
            stats.remote_fraction_lost = if expected > 0.0 {
                peer.reception.lost().max(0) as f64 / expected
            } else {
                0.0
            };
        }
        if node.endpoint.is_open() {
            stats.local_candidate_type = "host".to_owned();
            stats.remote_candidate_type = "host".to_owned();
        }
        stats
    }
}
