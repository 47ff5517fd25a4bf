//! Chat with the SDK: a real service, real sockets, a wire that can be cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "calls/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the other tests, which use more of it"
)]
mod support;

use std::time::{Duration, Instant};

use sidetone::{
    CallClient, ChatClient, ChatEvent, ChatThreadClient, Credential, Error, Events, NewThread,
    OutgoingMessage, Reason, ThreadDeletion, ThreadUpdate,
};
use sidetone_server::{Scope, ServerConfig, TokenRequest};
use support::{Proxy, STUCK, Service, identifier};

struct User {
    chat: ChatClient,
    events: Events<ChatEvent>,
    _client: CallClient,
}

impl User {
    fn new(service: &Service, url: &str, name: &str) -> Self {
        let request = TokenRequest {
            name: Some(name.to_owned()),
            scopes: vec![Scope::Chat],
            ..TokenRequest::new(identifier(name))
        };
        let token = service.server.issue_token(request).unwrap().token.into_exposed();
        let client = CallClient::new().unwrap();
        let chat = client
            .create_chat_client(url, Credential::new(token))
            .wait()
            .unwrap();
        let mut user = Self {
            events: chat.events(),
            chat,
            _client: client,
        };
        user.until("connected", |event| {
            matches!(event, ChatEvent::Connected).then_some(())
        });
        user
    }

