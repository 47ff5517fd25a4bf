//! The receiver beside which ours is judged: plain Opus without redundancy at the rate that ours used, a fixed buffer
//! with the delay that ours had, and the codec's classic concealment. It gets the same network with the same dice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sidetone_media::voice::{Application, Bitrate, RATE};
use sidetone_netsim::Link;
use sidetone_opus::{Channels, Decoder, Encoder, Error, SampleRate};

use super::call::{Call, HEADERS, Heard};
use crate::bench::percentile::median;

/// Samples in a packet: 20 ms, what WebRTC sends.
const FRAME: usize = 960;

/// Least rate of the codec, where ours left nothing for it.
const LEAST: u32 = 6_000;

/// Runs the case with it, at the rate and median delay of `ours`.
///
/// # Errors
/// Whatever the codec refuses when it is made.
pub fn run(call: &Call<'_>, reference: &[f32], ours: &Heard) -> Result<Heard, Error> {
    let mut encoder = Encoder::new(SampleRate::Hz48000, Channels::Mono, Application::Voip)?;
    let headers = (HEADERS * 8 * RATE as usize / FRAME) as f64;
    let rate = ours.wire_kbps() * 1000.0 - headers;
    encoder.set_bitrate(Bitrate((rate as u32).max(LEAST)))?;
    encoder.set_complexity(9)?;
    let mut decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)?;

    let start = Instant::now();
    let at = |samples: usize| Duration::from_secs_f64(samples as f64 / f64::from(RATE));
    let speed = 1.0 + call.case.drift_ppm * 1e-6;
    let mut link = Link::new(call.case.network, call.seed);
    let mut arrivals: BTreeMap<usize, (Instant, Vec<u8>)> = BTreeMap::new();
    let mut heard = Heard {
        seconds: reference.len() as f64 / f64::from(RATE),
        ..Heard::default()
    };
    let mut collect = |link: &mut Link<(usize, Vec<u8>)>, until: Option<Instant>| {
        while let Some(due) = link
            .next_timeout()
            .filter(|due| until.is_none_or(|until| *due <= until))
        {
            while let Some((index, payload)) = link.poll(due) {
                arrivals.entry(index).or_insert((due, payload));
            }
        }
    };
    let mut payload = [0; 1275];
    for (index, frame) in reference.chunks_exact(FRAME).enumerate() {
        let now = start + at((index + 1) * FRAME).div_f64(speed);
        let len = encoder.encode(frame, &mut payload)?;
        collect(&mut link, Some(now));
        link.set_config(call.case.network_at(now - start));
        heard.packets += 1;
        heard.wire_bytes += (len + HEADERS) as u64;
        link.send((index, payload[..len].to_vec()), len + HEADERS, now);
    }
    collect(&mut link, None);

    // A frame is heard this long after it was said, on the receiver's clock from the first on.
    let delay = Duration::from_secs_f64(median(&ours.delays_ms).unwrap_or_default() / 1e3);
    let delay = delay.saturating_sub(at(encoder.lookahead()));
    let frames = reference.len() / FRAME;
    for index in 0..frames {
        let due = start + at(index * FRAME) + delay;
        let mut out = [0.0; FRAME];
        let in_time = arrivals.get(&index).filter(|(arrived, _)| *arrived <= due);
        match in_time {
            Some((_, payload)) => decoder.decode(payload, &mut out)?,
            None => {
                heard.concealed += FRAME as u64;
                decoder.conceal(&mut out)?
            }
        };
        let said = start + at(index * FRAME).div_f64(speed);
        let from_mouth = (due + at(encoder.lookahead())).saturating_duration_since(said);
        heard.delays_ms.push(from_mouth.as_secs_f64() * 1e3);
        heard.samples.extend_from_slice(&out);
    }
    heard.lost = (link.stats().lost + link.stats().dropped) as f64 / link.stats().sent.max(1) as f64;
    Ok(heard)
}
