//! Commands: who comes, stays and goes.

use std::time::Instant;

use rand::RngExt;

use super::bucket::Bucket;
use super::layout::Layout;
use super::path::Path;
use super::peer::Peer;
use super::{Command, Hosted, Shard};
use crate::link::{Credentials, Link};
use crate::room::{Joining, Publication, Rights, Room};
use crate::rtp::TransportFeedback;
use crate::sdp::{Offer, Transport};
use crate::sfu::{JoinError, Number, ParticipantStats, RoomId, RoomStats, ShardStats};
use crate::slab::Key;

impl Shard {
    pub(super) fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Open(id, settings) => {
                let hosted = Hosted {
                    id,
                    settings,
                    room: Room::new(now),
                    members: Vec::new(),
                    numbers: std::collections::HashMap::new(),
                    due: None,
                    touched: false,
                };
                let key = self.rooms.insert(hosted);
                self.by_room.insert(id, key);
            }
            Command::Close(id) => self.close(now, id),
            Command::Join {
                room,
                number,
                offer,
                rights,
                reply,
            } => reply(self.join(now, room, number, &offer, rights)),
            Command::Restart {
                room,
                number,
                offer,
                reply,
            } => reply(self.restart(now, room, number, &offer)),
            Command::Rights(id, number, rights) => {
                if let Some((room, key)) = self.find(id, number)
                    && let Some(peer) = self.peers.get_mut(key)
                {
                    peer.rights = rights;
                    let who = peer.key;
                    self.enter(now, room, |room, outlet| {
                        room.set_rights(now, who, rights, &mut |forwarded| outlet.forward(forwarded));
                    });
                }
            }
            Command::Leave(id, number) => {
                if let Some((_, key)) = self.find(id, number) {
                    self.remove(now, key);
                }
            }
            Command::Watch(id, number, wants, cameras) => {
                if let Some((room, key)) = self.find(id, number)
                    && let (Some(hosted), Some(peer)) = (self.rooms.get_mut(room), self.peers.get(key))
                {
                    hosted.room.show_cameras(now, peer.key, cameras);
                    hosted.room.watch(now, peer.key, &wants);
                    self.touch(room);
                }
            }
            Command::Spotlight(id, numbers) => {
                if let Some(room) = self.by_room.get(&id).copied()
                    && let Some(hosted) = self.rooms.get_mut(room)
                {
                    hosted.room.spotlight(now, &numbers);
                    self.touch(room);
                }
            }
            Command::Stats(id, reply) => reply(self.room_stats(id)),
            Command::Load(reply) => reply(ShardStats {
                rooms: self.rooms.len(),
                participants: self.peers.len(),
                sent: self.sending.sent,
                calls: self.sending.calls,
                unsent: self.sending.failed,
                ..self.stats
            }),
            Command::Stop => {}
        }
    }

    fn find(&self, id: RoomId, number: Number) -> Option<(Key, Key)> {
        let room = *self.by_room.get(&id)?;
        let key = *self.rooms.get(room)?.numbers.get(&number)?;
        Some((room, key))
    }

    fn close(&mut self, now: Instant, id: RoomId) {
        let Some(key) = self.by_room.remove(&id) else {
            return;
        };
        let members = self.rooms.get(key).map(|hosted| hosted.members.clone());
        for member in members.into_iter().flatten().flatten() {
            self.remove(now, member);
        }
        self.rooms.remove(key);
    }

    /// Forgets a participant, and every way that leads to it.
    fn remove(&mut self, now: Instant, key: Key) {
        let Some(peer) = self.peers.remove(key) else {
            return;
        };
        for address in &peer.addresses {
            if self.by_address.get(address) == Some(&key) {
                self.by_address.remove(address);
            }
        }
        for ufrag in &peer.ufrags {
            self.by_ufrag.remove(ufrag);
        }
        self.enter(now, peer.room, |room, outlet| {
            room.leave(now, peer.key, &mut |forwarded| outlet.forward(forwarded));
        });
        if let Some(hosted) = self.rooms.get_mut(peer.room) {
            hosted.numbers.remove(&peer.number);
            if let Some(member) = hosted.members.get_mut(peer.key.index()) {
                *member = None;
            }
        }
    }

    fn join(
        &mut self,
        now: Instant,
        id: RoomId,
        number: Number,
        offer: &Offer,
        rights: Rights,
    ) -> Result<String, JoinError> {
        let room = *self.by_room.get(&id).ok_or(JoinError::NoRoom)?;
        if let Some((_, before)) = self.find(id, number) {
            self.remove(now, before);
        }
        let hosted = self.rooms.get_mut(room).ok_or(JoinError::NoRoom)?;
        if hosted.numbers.len() >= hosted.settings.participants
            || self.peers.len() >= self.limits.participants
        {
            return Err(JoinError::Full);
        }
        let layout = layout(offer, hosted);
        let joining = Joining {
            number,
            rights,
            receive: layout.receive.clone(),
        };
        let participant = hosted.room.join(now, &joining)?;
        let credentials = Credentials::random();
        let key = self.peers.insert(Peer {
            room,
            key: participant,
            number,
            rights,
            link: Link::answering(&self.link, now, credentials.clone(), &offer.remote),
            credentials: credentials.clone(),
            layout,
            streams: Vec::new(),
            published: Vec::new(),
            addresses: Vec::new(),
            ufrags: vec![credentials.ufrag.clone()],
            receptions: Vec::new(),
            missing: Vec::new(),
            feedback: TransportFeedback::new(now),
            report_due: None,
            path: Path::new(now),
            bucket: Bucket::new(now, &self.limits),
            stats: ParticipantStats {
                number,
                ..ParticipantStats::default()
            },
            due: None,
        });
        self.by_ufrag.insert(credentials.ufrag, key);
        seat(hosted, participant.index(), key);
        hosted.numbers.insert(number, key);
        self.touch(room);
        self.schedule(key);
        self.answer(key, offer).ok_or(JoinError::NoRoom)
    }

    /// ICE anew on the same link; and where what was negotiated has changed, a new place in the room with new sources,
    /// for a source must not begin again under the same keys.
    fn restart(
        &mut self,
        now: Instant,
        id: RoomId,
        number: Number,
        offer: &Offer,
    ) -> Result<String, JoinError> {
        let (room, key) = self.find(id, number).ok_or(JoinError::Absent(number))?;
        let (Some(hosted), Some(peer)) = (self.rooms.get(room), self.peers.get(key)) else {
            return Err(JoinError::Absent(number));
        };
        if !peer.link.is_of(offer.remote.fingerprint) {
            let rights = peer.rights;
            return self.join(now, id, number, offer, rights);
        }
        let layout = layout(offer, hosted);
        let (anew, who) = (!peer.layout.is_same(&layout), peer.key);
        if anew {
            self.enter(now, room, |room, outlet| {
                room.leave(now, who, &mut |forwarded| outlet.forward(forwarded));
            });
        }
        let (Some(hosted), Some(peer)) = (self.rooms.get_mut(room), self.peers.get_mut(key)) else {
            return Err(JoinError::Absent(number));
        };
        if anew {
            if let Some(member) = hosted.members.get_mut(peer.key.index()) {
                *member = None;
            }
            let joining = Joining {
                number,
                rights: peer.rights,
                receive: layout.receive.clone(),
            };
            peer.key = hosted.room.join(now, &joining)?;
            republish(now, peer, hosted, layout);
            seat(hosted, peer.key.index(), key);
        }
        if !peer.link.uses(&offer.remote.credentials.ufrag) {
            let credentials = Credentials::random();
            peer.link
                .restart(credentials.clone(), &offer.remote.credentials.ufrag);
            if peer.ufrags.len() > 1 {
                let oldest = peer.ufrags.remove(0);
                self.by_ufrag.remove(&oldest);
            }
            peer.ufrags.push(credentials.ufrag.clone());
            self.by_ufrag.insert(credentials.ufrag.clone(), key);
            peer.credentials = credentials;
        }
        self.touch(room);
        self.answer(key, offer).ok_or(JoinError::Absent(number))
    }

    fn answer(&self, key: Key, offer: &Offer) -> Option<String> {
        let peer = self.peers.get(key)?;
        let transport = Transport {
            credentials: &peer.credentials,
            fingerprint: self.link.fingerprint(),
            addresses: &self.addresses,
        };
        Some(offer.answer(rand::rng().random(), &transport, &peer.layout.answers))
    }

    fn room_stats(&self, id: RoomId) -> Option<RoomStats> {
        let hosted = self.rooms.get(*self.by_room.get(&id)?)?;
        let members = hosted.members.iter().flatten();
        Some(RoomStats {
            counters: *hosted.room.counters(),
            participants: members
                .filter_map(|key| self.peers.get(*key))
                .map(|peer| ParticipantStats {
                    packets_told: peer.path.told(),
                    available: peer.path.available(),
                    ..peer.stats.clone()
                })
                .collect(),
        })
    }
}

