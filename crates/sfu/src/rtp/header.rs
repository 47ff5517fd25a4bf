//! The header of a received RTP packet (RFC 3550 section 5.1, RFC 8285).

/// A packet, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    extension: Elements<'a>,
    /// Payload without padding.
    pub payload: &'a [u8],
}

impl<'a> Parsed<'a> {
    /// None for what is no RTP packet.
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        let (&[first, second, s0, s1], rest) = packet.split_first_chunk::<4>()?;
        if first >> 6 != 2 {
            return None;
        }
        let (timestamp, rest) = rest.split_first_chunk::<4>()?;
        let (ssrc, rest) = rest.split_first_chunk::<4>()?;
        let mut rest = rest.get(4 * usize::from(first & 0x0f)..)?;
        let mut extension = Elements {
            rest: &[],
            two_bytes: false,
        };
        if first & 0x10 != 0 {
            let (&[p0, p1, l0, l1], body) = rest.split_first_chunk::<4>()?;
            let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
            let profile = u16::from_be_bytes([p0, p1]);
            let (body, payload) = body.split_at_checked(length)?;
            rest = payload;
            if profile == 0xbede || profile >> 4 == 0x100 {
                extension = Elements {
                    rest: body,
                    two_bytes: profile != 0xbede,
                };
            }
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            let length = rest.len().checked_sub(padding).filter(|_| padding > 0)?;
            rest = &rest[..length];
        }
        Some(Self {
            ssrc: u32::from_be_bytes(*ssrc),
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes(*timestamp),
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            extension,
            payload: rest,
        })
    }

    /// Its header extensions: identifiers and data.
    pub const fn extensions(&self) -> Elements<'a> {
        self.extension
    }

    /// One of them.
    pub fn extension(&self, id: Option<u8>) -> Option<&'a [u8]> {
        let id = id?;
        self.extensions().find(|(of, _)| *of == id).map(|(_, data)| data)
    }
}

/// Iterates over header extensions with one- or two-byte headers (RFC 8285 section 4). Ends at anything malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements<'a> {
    rest: &'a [u8],
    two_bytes: bool,
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, rest) = self.rest.split_first()?;
            if first == 0 {
                self.rest = rest;
                continue;
            }
            let (id, length, rest) = if self.two_bytes {
                let (&length, rest) = rest.split_first()?;
                (first, usize::from(length), rest)
            } else if first >> 4 == 15 {
                return None;
            } else {
                (first >> 4, usize::from(first & 0x0f) + 1, rest)
            };
            let (data, rest) = rest.split_at_checked(length)?;
            self.rest = rest;
            return Some((id, data));
        }
    }
}
