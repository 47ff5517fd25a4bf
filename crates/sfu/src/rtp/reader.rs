//! Compound RTCP packets, taken apart.

/// What one receiver says of one source (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Lost since the beginning; 24 bits with sign.
    pub lost: i32,
    /// Highest sequence number, extended.
    pub highest: u32,
    /// Interarrival jitter, in units of the timestamp.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report, 0 where there was none.
    pub last_report: u32,
    /// Since it arrived, in units of 1/65536 s.
    pub delay: u32,
}

/// One thing that a compound packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// A sender's report, without its blocks.
    Sender {
        /// The source.
        ssrc: u32,
        /// NTP time.
        ntp: u64,
        /// RTP timestamp of that time.
        timestamp: u32,
    },
    /// A block of a sender's or receiver's report.
    Report(ReportBlock),
    /// Packets are missing (RFC 4585 section 6.2.1).
    Nack {
        /// Of this source.
        ssrc: u32,
        /// These.
        missing: Nack<'a>,
    },
    /// A picture needs a keyframe: PLI (RFC 4585 section 6.3.1) or FIR (RFC 5104 section 4.3.1).
    Keyframe {
        /// Of this source.
        ssrc: u32,
    },
    /// What the receiver's path carries, in bit/s (draft-alvestrand-rmcat-remb-03).
    Available(u64),
    /// Arrival times, for congestion control: the packet from its sender on.
    TransportFeedback(&'a [u8]),
    /// The source is no more.
    Bye {
        /// The first of those named.
        ssrc: u32,
    },
}

/// Missing sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack<'a> {
    entries: &'a [u8],
    base: u16,
    /// Those after the base that are still to be told: bit n is `base + n`.
    mask: u32,
}

impl Iterator for Nack<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while self.mask == 0 {
            let (&[b0, b1, m0, m1], rest) = self.entries.split_first_chunk()?;
            self.entries = rest;
            self.base = u16::from_be_bytes([b0, b1]);
            self.mask = u32::from(u16::from_be_bytes([m0, m1])) << 1 | 1;
        }
        let bit = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        Some(self.base.wrapping_add(bit as u16))
    }
}

/// Iterates over a compound packet. Ends at anything malformed.
#[derive(Clone, Copy, Debug)]
pub struct Controls<'a> {
    rest: &'a [u8],
    /// Blocks of the report that was told last.
    blocks: &'a [u8],
    /// Entries of the FIR that was told last.
    requests: &'a [u8],
}

impl<'a> Controls<'a> {
    /// Over a decrypted packet.
    pub const fn new(packet: &'a [u8]) -> Self {
        Self {
            rest: packet,
            blocks: &[],
            requests: &[],
        }
    }
}

fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*word), rest))
}

impl<'a> Iterator for Controls<'a> {
    type Item = Control<'a>;

    fn next(&mut self) -> Option<Control<'a>> {
        loop {
            if let Some((block, rest)) = self.blocks.split_first_chunk::<24>() {
                self.blocks = rest;
                return Some(Control::Report(report_block(block)));
            }
            if let Some((request, rest)) = self.requests.split_first_chunk::<8>() {
                self.requests = rest;
                let (ssrc, _) = word(request)?;
                return Some(Control::Keyframe { ssrc });
            }
            let (&[first, kind, l0, l1], _) = self.rest.split_first_chunk()?;
            let length = 4 + 4 * usize::from(u16::from_be_bytes([l0, l1]));
            if first >> 6 != 2 || length > self.rest.len() {
                self.rest = &[];
                return None;
            }
            let (packet, rest) = self.rest.split_at(length);
            self.rest = rest;
            let mut body = &packet[4..];
            if first & 0x20 != 0 {
                let padding = usize::from(*body.last()?);
                body = body.get(..body.len().checked_sub(padding)?)?;
            }
            if let Some(control) = self.packet(first & 0x1f, kind, body) {
                return Some(control);
            }
        }
    }
}

impl<'a> Controls<'a> {
    /// None where there is nothing to tell of a packet itself.
    fn packet(&mut self, count: u8, kind: u8, body: &'a [u8]) -> Option<Control<'a>> {
        let (sender, rest) = word(body)?;
        let blocks = 24 * usize::from(count);
        match (kind, count) {
            (200, _) => {
                let (ntp, rest) = rest.split_first_chunk()?;
                let (timestamp, rest) = word(rest)?;
                self.blocks = rest.get(8..8 + blocks).unwrap_or(&[]);
                Some(Control::Sender {
                    ssrc: sender,
                    ntp: u64::from_be_bytes(*ntp),
                    timestamp,
                })
            }
            (201, _) => {
                self.blocks = rest.get(..blocks).unwrap_or(&[]);
                None
            }
            (203, 1..) => Some(Control::Bye { ssrc: sender }),
            (205, 1) => {
                let (ssrc, entries) = word(rest)?;
                let missing = Nack {
                    entries,
                    base: 0,
                    mask: 0,
                };
                Some(Control::Nack { ssrc, missing })
            }
            (205, 15) => Some(Control::TransportFeedback(body)),
            (206, 1) => word(rest).map(|(ssrc, _)| Control::Keyframe { ssrc }),
            (206, 4) => {
                self.requests = rest.get(4..)?;
                None
            }
            (206, 15) => {
                let rest = rest.get(4..)?.strip_prefix(b"REMB")?;
                let &[_, a, b, c, ..] = rest else {
                    return None;
                };
                let (exponent, mantissa) =
                    (a >> 2, u64::from(a & 3) << 16 | u64::from(b) << 8 | u64::from(c));
                Some(Control::Available(
                    mantissa
                        .checked_shl(exponent.into())
                        .filter(|bits| *bits >> exponent == mantissa)?,
                ))
            }
            _ => None,
        }
    }
}

fn report_block(block: &[u8; 24]) -> ReportBlock {
    let at = |n: usize| u32::from_be_bytes([block[n], block[n + 1], block[n + 2], block[n + 3]]);
    ReportBlock {
        ssrc: at(0),
        fraction_lost: block[4],
        // The sign is in the 24th bit.
        lost: (at(4) << 8) as i32 >> 8,
        highest: at(8),
        jitter: at(12),
        last_report: at(16),
        delay: at(20),
    }
}
