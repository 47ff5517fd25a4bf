//! The SDK in an executor that is not tokio, in tokio, and in none.

use futures_util::StreamExt;
use sidetone::{
    AcceptOptions, AgentEvent, AudioInput, AudioOutput, CallAgent, CallClient, CallEvent, CallState,
    Credential, Reason, StartCallOptions,
};

use crate::support::{Service, identifier, plain};

fn silent() -> CallClient {
    let client = CallClient::new().unwrap();
    client.device_manager().select_microphone(AudioInput::Silence);
    client.device_manager().select_speaker(AudioOutput::Null);
    client
}

/// A whole call, written as async code that knows no runtime.
async fn whole_call(url: String, tokens: [String; 2]) -> Reason {
    let (one, two) = (silent(), silent());
    let [ann, bob] = tokens;
    let ann = one
        .create_call_agent(&url, Credential::new(ann), plain())
        .await
        .unwrap();
    let bob = two
        .create_call_agent(&url, Credential::new(bob), plain())
        .await
        .unwrap();
    let answering = answer(bob.clone());
    let calling = async {
        let call = ann
            .start_call(identifier("bob"), StartCallOptions::default())
            .await
            .unwrap();
        let mut events = call.events();
        while call.state() != CallState::Connected {
            events.next().await.expect("no end before it is connected");
        }
        call.stats().await.unwrap();
        call.hang_up().unwrap();
        call
    };
    let (call, reason) = futures_util::join!(calling, answering);
    ann.dispose().await.unwrap();
    bob.dispose().await.unwrap();
    assert_eq!(call.end_reason(), Some(Reason::HUNG_UP));
    reason
}

async fn answer(bob: CallAgent) -> Reason {
    let mut events = bob.events();
    loop {
        if let AgentEvent::IncomingCall(ringing) = events.next().await.unwrap() {
            let mut events = ringing.events();
            ringing.accept(AcceptOptions::default()).await.unwrap();
            loop {
                if let CallEvent::Ended(reason) = events.next().await.unwrap() {
                    return reason;
                }
            }
        }
    }
}

fn tokens(service: &Service) -> [String; 2] {
    [service.token("ann"), service.token("bob")]
}

#[test]
fn in_an_executor_of_another_make() {
    let service = Service::start();
    let reason = pollster::block_on(whole_call(service.server.url(), tokens(&service)));
    assert_eq!(reason, Reason::HUNG_UP);
}

#[test]
fn in_tokio() {
    let service = Service::start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let whole = whole_call(service.server.url(), tokens(&service));
    let reason = runtime.block_on(async { tokio::spawn(whole).await.unwrap() });
    assert_eq!(reason, Reason::HUNG_UP);
}

#[test]
fn on_plain_threads() {
    let service = Service::start();
    let (url, [ann, bob]) = (service.server.url(), tokens(&service));
    let (one, two) = (silent(), silent());
    let ann = one
        .create_call_agent(&url, Credential::new(ann), plain())
        .wait()
        .unwrap();
    let bob = two
        .create_call_agent(&url, Credential::new(bob), plain())
        .wait()
        .unwrap();
    let events = bob.events();
    let answering = std::thread::spawn(move || {
        for event in events {
            if let AgentEvent::IncomingCall(ringing) = event {
                let events = ringing.events();
                ringing.accept(AcceptOptions::default()).wait().unwrap();
                return events.into_iter().last();
            }
        }
        None
    });
    let call = ann
        .start_call(identifier("bob"), StartCallOptions::default())
        .wait()
        .unwrap();
    let mut events = call.events();
    while call.state() != CallState::Connected {
        events.wait().expect("no end before it is connected");
    }
    call.hang_up().unwrap();
    assert_eq!(answering.join().unwrap(), Some(CallEvent::Ended(Reason::HUNG_UP)));
    assert_eq!(events.into_iter().last(), Some(CallEvent::Ended(Reason::HUNG_UP)));
}
