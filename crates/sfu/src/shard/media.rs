//! RTP: from a participant through its room to the others.

use std::net::UdpSocket;
use std::num::NonZeroU64;
use std::time::Instant;

use super::layout::Identifiers;
use super::path::PROBE;
use super::peer::{Carries, MAX_STREAMS, Peer, Stream};
use super::{Hosted, Shard};
use crate::net::{DATAGRAM, Sending};
use crate::room::{self, AudioLevel, Forwarded, Header, MAX_HEADER, Media, Packet, Publication, Room};
use crate::rtp::Parsed;
use crate::sfu::Event;
use crate::slab::{Key, Slab};

/// Bytes around a payload: the header with its mark, and what seals it.
const AROUND: usize = 40;

/// Bytes of padding in a packet that has nothing else: the most there can be.
const PADDING: usize = 255;

impl Shard {
    /// Takes a packet that has been opened.
    pub(super) fn media(&mut self, now: Instant, key: Key, packet: &[u8]) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(hosted) = self.rooms.get_mut(peer.room) else {
            return;
        };
        let Some(parsed) = Parsed::parse(packet) else {
            peer.stats.dropped += 1;
            self.stats.refused += 1;
            return;
        };
        if !peer.bucket.take(now, packet.len(), &self.limits) {
            peer.stats.flooded += 1;
            self.stats.flooded += 1;
            return;
        }
        peer.stats.packets_received += 1;
        peer.stats.bytes_received += parsed.payload.len() as u64;
        let level = parsed
            .extension(peer.layout.identifiers.level)
            .and_then(|data| data.first())
            .map(|byte| AudioLevel {
                minus_dbov: byte & 0x7f,
                voice: byte & 0x80 != 0,
            });
        // Eight bytes, or sixteen with what nobody here knows better.
        let captured = parsed
            .extension(peer.layout.identifiers.capture)
            .and_then(|data| NonZeroU64::new(u64::from_be_bytes(*data.first_chunk()?)));
        let playout = parsed
            .extension(peer.layout.identifiers.playout)
            .and_then(|data| data.first_chunk().copied());
        let carries = carries(now, peer, hosted, &parsed);
        super::control::count(now, peer, &parsed, carries);
        let (ssrc, sequence, payload_type, payload) = match carries {
            Some(Carries::Media(_)) => (parsed.ssrc, parsed.sequence, parsed.payload_type, parsed.payload),
            Some(Carries::Repeats(ssrc)) => {
                // The original sequence number, then the original payload (RFC 4588 section 4).
                let of = peer
                    .layout
                    .sources
                    .iter()
                    .find_map(|source| source.repeats(parsed.payload_type));
                let (Some((sequence, payload)), Some(of)) = (parsed.payload.split_first_chunk::<2>(), of)
                else {
                    return;
                };
                (ssrc, u16::from_be_bytes(*sequence), of, payload)
            }
            None => {
                peer.stats.dropped += 1;
                self.stats.unsorted += 1;
                return;
            }
        };
        super::control::lacks(now, peer, ssrc, sequence);
        let next = peer.timeout();
        let wants_timer = next.is_some_and(|at| peer.due.is_none_or(|due| at < due));
        let packet = Packet {
            ssrc,
            sequence,
            timestamp: parsed.timestamp,
            marker: parsed.marker,
            payload_type,
            level,
            captured,
            playout,
            payload,
        };
        let (from, room) = (peer.key, peer.room);
        self.enter(now, room, |room, outlet| {
            room.packet(now, from, &packet, &mut |forwarded| outlet.forward(forwarded));
        });
        if wants_timer {
            self.schedule(key);
        }
    }

    /// Does something in a room whose copies go out, and takes what it has to say.
    pub(super) fn enter(&mut self, now: Instant, room: Key, act: impl FnOnce(&mut Room, &mut Outlet<'_>)) {
        let Some(hosted) = self.rooms.get_mut(room) else {
            return;
        };
        let mut outlet = Outlet {
            peers: &mut self.peers,
            members: &hosted.members,
            sending: &mut self.sending,
            socket: &self.socket,
            now,
            time: self.clock.send_time(now),
        };
        act(&mut hosted.room, &mut outlet);
        self.touch(room);
    }

    /// Takes what rooms have to say.
    pub(super) fn settle(&mut self) {
        while let Some(key) = self.touched.pop() {
            self.schedule_room(key);
            while let Some(hosted) = self.rooms.get_mut(key) {
                hosted.touched = false;
                match hosted.room.poll_event() {
                    Some(room::Event::KeyframeWanted { from, ssrc }) => {
                        let member = hosted.members.get(from.index()).copied().flatten();
                        self.ask_keyframe(member, ssrc);
                    }
                    Some(room::Event::SpeakersChanged) => {
                        let (room, speakers) = (hosted.id, hosted.room.speakers().to_vec());
                        (self.on_event)(Event::Speakers { room, speakers });
                    }
                    Some(room::Event::Shown { to, slot, number }) => {
                        let member = hosted.members.get(to.index()).copied().flatten();
                        if let Some(peer) = member.and_then(|key| self.peers.get(key)) {
                            let mids = &peer.layout.mids[slot.media as usize];
                            let mid = mids.get(usize::from(slot.number)).cloned().unwrap_or_default();
                            (self.on_event)(Event::Shown {
                                room: hosted.id,
                                participant: peer.number,
                                mid,
                                shown: number,
                            });
                        }
                    }
                    Some(room::Event::Carries { to, cameras }) => {
                        let member = hosted.members.get(to.index()).copied().flatten();
                        if let Some(peer) = member.and_then(|key| self.peers.get(key)) {
                            (self.on_event)(Event::Carries {
                                room: hosted.id,
                                participant: peer.number,
                                cameras,
                            });
                        }
                    }
                    None => break,
                }
            }
        }
    }
}

