//! From packets, in any order and some of them twice, to whole pictures. It refuses to know whether a picture can be
//! decoded: that is `frames`.

use std::time::Instant;

use bytes::Bytes;

use super::payload::{self, Piece, dependency};
use super::{Codec, Unwrapper, VideoPacket};

/// Packets that can wait for others, a power of two. A key frame of a 4K screen has a thousand.
const CAPACITY: i64 = 2048;

/// After so many packets in a row that are older than what waits, the stream is believed to have begun anew.
const RESTART: u32 = 64;

/// A picture of which all packets are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// Sequence numbers of its first and last packet, unwrapped.
    pub first: i64,
    /// See `first`.
    pub last: i64,
    /// Media timestamp, unwrapped.
    pub timestamp: i64,
    /// Whether it needs no other picture.
    pub key: bool,
    /// What its first packet says.
    pub piece: Piece,
    /// The dependency descriptor of its first packet.
    pub dependency: Option<Bytes>,
    /// The bitstream.
    pub data: Bytes,
    /// Whether a packet of it had to be sent again.
    pub resent: bool,
    /// When the first packet of it came.
    pub began: Instant,
    /// When the last packet of it came. That it was whole may have shown later.
    pub whole: Instant,
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for others.
    Stored,
    /// These pictures are whole: its own, or the one before it, whose end it shows.
    Whole(Vec<Assembled>),
    /// It is here already, or was.
    Duplicate,
    /// Its picture is over.
    Late,
    /// Its payload cannot be read; or its picture's cannot, which is given up.
    Malformed,
}

#[derive(Clone, Debug)]
struct Slot {
    sequence: i64,
    timestamp: i64,
    marker: bool,
    at: Instant,
    resent: bool,
    /// `None` for those of pictures that have been put together.
    content: Option<Content>,
}

#[derive(Clone, Debug)]
struct Content {
    piece: Piece,
    payload: Bytes,
    dependency: Option<Bytes>,
}

/// Packets of one stream that wait for others.
#[derive(Debug)]
pub struct Assembly {
    codec: Codec,
    sequences: Unwrapper<16>,
    timestamps: Unwrapper<32>,
    slots: Vec<Option<Slot>>,
    newest: Option<i64>,
    /// Nothing up to this is wanted any more.
    over: i64,
    too_old: u32,
}

