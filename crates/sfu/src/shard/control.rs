//! RTCP.

use std::time::Instant;

use super::Shard;
use crate::slab::Key;

impl Shard {
    pub(super) fn control(&mut self, _now: Instant, _key: Key, _packet: &[u8]) {}
    pub(super) fn report(&mut self, _now: Instant, _key: Key) {}
    pub(super) fn connected(&mut self, _now: Instant, _key: Key) {}
    pub(super) fn ask_keyframe(&mut self, _now: Instant, _member: Option<Key>, _ssrc: u32) {}
}
