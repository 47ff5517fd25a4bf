//! A receiver that knows the truth. It finds every gap, every wrong time and every wrong name.

use std::collections::BTreeMap;

use sidetone_sfu::room::Forwarded;

use crate::people::Said;

/// Content of a frame in tests: who said it, and which of its packets it is.
pub const CONTENT: usize = 8;

pub fn content(number: u32, index: u32) -> [u8; CONTENT] {
    let mut bytes = [0; CONTENT];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..].copy_from_slice(&index.to_be_bytes());
    bytes
}

fn read(bytes: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (word(0), word(4))
}

#[derive(Clone, Debug)]
pub struct Got {
    pub number: u32,
    pub index: u32,
    pub timestamp: u32,
    pub marker: bool,
    /// Milliseconds.
    pub at: u64,
    /// Redundant frames: timestamp, number, index.
    pub copies: Vec<(u32, u32, u32)>,
}

/// One slot of one receiver.
#[derive(Debug, Default)]
pub struct Ear {
    pub got: BTreeMap<u64, Got>,
    /// Announced pauses, by sequence number: their timestamps and durations.
    pub pauses: BTreeMap<u64, (u32, u32)>,
}

pub const OPUS: u8 = 100;
pub const RED: u8 = 101;
pub const FRAME: u32 = 960;

impl Ear {
    pub fn take(&mut self, forwarded: &Forwarded<'_>, at: u64) {
        let payload = [forwarded.head, forwarded.body].concat();
        let header = &forwarded.header;
        if payload.len() == 1 {
            assert_eq!((header.payload_type, payload[0] & 3), (OPUS, 0), "one frame");
            assert!(header.level.is_none_or(|(_, level)| level.minus_dbov == 127));
            // The last of a voice is short.
            let duration = if payload[0] == 0xf0 { 480 } else { FRAME };
            let before = self.pauses.insert(header.sequence, (header.timestamp, duration));
            assert!(before.is_none() && !self.got.contains_key(&header.sequence));
            return;
        }
        let mut copies = Vec::new();
        let primary = if header.payload_type == RED {
            let mut at = 0;
            let mut blocks = Vec::new();
            while payload[at] & 0x80 != 0 {
                assert_eq!(payload[at] & 0x7f, OPUS);
                let word = u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
                blocks.push(((word >> 10) & 0x3fff, (word & 0x3ff) as usize));
                at += 4;
            }
            assert_eq!(payload[at], OPUS);
            at += 1;
            for (offset, len) in blocks {
                let (number, index) = read(&payload[at..at + len]);
                copies.push((header.timestamp.wrapping_sub(offset), number, index));
                at += len;
            }
            &payload[at..]
        } else {
            assert_eq!(header.payload_type, OPUS);
            &payload[..]
        };
        let (number, index) = read(primary);
        assert_eq!(header.csrc, number, "a voice under another's name");
        let got = Got {
            number,
            index,
            timestamp: header.timestamp,
            marker: header.marker,
            at,
            copies,
        };
        let before = self.got.insert(header.sequence, got);
        assert!(before.is_none(), "sequence number {} twice", header.sequence);
    }

