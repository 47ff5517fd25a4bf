//! A running service, and what it says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sidetone_sfu::{Config, Event, JoinError, Rights, RoomId, RoomSettings, RoomStats, Sfu};
use tokio::sync::oneshot;

use crate::browser::Browser;

pub struct Service {
    pub sfu: Sfu,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Service {
    pub fn start() -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&events);
        let sfu = Sfu::start(&Config::default(), move |event| said.lock().unwrap().push(event)).unwrap();
        Self { sfu, events }
    }

    pub fn room(&self) -> RoomId {
        self.sfu.open_room(RoomSettings::default()).unwrap()
    }

    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub async fn join(
        &self,
        room: RoomId,
        number: u32,
        offer: &str,
        rights: Rights,
    ) -> Result<String, JoinError> {
        let (answer, answered) = oneshot::channel();
        self.sfu.join(room, number, offer, rights, move |result| {
            let _ = answer.send(result);
        });
        answered.await.unwrap()
    }

    /// Takes a browser's offer, and gives it the answer.
    pub async fn admit(&self, browser: &mut Browser, room: RoomId, number: u32) {
        let offer = browser.post().await;
        assert_eq!(offer.path, "/offer", "{}", offer.body);
        let sdp = offer.body["sdp"].as_str().unwrap();
        let answer = self.join(room, number, sdp, Rights::ALL).await.unwrap();
        offer.answer(&json!({"type": "answer", "sdp": answer})).await;
    }

    pub async fn restart(&self, room: RoomId, number: u32, offer: &str) -> Result<String, JoinError> {
        let (answer, answered) = oneshot::channel();
        self.sfu
            .restart(room, number, offer, move |result| _ = answer.send(result));
        answered.await.unwrap()
    }

    pub async fn stats(&self, room: RoomId) -> RoomStats {
        let (answer, answered) = oneshot::channel();
        let reply = move |stats| _ = answer.send(stats);
        self.sfu.stats(room, reply).unwrap();
        answered.await.unwrap().unwrap()
    }
}

/// Runs a test on the kind of runtime the engine uses.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), test)
            .await
            .expect("it hangs");
    });
}
