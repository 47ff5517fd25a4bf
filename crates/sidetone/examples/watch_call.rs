//! Answers the first call and shows what an app would: what is wrong, and how the sound does.
//!
//! ```text
//! sidetone serve --dev-tokens loopback
//! sidetone token --identity member:acme:bob
//! cargo run --example watch_call -- ws://127.0.0.1:7480 TOKEN
//! ```

#![allow(clippy::print_stdout)] // what an example is for

use std::error::Error;

use sidetone::{
    AcceptOptions, AgentEvent, AgentOptions, CallClient, CallEvent, CollectorOptions, Credential,
    MediaStatisticsEvent,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(token)) = (args.next(), args.next()) else {
        return Err("usage: watch_call URL TOKEN".into());
    };
    // Asked before the token ends, and when the service refuses it; this one has no backend to ask.
    let credential = Credential::new(token).refreshed_by(|| Err("no backend".into()));
    let client = CallClient::new()?;
    let agent = client
        .create_call_agent(&url, credential, AgentOptions::default())
        .wait()?;
    for event in agent.events() {
        match event {
            AgentEvent::TokenExpiring => println!("sign in again, or calls will end"),
            // Without a call too: no microphone, no network.
            AgentEvent::DiagnosticChanged(changed) => println!("{:?}: {}", changed.name, changed.value),
            AgentEvent::IncomingCall(incoming) => {
                let call = incoming.accept(AcceptOptions::default()).wait()?;
                let statistics = call.media_statistics(CollectorOptions::default());
                std::thread::spawn(move || {
                    for event in statistics {
                        if let MediaStatisticsEvent::SampleReported(sample) = event {
                            let (send, receive) = (sample.audio.send, sample.audio.receive);
                            println!("{:?} bit/s out, {:?} bit/s in", send.bitrate, receive.bitrate);
                        }
                    }
                });
                for event in call.events() {
                    match event {
                        CallEvent::DiagnosticChanged(changed) => {
                            println!("{:?}: {}", changed.name, changed.value);
                        }
                        CallEvent::Ended(reason) => println!("over: {reason}"),
                        _ => {}
                    }
                }
                break;
            }
            _ => {}
        }
    }
    agent.dispose().wait()?;
    Ok(())
}