    /// Waits for an event; the others before it are passed over.
    fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(ChatEvent) -> Option<T>) -> T {
        let patience = Instant::now() + STUCK;
        loop {
            while let Some(event) = self.events.try_next() {
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
            assert!(Instant::now() < patience, "stuck: {what}");
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn hears(&mut self) -> String {
        self.until("a message", |event| match event {
            ChatEvent::MessageReceived(message) if !message.text.is_empty() => Some(message.text),
            _ => None,
        })
    }
}

/// Ann and Bob, and their thread as each has it. Bob's wire can be cut.
fn pair(config: ServerConfig) -> (Service, Proxy, [(User, ChatThreadClient); 2]) {
    let service = Service::with(config);
    let wire = Proxy::to(&service);
    let ann = User::new(&service, &service.server.url(), "ann");
    let mut bob = User::new(&service, &wire.url(), "bob");
    let thread = ann
        .chat
        .create_thread(NewThread::with([identifier("bob")]))
        .wait()
        .unwrap();
    let id = bob.until("the thread", |event| match event {
        ChatEvent::ThreadCreated(created) => Some(created.thread.id),
        _ => None,
    });
    assert_eq!(id, thread.id());
    let bobs = bob.chat.thread(id);
    (service, wire, [(ann, thread), (bob, bobs)])
}

fn send(thread: &ChatThreadClient, text: &str) -> u64 {
    thread.send(OutgoingMessage::text(text)).wait().unwrap()
}

#[test]
fn two_people_chat() {
    let (_service, _wire, [(mut ann, anns), (mut bob, bobs)]) = pair(ServerConfig::default());
    let first = send(&anns, "hello");
    assert_eq!(bob.hears(), "hello");
    bobs.send(OutgoingMessage {
        reply_to: Some(first),
        ..OutgoingMessage::html("<b>yes</b><script>x</script>")
    })
    .wait()
    .unwrap();
    assert_eq!(ann.hears(), "hello");
    assert_eq!(ann.hears(), "<b>yes</b>");
    anns.typing().wait().unwrap();
    let name = bob.until("typing", |event| match event {
        ChatEvent::TypingReceived(typing) => Some(typing.display_name),
        _ => None,
    });
    assert!(!name.is_empty());
    bobs.read(first).wait().unwrap();
    let receipt = ann.until("a receipt", |event| match event {
        ChatEvent::ReadReceiptReceived(receipt) => Some(receipt),
        _ => None,
    });
    assert_eq!((receipt.message, receipt.read_by, receipt.of), (first, 1, 1));
    assert_eq!(anns.read_receipts().wait().unwrap().receipts.len(), 1);
    anns.update_message(first, "hello!", false).wait().unwrap();
    let edited = bob.until("the edit", |event| match event {
        ChatEvent::MessageEdited(message) => Some(message.text),
        _ => None,
    });
    assert_eq!(edited, "hello!");
    bobs.react(first, "👍").wait().unwrap();
    let reacted = anns.message(first).wait().unwrap();
    assert_eq!(
        (reacted.reactions[0].emoji.as_str(), reacted.reactions[0].count),
        ("👍", 1)
    );
    bobs.unreact(first, "👍").wait().unwrap();
    bobs.pin(first, true).wait().unwrap();
    assert!(anns.message(first).wait().unwrap().pinned);
    let update = ThreadUpdate {
        topic: Some("Lunch".into()),
        metadata: None,
    };
    assert_eq!(anns.update(update).wait().unwrap().topic, "Lunch");
    assert_eq!(bobs.properties().wait().unwrap().topic, "Lunch");
    // Files, both ways.
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n as u8).collect();
    let file = anns
        .upload("a plan é.bin", "application/octet-stream", false, bytes.clone())
        .wait()
        .unwrap();
    anns.send(OutgoingMessage {
        attachments: vec![file.id],
        ..OutgoingMessage::default()
    })
    .wait()
    .unwrap();
    let page = bobs.messages(None, 1).wait().unwrap();
    assert_eq!(page.messages[0].attachments[0].name, "a plan é.bin");
    assert_eq!(bobs.download(file.id).wait().unwrap(), bytes);
    // People.
    let added = anns
        .add_participants([identifier("carol")], Some(0))
        .wait()
        .unwrap();
    assert_eq!(added, [identifier("carol")]);
    assert_eq!(anns.participants().wait().unwrap().len(), 3);
    anns.remove_participant(&identifier("carol")).wait().unwrap();
    anns.delete_message(first).wait().unwrap();
    let gone = bob.until("the deletion", |event| match event {
        ChatEvent::MessageDeleted(gone) => Some(gone.id),
        _ => None,
    });
    assert_eq!(gone, first);
    assert_eq!(bob.chat.list_threads().wait().unwrap().len(), 1);
    bob.chat
        .delete_thread(bobs.id(), Some(ThreadDeletion::Leave))
        .wait()
        .unwrap();
    let refused = bobs.send(OutgoingMessage::text("x")).wait().unwrap_err();
    assert!(
        matches!(&refused, Error::Refused(reason) if reason.is(&Reason::NOT_IN_THREAD)),
        "{refused}"
    );
}

#[test]
fn an_outage_within_the_session_loses_nothing_and_doubles_nothing() {
    outage(ServerConfig::default());
}

#[test]
fn an_outage_that_costs_the_session_loses_nothing_and_doubles_nothing() {
    outage(ServerConfig {
        resume_window: Duration::from_millis(50),
        ..ServerConfig::default()
    });
}

fn outage(config: ServerConfig) {
    let (_service, wire, [(_ann, anns), (mut bob, bobs)]) = pair(config);
    send(&anns, "before");
    assert_eq!(bob.hears(), "before");
    wire.cut();
    bob.until("lost", |event| {
        matches!(event, ChatEvent::Disconnected).then_some(())
    });
    let mut expected = Vec::new();
    for n in 0..6 {
        expected.push(format!("meanwhile {n}"));
        send(&anns, &expected[n]);
    }
    // What Bob says meanwhile is sent when the wire is whole again, once.
    let said = bobs.send(OutgoingMessage::text("from the dark"));
    std::thread::sleep(Duration::from_millis(300));
    wire.mend();
    said.wait().unwrap();
    send(&anns, "after");
    expected.push("after".into());
    let mut heard: Vec<String> = (0..expected.len() + 1).map(|_| bob.hears()).collect();
    heard.retain(|text| text != "from the dark");
    assert_eq!(heard, expected);
    let all = bobs.messages(None, 200).wait().unwrap().messages;
    let dark = all.iter().filter(|message| message.text == "from the dark");
    assert_eq!(dark.count(), 1);
}