/// What the source of a packet carries. The first packet of a source is sorted, and its stream announced to the room.
fn carries(now: Instant, peer: &mut Peer, hosted: &mut Hosted, packet: &Parsed<'_>) -> Option<Carries> {
    let known = peer.streams.iter().find(|stream| stream.ssrc == packet.ssrc);
    if let Some(stream) = known {
        return Some(stream.carries);
    }
    if peer.streams.len() >= MAX_STREAMS {
        peer.forget_replaced();
    }
    let layout = &peer.layout;
    let mid = packet.extension(layout.identifiers.mid);
    let source = layout.source(mid, packet.ssrc, packet.payload_type)?;
    let carries = if source.is_rtx(packet.payload_type) {
        let rid = packet.extension(layout.identifiers.repaired_rid);
        let layer = source.layer(rid)?;
        let of = (source.media, layer);
        Carries::Repeats(peer.published.iter().find(|(published, _)| *published == of)?.1)
    } else {
        source.formats.format(packet.payload_type)?;
        let layer = source.layer(packet.extension(layout.identifiers.rid))?;
        let publication = Publication {
            media: source.media,
            layer,
            ssrc: packet.ssrc,
            formats: source.formats,
            height: 0,
        };
        hosted.room.publish(now, peer.key, &publication).ok()?;
        let of = (source.media, layer);
        peer.published.retain(|(published, _)| *published != of);
        peer.published.push((of, packet.ssrc));
        Carries::Media(source.media)
    };
    let ssrc = packet.ssrc;
    peer.streams.push(Stream { ssrc, carries });
    Some(carries)
}

/// Where a room's copies go: into the batch, sealed.
pub(super) struct Outlet<'a> {
    pub peers: &'a mut Slab<Peer>,
    pub members: &'a [Option<Key>],
    pub sending: &'a mut Sending,
    pub socket: &'a UdpSocket,
    pub now: Instant,
    /// Now, as the send time extension has it: 24 bits, in units of 2^-18 s.
    pub time: u32,
}

