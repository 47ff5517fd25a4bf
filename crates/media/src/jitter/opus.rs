//! Opus behind the jitter buffer's decoder trait: plain decoding, in-band FEC, deep redundancy, deep concealment.

use sidetone_opus::{Channels, Decoder, Dred, Error, SampleRate, packet};

use super::decoder::VoiceDecoder;

/// How far back deep redundancy is worth reading, in samples: a longer hole has been faded out already.
const REACH: usize = 48_000;

/// Opus at 48 kHz mono.
#[derive(Debug)]
pub struct OpusDecoder {
    decoder: Decoder,
    redundancy: Dred,
}

impl OpusDecoder {
    /// A decoder of the given complexity, 0 to 10: from 5 up losses are concealed by a neural network, from 6 up
    /// speech is enhanced as well, at up to three times the cost of a good frame. All allocation happens here.
    ///
    /// # Errors
    /// Memory, or a complexity above 10.
    pub fn new(complexity: u8) -> Result<Self, Error> {
        let mut decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)?;
        decoder.set_complexity(complexity)?;
        Ok(Self {
            decoder,
            redundancy: Dred::new(SampleRate::Hz48000)?,
        })
    }
}

impl VoiceDecoder for OpusDecoder {
    fn samples(&self, payload: &[u8]) -> Option<usize> {
        packet::samples(payload, SampleRate::Hz48000).ok()
    }

    fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        self.decoder.decode(payload, out).ok()
    }

    fn has_fec(&self, payload: &[u8]) -> bool {
        packet::has_fec(payload)
    }

    fn decode_fec(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        self.decoder.decode_fec(payload, out).ok()
    }

    fn conceal(&mut self, out: &mut [f32]) -> Option<usize> {
        self.decoder.conceal(out).ok()
    }

    fn redundancy(&mut self, payload: &[u8]) -> usize {
        self.redundancy.parse(payload, REACH).unwrap_or(0)
    }

    fn decode_redundant(&mut self, offset: usize, out: &mut [f32]) -> Option<usize> {
        if !self.redundancy.covers(offset, out.len()) {
            return None;
        }
        self.decoder.decode_dred(&self.redundancy, offset, out).ok()
    }

    fn reset(&mut self) {
        self.decoder.reset();
        self.redundancy.clear();
    }
}