    /// Checks everything there is to check, given what was said.
    pub fn check(&self, truth: &BTreeMap<u32, Vec<Said>>) {
        let mut heard = std::collections::BTreeSet::new();
        for got in self.got.values() {
            assert!(heard.insert((got.number, got.index)), "twice: {got:?}");
        }
        // Lost, or so late that the slot may have turned to something else: then it is still given to who asks for it.
        let lost = |got: &Got, range: std::ops::Range<u32>, after: u64| {
            let rest = || self.got.range(after..).map(|(_, got)| got).take(20);
            let turns = rest()
                .skip(1)
                .any(|next| next.marker || next.number != got.number);
            let turns = turns || self.got.len() < 20 || rest().count() < 20;
            let late = rest().take(4).filter(|_| turns).map(|next| next.at).min();
            let late = late.unwrap_or(u64::MAX);
            // Where it turns right here, what is missing may have been before.
            let here = rest().next().is_some_and(|next| next.marker);
            let late = if here { got.at.min(late) } else { late };
            let said = &truth[&got.number][range.start as usize..range.end.max(range.start) as usize];
            said.iter().filter(|said| said.lost || said.came > late).count() as u64
        };
        for ((before, a), (after, b)) in self.got.iter().zip(self.got.iter().skip(1)) {
            let pauses = self.pauses.range(before..after);
            let gap = after - before - 1 - pauses.clone().count() as u64;
            let mut end = a.timestamp.wrapping_add(FRAME);
            for (at, duration) in pauses.map(|(_, pause)| *pause).chain([(b.timestamp, FRAME)]) {
                assert!(at.wrapping_sub(end) as i32 >= 0, "a pause overlaps");
                end = at.wrapping_add(duration);
            }
            let step = b.timestamp.wrapping_sub(a.timestamp) as i32;
            assert!(step >= FRAME as i32, "time overlaps: {a:?} {b:?}");
            if a.number == b.number {
                assert!(a.index < b.index, "order turned around: {a:?} {b:?}");
                let missing = lost(a, a.index + 1..b.index, *after);
                assert!(gap <= missing, "{gap} missing, {missing} lost: {a:?} {b:?}");
                let said = |got: &Got| truth[&got.number][got.index as usize].at;
                let apart = (said(b) - said(a)) as i32 * 48;
                // Within a spurt time is as the sender made it, and a new one is marked, unless its first was lost.
                if step != apart {
                    assert!(
                        b.marker || missing > 0,
                        "time {step} for {apart} without a mark: {a:?} {b:?}"
                    );
                    assert!(
                        (step - apart).abs() <= 48 * 300,
                        "{step} for {apart}: {a:?} {b:?}"
                    );
                }
            } else {
                let unheard = |said: &&Said, end: u64| said.lost || said.came > end;
                let rest = truth[&a.number][a.index as usize + 1..].iter();
                let after_a = rest.take_while(|said| unheard(said, a.at)).count();
                let rest = truth[&b.number][..b.index as usize].iter().rev();
                let before_b = rest.take_while(|said| unheard(said, b.at)).count();
                let missing = (after_a + before_b) as u64;
                assert!(
                    gap <= missing,
                    "{gap} missing at a change, {missing} lost: {a:?} {b:?}"
                );
                assert!(b.marker || before_b > 0, "no mark at a change: {a:?} {b:?}");
            }
        }
        self.check_copies();
        self.check_pace();
    }

    /// A redundant frame lies where its talker lies, never over another.
    fn check_copies(&self) {
        for (sequence, got) in &self.got {
            for &(timestamp, number, index) in &got.copies {
                assert_eq!(number, got.number, "another's redundancy: {got:?}");
                for (_, other) in self.got.range(sequence.saturating_sub(40)..sequence + 3) {
                    let apart = other.timestamp.wrapping_sub(timestamp) as i32;
                    let same = other.number == number && other.index == index;
                    assert!(
                        if same {
                            apart == 0
                        } else {
                            apart.unsigned_abs() >= FRAME
                        },
                        "a redundant frame {index} of {number} at the wrong time: {got:?} {other:?}"
                    );
                }
            }
        }
    }

    /// Timestamps go with real time.
    fn check_pace(&self) {
        let Some(first) = self.got.values().next() else {
            return;
        };
        let ahead = |got: &Got| {
            let clock = (got.at as u32 * 48).wrapping_sub(first.at as u32 * 48);
            got.timestamp.wrapping_sub(first.timestamp).wrapping_sub(clock) as i32
        };
        for got in self.got.values() {
            let ahead = ahead(got);
            assert!(
                (-48 * 300..=48 * 300).contains(&ahead),
                "{ahead} ticks off: {got:?} {first:?}"
            );
        }
    }
}
