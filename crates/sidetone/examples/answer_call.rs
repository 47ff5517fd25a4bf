//! Answers every call, one after the other, until it is stopped.
//!
//! ```text
//! sidetone serve --dev-tokens loopback
//! sidetone token --identity member:acme:bob
//! cargo run --example answer_call -- ws://127.0.0.1:7480 TOKEN [SOUND.flac]
//! ```
//!
//! With a sound file nothing of this machine's sound is used: the file is the microphone, and nobody listens.

#![allow(clippy::print_stdout)] // what an example is for

use std::error::Error;

use sidetone::{
    AcceptOptions, AgentEvent, AgentOptions, AudioInput, AudioOutput, CallClient, Credential, IncomingCall,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(token)) = (args.next(), args.next()) else {
        return Err("usage: answer_call URL TOKEN [SOUND FILE]".into());
    };

    let client = CallClient::new()?;
    if let Some(file) = args.next() {
        let (path, repeat) = (file.into(), true);
        client
            .device_manager()
            .select_microphone(AudioInput::File { path, repeat });
        client.device_manager().select_speaker(AudioOutput::Null);
    }
    let agent = client
        .create_call_agent(&url, Credential::new(token), AgentOptions::default())
        .wait()?;
    if let Some(identity) = agent.identity() {
        println!("waiting for calls to {identity}");
    }
    for event in agent.events() {
        match event {
            AgentEvent::IncomingCall(ringing) => answer(&ringing),
            // Calls outlive a lost connection, and the agent comes back by itself: this is for the eyes only.
            AgentEvent::ConnectionStateChanged(state) => println!("connection: {state:?}"),
            _ => {}
        }
    }
    Ok(())
}

fn answer(ringing: &IncomingCall) {
    println!("{} calls", ringing.caller().identifier);
    match ringing.accept(AcceptOptions::default()).wait() {
        // The call goes on in the background, and its events are told on a thread of their own.
        Ok(call) => call.on_event(|event| println!("{event:?}")),
        // The caller gave up, or there is no microphone. It is not our call then.
        Err(error) => println!("not answered: {error}"),
    }
}
