//! The breakout room in which an end is meanwhile, beside the conversation that it follows.

use std::future;

use serde_json::json;
use sidetone::{Call, CallEvent, Events};

use super::journal::Journal;
use super::meet;

/// The breakout room, where this end is in one.
#[derive(Default)]
pub struct BreakoutRoom(Option<(Call, Events<CallEvent>)>);

impl BreakoutRoom {
    /// This end goes there.
    pub fn enter(&mut self, call: Call) {
        let events = call.events();
        self.0 = Some((call, events));
    }

    /// What happens there next. For ever, where this end is in none.
    pub async fn next(&mut self) -> Option<CallEvent> {
        match &mut self.0 {
            Some((_, events)) => events.recv().await,
            None => future::pending().await,
        }
    }

    /// Tells what happened there. How the meeting goes on is told with it.
    pub fn tell(&mut self, event: Option<CallEvent>, journal: &Journal) {
        let Some((call, _)) = &self.0 else { return };
        match event {
            Some(CallEvent::Ended(reason)) => {
                let fields = json!({ "call": call.id(), "code": reason.code, "subcode": reason.subcode });
                journal.event(
                    "breakoutRoomLeft",
                    &format!("back from the breakout room: {reason}"),
                    fields,
                );
                self.0 = None;
            }
            Some(CallEvent::StateChanged { .. }) => {}
            Some(event) => meet::tell(call, &event, journal),
            None => self.0 = None,
        }
    }
}