impl Outlet<'_> {
    pub fn forward(&mut self, forwarded: &Forwarded<'_>) {
        let Some(key) = self.members.get(forwarded.to.index()).copied().flatten() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(to) = peer.link.remote() else {
            return;
        };
        let size = (forwarded.head.len() + forwarded.body.len()) as u64;
        let (link, stats) = (&mut peer.link, &mut peer.stats);
        let repeater = forwarded
            .resent
            .then(|| peer.layout.repeater(&forwarded.header))
            .flatten();
        // Voices are too thin to tell anything of a path, and a voice that is repeated must be the same to the bit.
        let Identifiers {
            numbered, send_time, ..
        } = peer.layout.identifiers;
        let mark = match (numbered, send_time) {
            _ if forwarded.slot.media == Media::Audio => None,
            (Some(id), _) => Some(Mark::number(id, peer.path.sent(self.now, size as usize + AROUND))),
            (None, Some(id)) => Some(Mark::time(id, self.time)),
            (None, None) => None,
        };
        self.sending.queue(self.socket, to, key.index, |buffer| {
            let length = match repeater {
                Some((header, original)) => {
                    let parts = [&original, forwarded.head, forwarded.body];
                    let length = write(&header, mark, &parts, buffer)?;
                    link.seal_rtp(buffer, length)
                }
                None => {
                    let parts = [forwarded.head, forwarded.body];
                    let length = write(&forwarded.header, mark, &parts, buffer)?;
                    if forwarded.resent {
                        link.seal_rtp_again(buffer, length)
                    } else {
                        link.seal_rtp(buffer, length)
                    }
                }
            };
            let length = length.ok()?;
            stats.packets_sent += 1;
            stats.bytes_sent += size;
            Some(length)
        });
    }
}

/// Sends padding, by which its receiver's path is probed.
pub(super) fn pad(now: Instant, peer: &mut Peer, group: u32, sending: &mut Sending, socket: &UdpSocket) {
    let (Some(to), Some(id)) = (peer.link.remote(), peer.layout.identifiers.numbered) else {
        return;
    };
    for _ in 0..peer.path.probe(now) {
        let Some(header) = peer.layout.padding(0) else {
            return;
        };
        let mark = Mark::number(id, peer.path.probed(now, PROBE));
        sending.queue(socket, to, group, |buffer| {
            // All of it padding, and the last byte says how much (RFC 3550 section 5.1).
            let mut padding = [0; PADDING];
            padding[PADDING - 1] = PADDING as u8;
            let length = write(&header, Some(mark), &[&padding], buffer)?;
            buffer[0] |= 0x20;
            peer.link.seal_rtp(buffer, length).ok()
        });
    }
}

/// What a picture's packet says of itself to those who judge the path: a one-byte header extension (RFC 8285 section
/// 4.2).
#[derive(Clone, Copy)]
struct Mark([u8; 4]);

impl Mark {
    /// Its place among all that are sent to its receiver.
    fn number(id: u8, number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        Self([id << 4 | 1, high, low, 0])
    }

    /// When it was sent: 24 bits.
    fn time(id: u8, time: u32) -> Self {
        let [_, a, b, c] = time.to_be_bytes();
        Self([id << 4 | 2, a, b, c])
    }
}

/// Writes a packet in the clear, with its mark. None where it does not fit.
fn write(header: &Header, mark: Option<Mark>, parts: &[&[u8]], buffer: &mut [u8; DATAGRAM]) -> Option<usize> {
    let start: &mut [u8; MAX_HEADER] = buffer.first_chunk_mut()?;
    let mut length = header.write(start);
    if let Some(Mark(mark)) = mark {
        if length == 16 {
            start[0] |= 0x10;
            start[16..20].copy_from_slice(&[0xbe, 0xde, 0, 0]);
            length = 20;
        }
        start[19] += 1;
        buffer[length..length + 4].copy_from_slice(&mark);
        length += 4;
    }
    for part in parts {
        buffer.get_mut(length..length + part.len())?.copy_from_slice(part);
        length += part.len();
    }
    Some(length)
}