impl Assembly {
    /// With nothing in it. All its room is taken here, but for the payloads.
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            sequences: Unwrapper::new(),
            timestamps: Unwrapper::new(),
            slots: vec![None; CAPACITY as usize],
            newest: None,
            over: i64::MIN,
            too_old: 0,
        }
    }

    /// The unwrapped number of a sequence number.
    pub fn sequence(&self, packet: &VideoPacket) -> i64 {
        self.sequences.peek(u32::from(packet.sequence.0))
    }

    /// Takes a packet that came now. `resent` says that it had been asked for.
    pub fn insert(&mut self, packet: VideoPacket, resent: bool, now: Instant) -> Inserted {
        let sequence = self.sequence(&packet);
        let newest = self.newest.unwrap_or(sequence);
        if sequence <= self.over || sequence <= newest - CAPACITY {
            self.too_old += u32::from(!resent);
            if self.too_old < RESTART {
                return Inserted::Late;
            }
            // Numbers go on above those of before.
            self.slots.fill(None);
            self.over = self.sequences.restart(u32::from(packet.sequence.0)) - 1;
            (self.newest, self.too_old) = (None, 0);
            return self.insert(packet, resent, now);
        }
        self.too_old = 0;
        let Ok(piece) = payload::read(self.codec, &packet.payload) else {
            return Inserted::Malformed;
        };
        if self.slot(sequence).is_some() {
            return Inserted::Duplicate;
        }
        self.sequences.unwrap(u32::from(packet.sequence.0));
        let timestamp = self.timestamps.unwrap(packet.timestamp.0);
        self.newest = Some(newest.max(sequence));
        *self.place(sequence) = Some(Slot {
            sequence,
            timestamp,
            marker: packet.marker,
            at: now,
            resent,
            content: Some(Content {
                piece,
                payload: packet.payload,
                dependency: packet.dependency,
            }),
        });
        // The packet may also be what shows that the picture before it has ended, or where the next one begins.
        let (mut whole, mut malformed) = (Vec::new(), false);
        for sequence in sequence - 1..=sequence + 1 {
            if let Some((first, last)) = self.bounds(sequence) {
                match self.put_together(first, last, now) {
                    Some(picture) => whole.push(picture),
                    None => malformed = true,
                }
            }
        }
        match (whole.is_empty(), malformed) {
            (false, _) => Inserted::Whole(whole),
            (true, true) => Inserted::Malformed,
            (true, false) => Inserted::Stored,
        }
    }

    /// Whether a packet of a key frame waits that is newer than `after`: worth waiting for the rest of it.
    pub fn has_key_after(&self, after: i64) -> bool {
        self.slots.iter().flatten().any(|slot| {
            let content = slot.content.as_ref();
            slot.sequence > after && content.is_some_and(is_key)
        })
    }

    /// Whether the newest packet is one of a key frame newer than `after` whose end has not come.
    pub fn is_key_coming(&self, after: i64) -> bool {
        let newest = self.newest.and_then(|newest| self.slot(newest));
        newest.is_some_and(|newest| {
            let of_it = |slot: &&Slot| slot.timestamp == newest.timestamp && slot.sequence > after;
            let mut key = self.slots.iter().flatten().filter(of_it);
            !newest.marker && key.any(|slot| slot.content.as_ref().is_some_and(is_key))
        })
    }

    /// Forgets what is up to `sequence`: it will not be shown.
    pub fn forget(&mut self, sequence: i64) {
        if sequence <= self.over {
            return;
        }
        // The last one stays, to tell that the next picture begins behind it.
        for past in self.over.max(sequence - CAPACITY)..sequence {
            self.place(past).take_if(|slot| slot.sequence < sequence);
        }
        self.over = sequence;
        if let Some(slot) = self
            .place(sequence)
            .as_mut()
            .filter(|slot| slot.sequence == sequence)
        {
            slot.content = None;
        }
    }

    fn place(&mut self, sequence: i64) -> &mut Option<Slot> {
        &mut self.slots[sequence.rem_euclid(CAPACITY) as usize]
    }

    fn slot(&self, sequence: i64) -> Option<&Slot> {
        let slot = self.slots[sequence.rem_euclid(CAPACITY) as usize].as_ref();
        slot.filter(|slot| slot.sequence == sequence)
    }

    /// First and last packet of the picture that the packet belongs to, when all are there.
    fn bounds(&self, sequence: i64) -> Option<(i64, i64)> {
        let timestamp = self
            .slot(sequence)
            .filter(|slot| slot.content.is_some())?
            .timestamp;
        let mut first = sequence;
        while !self.begins(first, timestamp)? {
            first -= 1;
        }
        let mut last = sequence;
        while !self.ends(last, timestamp)? {
            last += 1;
        }
        Some((first, last))
    }

    /// Whether the packet is the first of its picture; `None` if one is missing that would tell, or belongs to it.
    fn begins(&self, sequence: i64, timestamp: i64) -> Option<bool> {
        let slot = self.slot(sequence).filter(|slot| slot.timestamp == timestamp)?;
        let content = slot.content.as_ref()?;
        let before = self.slot(sequence - 1);
        let said = content.piece.begins().or_else(|| start_of_frame(content));
        match (said, before) {
            (Some(false), None) | (None, None) => None,
            (Some(false), Some(_)) => Some(false),
            (Some(true), None) => Some(true),
            (_, Some(before)) if before.timestamp != timestamp => Some(true),
            // Frames of higher spatial layers begin within the picture, and parameter sets come behind delimiters.
            (Some(true), Some(_)) => Some(matches!(self.codec, Codec::Vp8 | Codec::Vp9)),
            (None, Some(_)) => Some(false),
        }
    }

    fn ends(&self, sequence: i64, timestamp: i64) -> Option<bool> {
        let slot = self.slot(sequence).filter(|slot| slot.content.is_some())?;
        if slot.marker {
            return Some(true);
        }
        self.slot(sequence + 1).map(|next| next.timestamp != timestamp)
    }

    /// `None` for what is no bitstream.
    fn put_together(&mut self, first: i64, last: i64, now: Instant) -> Option<Assembled> {
        let mut slots: Vec<Slot> = Vec::with_capacity((last - first + 1) as usize);
        for sequence in first..=last {
            let slot = self.place(sequence).as_mut()?;
            let content = slot.content.take();
            slots.push(Slot {
                content,
                ..slot.clone()
            });
        }
        let contents = || slots.iter().filter_map(|slot| slot.content.as_ref());
        let data = payload::join(self.codec, contents().map(|content| &content.payload[..])).ok()?;
        let head = contents().next()?;
        Some(Assembled {
            first,
            last,
            timestamp: slots.first()?.timestamp,
            key: match self.codec {
                // Any of its packets may tell.
                Codec::H264 => contents().any(is_key),
                _ => is_key(head),
            },
            piece: head.piece.clone(),
            dependency: head.dependency.clone(),
            data,
            resent: slots.iter().any(|slot| slot.resent),
            began: slots.iter().map(|slot| slot.at).min().unwrap_or(now),
            whole: slots.iter().map(|slot| slot.at).max().unwrap_or(now),
        })
    }
}

fn head(content: &Content) -> Option<dependency::Head> {
    dependency::Head::read(content.dependency.as_ref()?).ok()
}

/// Whether the dependency descriptor says that a frame begins: that one does not, is sure only where there is one frame.
fn start_of_frame(content: &Content) -> Option<bool> {
    head(content).and_then(|head| head.start_of_frame.then_some(true))
}

/// Whether a packet tells that its picture needs no other.
fn is_key(content: &Content) -> bool {
    content.piece.key() || head(content).is_some_and(|head| head.has_structure && head.start_of_frame)
}
