//! Opus behind the jitter buffer's decoder trait: plain decoding, in-band FEC, deep redundancy, deep concealment.

use sidetone_opus::{Channels, Decoder, Dred, Error, SampleRate, packet};

use super::decoder::VoiceDecoder;

/// How far back deep redundancy is worth reading, in samples: a longer hole has been faded out already.
const REACH: usize = 48_000;

/// Rate, in bits a second, from which the decoder leaves speech as it is: enhancing gains 0.09 of PESQ-WB at 20 kbit/s,
/// nothing at 24, and loses 0.04 at 44, for two thirds of the decoder's work.
const ENHANCED_BELOW: f32 = 24_000.0;
/// The rate must be so far off before it is changed, and is a mean over as many packets.
const HYSTERESIS: f32 = 0.1;
const PACKETS: f32 = 20.0;
/// Decoder effort without enhancement.
const PLAIN: u8 = 5;

/// Opus at 48 kHz mono.
#[derive(Debug)]
pub struct OpusDecoder {
    decoder: Decoder,
    complexity: u8,
    rate: f32,
    enhances: bool,
    redundancy: Dred,
}

impl OpusDecoder {
    /// A decoder of the given complexity, 0 to 10: from 5 up losses are concealed by a neural network, from 6 up
    /// speech of a low rate is enhanced as well, at up to three times the cost of a good frame. All allocation
    /// happens here.
    ///
    /// # Errors
    /// Memory, or a complexity above 10.
    pub fn new(complexity: u8) -> Result<Self, Error> {
        let mut decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)?;
        decoder.set_complexity(complexity)?;
        Ok(Self {
            decoder,
            complexity,
            rate: ENHANCED_BELOW,
            enhances: true,
            redundancy: Dred::new(SampleRate::Hz48000)?,
        })
    }

    /// Learns the rate from a packet, and whether to enhance what follows.
    fn note_rate(&mut self, bytes: usize, samples: usize) {
        let rate = bytes as f32 * 8.0 * 48_000.0 / samples.max(1) as f32;
        self.rate += (rate - self.rate) / PACKETS;
        let side = if self.enhances { HYSTERESIS } else { -HYSTERESIS };
        let enhances = self.rate < ENHANCED_BELOW * (1.0 + side);
        if enhances != self.enhances {
            self.enhances = enhances;
            let most = if enhances { self.complexity } else { PLAIN };
            // In range, as the whole was when the decoder was made.
            let _ = self.decoder.set_complexity(self.complexity.min(most));
        }
    }
}

impl VoiceDecoder for OpusDecoder {
    fn samples(&self, payload: &[u8]) -> Option<usize> {
        packet::samples(payload, SampleRate::Hz48000).ok()
    }

    fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Option<usize> {
        let samples = self.decoder.decode(payload, out).ok()?;
        self.note_rate(payload.len(), samples);
        Some(samples)
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
