//! Redundant audio (RFC 2198) as far as a forwarder needs it: where the blocks lie, and the same payload with the oldest
//! of them left out. Blocks are cut, never moved.

/// Most redundant blocks that are looked at. More than this is refused.
const MAX_BLOCKS: usize = 8;

/// Longest rewritten block header, in bytes.
pub(crate) const MAX_HEAD: usize = 4 * MAX_BLOCKS + 1;

/// Where the blocks of a payload lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Red {
    /// Timestamp offset and length of the redundant blocks.
    blocks: [(u16, u16); MAX_BLOCKS],
    count: u8,
    /// Length of all headers.
    headers: u8,
    /// Blocks in front that must never be sent on: they are in no order.
    unusable: u8,
}

impl Red {
    /// Reads the headers. `None` unless all blocks are of `payload_type` and inside the payload, with a primary one.
    pub(crate) fn parse(payload: &[u8], payload_type: u8) -> Option<Self> {
        let mut red = Self {
            blocks: [(0, 0); MAX_BLOCKS],
            count: 0,
            headers: 0,
            unusable: 0,
        };
        let mut at = 0;
        let mut total = 0;
        let mut nearest = u16::MAX;
        loop {
            let first = *payload.get(at)?;
            if first & 0x7f != payload_type {
                return None;
            }
            if first & 0x80 == 0 {
                break;
            }
            let &[_, a, b, c] = payload.get(at..at + 4)? else {
                return None;
            };
            let offset = u16::from(a) << 6 | u16::from(b) >> 2;
            let len = u16::from(b & 3) << 8 | u16::from(c);
            *red.blocks.get_mut(usize::from(red.count))? = (offset, len);
            red.count += 1;
            if offset >= nearest || offset == 0 {
                red.unusable = red.count;
            }
            nearest = offset;
            total += usize::from(len);
            at += 4;
        }
        red.headers = at as u8 + 1;
        (usize::from(red.headers) + total < payload.len()).then_some(red)
    }

    /// The primary block.
    pub(crate) fn primary<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        &payload[self.start(usize::from(self.count))..]
    }

    /// How many of the oldest blocks to leave out so that none begins more than `back` ticks before the packet.
    pub(crate) fn excess(&self, back: u32) -> usize {
        let old = self.blocks[..usize::from(self.count)]
            .iter()
            .take_while(|block| u32::from(block.0) > back);
        old.count().max(usize::from(self.unusable))
    }

    /// The payload without its `excess` oldest blocks: new headers of `payload_type`, which go into `head`, and the rest.
    pub(crate) fn cut<'h, 'a>(
        &self,
        payload: &'a [u8],
        excess: usize,
        payload_type: u8,
        head: &'h mut [u8; MAX_HEAD],
    ) -> (&'h [u8], &'a [u8]) {
        let count = usize::from(self.count);
        let excess = excess.min(count);
        let headers = &payload[4 * excess..usize::from(self.headers)];
        let head = &mut head[..headers.len()];
        head.copy_from_slice(headers);
        for header in head.iter_mut().step_by(4) {
            *header = *header & 0x80 | payload_type;
        }
        (head, &payload[self.start(excess)..])
    }

    fn start(&self, block: usize) -> usize {
        let before = self.blocks[..block].iter().map(|block| usize::from(block.1));
        usize::from(self.headers) + before.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(blocks: &[(u16, Vec<u8>)], primary: &[u8], payload_type: u8) -> Vec<u8> {
        let mut out = Vec::new();
        for (offset, block) in blocks {
            let len = block.len() as u16;
            out.extend([
                0x80 | payload_type,
                (offset >> 6) as u8,
                (offset << 2) as u8 | (len >> 8) as u8,
                len as u8,
            ]);
        }
        out.push(payload_type);
        blocks.iter().for_each(|(_, block)| out.extend(block));
        out.extend(primary);
        out
    }

    proptest! {
        #[test]
        fn a_cut_payload_holds_the_newest_blocks(
            mut blocks in prop::collection::vec((1u16..16_384, prop::collection::vec(any::<u8>(), 0..200)), 0..8),
            primary in prop::collection::vec(any::<u8>(), 1..200),
            back in 0u32..20_000,
        ) {
            blocks.sort_by_key(|block| std::cmp::Reverse(block.0));
            blocks.dedup_by_key(|block| block.0);
            let payload = write(&blocks, &primary, 111);
            let red = Red::parse(&payload, 111).unwrap();
            prop_assert_eq!(red.primary(&payload), &primary[..]);
            let mut buffer = [0; MAX_HEAD];
            let (head, body) = red.cut(&payload, red.excess(back), 96, &mut buffer);
            blocks.retain(|block| u32::from(block.0) <= back);
            prop_assert_eq!([head, body].concat(), write(&blocks, &primary, 96));
        }

        #[test]
        fn any_bytes_are_read_or_refused(payload in prop::collection::vec(any::<u8>(), 0..300), back in 0u32..20_000) {
            if let Some(red) = payload.first().and_then(|first| Red::parse(&payload, first & 0x7f)) {
                let (mut buffer, excess) = ([0; MAX_HEAD], red.excess(back));
                let (head, body) = red.cut(&payload, excess, 96, &mut buffer);
                let all = [head, body].concat();
                let again = Red::parse(&all, 96).unwrap();
                prop_assert_eq!(again.primary(&all), red.primary(&payload));
                prop_assert_eq!(again.excess(back), 0);
            }
        }
    }

    #[test]
    fn blocks_in_no_order_are_cut() {
        let payload = write(&[(960, vec![1]), (1920, vec![2]), (480, vec![4])], &[3], 111);
        let red = Red::parse(&payload, 111).unwrap();
        assert_eq!(red.excess(20_000), 2);
    }
}
