//! An app that brings its own sound: it sends a melody that it makes itself, and measures what it hears, without any
//! sound card.
//!
//! ```text
//! cargo run --example custom_source -- ws://127.0.0.1:7480 TOKEN member:acme:bob
//! ```

#![allow(clippy::print_stdout)] // what an example is for

use std::error::Error;
use std::f32::consts::TAU;
use std::time::Duration;

use sidetone::{
    AgentOptions, AudioFeed, AudioInput, AudioOutput, AudioTap, Call, CallClient, Credential,
    StartCallOptions,
};

const RATE: f32 = 48_000.0;
/// 10 ms.
const BLOCK: usize = 480;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(token), Some(to)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: custom_source URL TOKEN IDENTITY".into());
    };

    let client = CallClient::new()?;
    // What is written to `feed` is sent; what would be played is read from `tap`. Mono, 48 kHz, -1 to 1.
    let (microphone, feed) = AudioInput::raw();
    let (speaker, tap) = AudioOutput::raw();
    client.device_manager().select_microphone(microphone);
    client.device_manager().select_speaker(speaker);

    let mut options = AgentOptions::default();
    // Made for voices and rooms: it would take a steady note for noise.
    options.audio.processing = sidetone::media::voice::Processing::OFF;
    let agent = client
        .create_call_agent(&url, Credential::new(token), options)
        .wait()?;
    let call = agent
        .start_call(to.parse()?, StartCallOptions::default())
        .wait()?;
    talk(&call, &feed, &tap);
    if let Some(reason) = call.end_reason() {
        println!("over: {reason}");
    }
    agent.dispose().wait()?;
    Ok(())
}

/// Writes and reads until the call is over. The engine keeps the pace: it takes what waits when it needs it.
fn talk(call: &Call, feed: &AudioFeed, tap: &AudioTap) {
    let (mut played, mut energy, mut count) = (0_usize, 0.0_f32, 0_usize);
    let mut block = [0.0; BLOCK];
    while call.end_reason().is_none() {
        // 50 ms ahead is plenty; everything that waits is delay.
        while feed.waiting() < 5 * BLOCK {
            for (index, sample) in block.iter_mut().enumerate() {
                *sample = melody(played + index);
            }
            let taken = feed.write(&block);
            played += taken;
            if taken == 0 {
                break; // the microphone is not open yet, or no longer
            }
        }
        let mut heard = [0.0; BLOCK];
        let read = tap.read(&mut heard);
        energy += heard[..read].iter().map(|sample| sample * sample).sum::<f32>();
        count += read;
        if count >= 48_000 {
            println!(
                "{:?}: {:.1} dB come back",
                call.state(),
                10.0 * (energy / count as f32).max(1e-10).log10()
            );
            (energy, count) = (0.0, 0);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Half a second each of three notes, softly.
fn melody(sample: usize) -> f32 {
    let note = [261.6, 329.6, 392.0][sample / 24_000 % 3];
    0.1 * (TAU * note * sample as f32 / RATE).sin()
}
