//! Begins a chat with somebody and says what is typed. Who is who is said by what it is given: a service, a token of a
//! resource's user (or of a member), and whom to chat with.
//!
//! ```text
//! sidetone serve --dev-tokens loopback
//! TOKEN=$(sidetone token --identity external:RESOURCE:eve)
//! cargo run --example chat -- ws://127.0.0.1:7480 $TOKEN member:ORGANISATION:bob
//! ```

#![allow(clippy::print_stdout)] // what an example is for

use std::error::Error;

use sidetone::{CallClient, ChatEvent, Credential, NewThread, OutgoingMessage};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(token), Some(with)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: chat URL TOKEN WITH".into());
    };
    let client = CallClient::new()?;
    let chat = client.create_chat_client(&url, Credential::new(token)).wait()?;
    // A callback that held the chat would keep it: this one holds nothing.
    chat.on_event(|event| match event {
        ChatEvent::MessageReceived(message) => {
            println!("{}: {}", message.sender_display_name, message.text);
        }
        ChatEvent::TypingReceived(typing) => println!("{} types …", typing.display_name),
        ChatEvent::Disconnected => println!("connection lost, trying again"),
        _ => {}
    });
    let thread = chat.create_thread(NewThread::with([with.parse()?])).wait()?;
    println!("in thread {}", thread.id().0);
    for line in std::io::stdin().lines() {
        thread.send(OutgoingMessage::text(line?)).wait()?;
    }
    Ok(())
}
