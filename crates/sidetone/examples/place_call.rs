//! Places a call and hangs up after fifteen seconds.
//!
//! ```text
//! sidetone serve --dev-tokens loopback
//! sidetone token --identity member:acme:ann     # and one for member:acme:bob, who runs answer_call
//! cargo run --example place_call -- ws://127.0.0.1:7480 TOKEN member:acme:bob [SOUND.flac]
//! ```
//!
//! With a sound file nothing of this machine's sound is used: the file is the microphone, and nobody listens.

#![allow(clippy::print_stdout)] // what an example is for

use std::error::Error;
use std::time::Duration;

use sidetone::{AgentOptions, AudioInput, AudioOutput, CallClient, Credential, StartCallOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(token), Some(to)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: place_call URL TOKEN IDENTITY [SOUND FILE]".into());
    };

    let client = CallClient::new()?;
    if let Some(file) = args.next() {
        let (path, repeat) = (file.into(), true);
        client
            .device_manager()
            .select_microphone(AudioInput::File { path, repeat });
        client.device_manager().select_speaker(AudioOutput::Null);
    }
    // Plain threads wait; async code would `.await` the same objects, in any runtime.
    let agent = client
        .create_call_agent(&url, Credential::new(token), AgentOptions::default())
        .wait()?;
    let call = agent
        .start_call(to.parse()?, StartCallOptions::default())
        .wait()?;

    let timer = call.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(15));
        if let Ok(stats) = timer.stats().wait() {
            println!("{} packets came", stats.transport.packets_received);
        }
        // An error means that the other end was faster.
        let _ = timer.hang_up();
    });
    for event in call.events() {
        println!("{event:?}");
    }
    // The loop ends with the call. An end may come before the first look at the events: it can be read at any time.
    if let Some(reason) = call.end_reason() {
        println!("over: {reason}");
    }
    agent.dispose().wait()?;
    Ok(())
}