/// Decides on an offer, with source identifiers that nobody can guess and that differ.
fn layout(offer: &Offer, hosted: &Hosted) -> Layout {
    let (mut random, mut used) = (rand::rng(), std::collections::HashSet::new());
    // What the participant uses itself is not ours.
    for section in &offer.sections {
        used.extend(section.ssrc.into_iter().chain(section.rtx_ssrc));
    }
    Layout::new(offer, &hosted.settings, || {
        loop {
            let ssrc = random.random();
            if ssrc != 0 && used.insert(ssrc) {
                return ssrc;
            }
        }
    })
}

fn seat(hosted: &mut Hosted, index: usize, key: Key) {
    if hosted.members.len() <= index {
        hosted.members.resize(index + 1, None);
    }
    hosted.members[index] = Some(key);
}

/// Gives a participant another layout. What it sends already says no more which section it belongs to, and so is
/// remembered where the section is still there.
fn republish(now: Instant, peer: &mut Peer, hosted: &mut Hosted, layout: Layout) {
    let before = std::mem::replace(&mut peer.layout, layout);
    let published = std::mem::take(&mut peer.published);
    for ((media, layer), ssrc) in published {
        let of = |layout: &Layout| {
            let mut sources = layout.sources.iter();
            let source = sources.find(|source| source.media == media)?;
            Some((source.mid.clone(), source.layers.clone(), source.formats))
        };
        let (Some((mid, layers, _)), Some(after)) = (of(&before), of(&peer.layout)) else {
            continue;
        };
        let publication = Publication {
            media,
            layer,
            ssrc,
            formats: after.2,
            height: 0,
        };
        if (mid, layers) == (after.0, after.1) && hosted.room.publish(now, peer.key, &publication).is_ok() {
            peer.published.push(((media, layer), ssrc));
        }
    }
    peer.forget_replaced();
}
