//! What the jitter buffer asks of a codec. It refuses to know which codec it is.

/// A decoder of one voice stream, 48 kHz mono. No method may allocate: all run on the playout thread.
///
/// `None` means the codec refused; the buffer then conceals, so a hostile packet costs its own sound only.
pub trait VoiceDecoder: Send {
    /// Samples in a packet, from its header alone; `None` when it is malformed.
    fn samples(&self, payload: &[u8]) -> Option<usize>;

    /// Decodes a packet to the front of `out` and returns how many samples it wrote.
    fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize>;

    /// Whether a packet carries a copy of the frame before it (in-band FEC, RFC 6716 section 2.1.7).
    fn has_fec(&self, _payload: &[u8]) -> bool {
        false
    }

    /// Fills `out`, which is exactly the frame before `payload`, from its in-band FEC.
    fn decode_fec(&mut self, _payload: &[u8], _out: &mut [f32]) -> Option<usize> {
        None
    }

    /// Makes up sound to fill `out`, a multiple of 2.5 ms up to 10 ms.
    fn conceal(&mut self, out: &mut [f32]) -> Option<usize>;

    /// Reads the deep redundancy of a packet and returns how far before it that reaches, in samples.
    fn redundancy(&mut self, _payload: &[u8]) -> usize {
        0
    }

    /// Fills `out` with the sound that began `offset` samples before the packet last given to
    /// [`redundancy`](Self::redundancy).
    fn decode_redundant(&mut self, _offset: usize, _out: &mut [f32]) -> Option<usize> {
        None
    }

    /// Whether a packet says that the sender stops sending because nobody speaks (DTX). Opus marks these by a
    /// length of one or two bytes (RFC 7587 section 3.1.3).
    fn is_pause(&self, payload: &[u8]) -> bool {
        payload.len() <= 2
    }

    /// Forgets the stream so far.
    fn reset(&mut self);
}
