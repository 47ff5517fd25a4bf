//! Real speech at 48 kHz, and measures of how close two signals are.
#![allow(dead_code)] // Each test file uses its own part.

use sidetone_opus::{Application, Bitrate, Channels, Decoder, Encoder, SampleRate};

/// Rate of everything in these tests, as in a call.
pub const RATE: SampleRate = SampleRate::Hz48000;
/// Samples in 20 ms.
pub const FRAME: usize = 960;

/// The two recordings.
pub const VOICES: [&str; 2] = ["woman-en", "man-it"];

/// A recording, brought from 16 to 48 kHz.
pub fn speech(name: &str) -> Vec<f32> {
    let path = format!("{}/../cli/speech/{name}.flac", env!("CARGO_MANIFEST_DIR"));
    let mut reader = claxon::FlacReader::open(&path).unwrap();
    assert_eq!(reader.streaminfo().sample_rate, 16_000);
    let samples: Vec<f32> = reader.samples().map(|s| s.unwrap() as f32 / 32_768.0).collect();
    triple(&samples)
}

/// Upsamples by three: a windowed sinc, cut off at 8 kHz.
fn triple(input: &[f32]) -> Vec<f32> {
    const HALF: isize = 16;
    let kernel: Vec<f32> = (-HALF * 3..=HALF * 3)
        .map(|k| {
            let x = k as f32 / 3.0;
            let sinc = if k == 0 {
                1.0
            } else {
                (std::f32::consts::PI * x).sin() / (std::f32::consts::PI * x)
            };
            let window = 0.5 + 0.5 * (std::f32::consts::PI * x / (HALF as f32 + 1.0)).cos();
            sinc * window
        })
        .collect();
    (0..input.len() as isize * 3)
        .map(|n| {
            let nearest = n / 3;
            (nearest - HALF + 1..=nearest + HALF - 1)
                .filter_map(|i| {
                    let tap = kernel.get((n - i * 3 + HALF * 3) as usize)?;
                    Some(input.get(usize::try_from(i).ok()?)? * tap)
                })
                .sum()
        })
        .collect()
}

/// A mono encoder for conversation.
pub fn encoder(bitrate: Bitrate) -> Encoder {
    let mut encoder = Encoder::new(RATE, Channels::Mono, Application::Voip).unwrap();
    encoder.set_bitrate(bitrate).unwrap();
    encoder
}

/// A mono decoder.
pub fn decoder(complexity: u8) -> Decoder {
    let mut decoder = Decoder::new(RATE, Channels::Mono).unwrap();
    decoder.set_complexity(complexity).unwrap();
    decoder
}

/// All packets of `pcm`, cut into frames of `samples`.
pub fn packets(encoder: &mut Encoder, pcm: &[f32], samples: usize) -> Vec<Vec<u8>> {
    let mut out = [0; 4000];
    pcm.chunks_exact(samples)
        .map(|frame| {
            let bytes = encoder.encode(frame, &mut out).unwrap();
            out[..bytes].to_vec()
        })
        .collect()
}

/// What a decoder makes of `packets` when none is lost.
pub fn decode_all(decoder: &mut Decoder, packets: &[Vec<u8>]) -> Vec<f32> {
    let mut out = vec![0.0; 5760];
    let mut pcm = Vec::new();
    for packet in packets {
        let samples = decoder.decode(packet, &mut out).unwrap();
        pcm.extend_from_slice(&out[..samples]);
    }
    pcm
}

/// Normalised correlation of two equally long signals, -1 to 1.
pub fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| {
        x.iter()
            .zip(y)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}

/// The delay, up to `max` samples, at which `output` looks most like `input`, and the correlation there.
pub fn delay(input: &[f32], output: &[f32], max: usize) -> (usize, f64) {
    let len = input.len().min(output.len()) - max;
    (0..=max)
        .map(|lag| (lag, correlation(&input[..len], &output[lag..lag + len])))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

/// Root mean square.
pub fn rms(pcm: &[f32]) -> f64 {
    (pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / pcm.len() as f64).sqrt()
}

/// Signal-to-error ratio in dB of `got` against `want`, over the frames named.
pub fn snr(want: &[f32], got: &[f32], frames: &[usize]) -> f64 {
    let (mut signal, mut error) = (0.0, 0.0);
    for n in frames.iter().flat_map(|frame| frame * FRAME..(frame + 1) * FRAME) {
        signal += f64::from(want[n]).powi(2);
        error += f64::from(want[n] - got[n]).powi(2);
    }
    10.0 * (signal / error.max(1e-12)).log10()
}

/// Mean distance in dB between the spectra of `want` and `got` over the frames named: bands of 250 Hz up to 8 kHz,
/// each floored at 50 dB below full scale. Unlike [`snr`] it does not mind a vocoder's phase.
pub fn spectral_distance(want: &[f32], got: &[f32], frames: &[usize]) -> f64 {
    let table: Vec<(f32, f32)> = (0..FRAME)
        .map(|n| (std::f32::consts::TAU * n as f32 / FRAME as f32).sin_cos())
        .collect();
    let bands = |pcm: &[f32]| -> Vec<f64> {
        let windowed: Vec<f32> = pcm
            .iter()
            .zip(&table)
            .map(|(s, (_, cos))| s * (0.5 - 0.5 * cos))
            .collect();
        // One bin is 50 Hz, so five make a band.
        let power: Vec<f64> = (1..=160)
            .map(|bin| {
                let (mut re, mut im) = (0.0_f32, 0.0_f32);
                for (n, sample) in windowed.iter().enumerate() {
                    let (sin, cos) = table[n * bin % FRAME];
                    re += sample * cos;
                    im += sample * sin;
                }
                f64::from(re * re + im * im) / (FRAME * FRAME) as f64 * 4.0
            })
            .collect();
        power
            .chunks(5)
            .map(|band| 10.0 * (band.iter().sum::<f64>() + 1e-5).log10())
            .collect()
    };
    let total: f64 = frames
        .iter()
        .map(|frame| {
            let range = frame * FRAME..(frame + 1) * FRAME;
            let (want, got) = (bands(&want[range.clone()]), bands(&got[range]));
            let squares: f64 = want.iter().zip(&got).map(|(w, g)| (w - g).powi(2)).sum();
            (squares / want.len() as f64).sqrt()
        })
        .sum();
    total / frames.len() as f64
}

/// Those of `frames` in which `pcm` is speech and not a pause.
pub fn spoken(pcm: &[f32], frames: impl IntoIterator<Item = usize>) -> Vec<usize> {
    frames
        .into_iter()
        .filter(|frame| {
            pcm.get(frame * FRAME..(frame + 1) * FRAME)
                .is_some_and(|pcm| rms(pcm) > 0.02)
        })
        .collect()
}
