//! Two devices in virtual time, and between them what the engine does: the reference and the processor.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sidetone_media::device::convert::ResampleError;
use sidetone_media::voice::{BLOCK, Processing, RATE, VoiceProcessor, reference};

use super::case::Case;
use super::room::{Room, SWAP_GAP};

/// Frames of the speaker's callbacks: what the engine asks for.
const PERIOD: usize = BLOCK / 2;

/// How late a callback comes at most, in seconds: a desktop that has other things to do.
const LATE: f64 = 0.0015;

/// How long before its callback a block is made ready, in seconds: the engine's least lead.
const LEAD: f64 = 0.0015;

/// What is sent of what the room's microphone captures.
///
/// # Errors
/// Whatever the resampler refuses when it is made.
pub fn sent(case: &Case, room: &Room, processing: Processing, seed: u64) -> Result<Vec<f32>, ResampleError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let start = Instant::now();
    // Callbacks run before the first block is captured.
    let at = |seconds: f64| start + Duration::from_secs_f64(1.0 + seconds);
    let (mut writer, mut reader) = reference(start)?;
    let mut processor = VoiceProcessor::new(processing);
    let rate = f64::from(RATE);
    let speed = 1.0 + case.drift_ppm * 1e-6;
    let swapped = if case.swap { room.far.len() / 2 } else { usize::MAX };

    let mut sent = Vec::with_capacity(room.mic.len());
    let (mut played, mut last_callback) = (0, 0.0);
    for (index, block) in room.mic.chunks_exact(BLOCK).enumerate() {
        let Ok(mut block) = <[f32; BLOCK]>::try_from(block) else {
            continue;
        };
        let captured = ((index + 1) * BLOCK) as f64 / rate + rng.random_range(0.0..LATE);
        while let Some(samples) = room.far.get(played..played + PERIOD) {
            let gap = if played >= swapped { SWAP_GAP } else { 0.0 };
            let callback = played as f64 / rate / speed + gap;
            if callback - LEAD > captured {
                break;
            }
            if (swapped..swapped.saturating_add(PERIOD)).contains(&played) {
                writer.reopened();
                last_callback = callback - PERIOD as f64 / rate;
            }
            writer.write(samples, at(last_callback + PERIOD as f64 / rate));
            last_callback = callback + rng.random_range(0.0..LATE);
            played += PERIOD;
        }
        let far = reader.next(at(captured - BLOCK as f64 / rate));
        if let Some(processor) = &mut processor {
            processor.render(&far);
            processor.capture(&mut block);
        }
        sent.extend_from_slice(&block);
    }
    Ok(sent)
}
