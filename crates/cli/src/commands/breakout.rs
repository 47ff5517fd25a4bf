//! The breakout room in which an end is meanwhile, beside the conversation that it follows.

use std::future;

use serde_json::json;
use sidetone::{Call, CallEvent, Events, Reason};

use super::journal::Journal;
use super::{meet, notices};

/// The breakout room, where this end is in one.
#[derive(Default)]
pub struct BreakoutRoom(Option<(Call, Events<CallEvent>)>);

impl BreakoutRoom {
    /// This end goes there, and from the one where it was.
    pub fn enter(&mut self, call: Call, journal: &Journal) {
        if let Some((before, _)) = &self.0 {
            left(before, &Reason::BREAKOUT_MOVED, journal);
        }
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

    /// Tells what happened there. How the meeting goes on is told with it. Whoever `consents` agrees to being recorded.
    pub fn tell(&mut self, event: Option<CallEvent>, consents: bool, journal: &Journal) {
        let Some((call, _)) = &self.0 else { return };
        match event {
            Some(CallEvent::Ended(reason)) => {
                left(call, &reason, journal);
                self.0 = None;
            }
            Some(CallEvent::StateChanged { .. }) => {}
            Some(CallEvent::NoticesChanged(notices)) => {
                if notices.consent_needed && consents {
                    // Over already is as good.
                    let _ = call.consent(true);
                }
                notices::tell(&notices, journal);
            }
            Some(event) => meet::tell(call, &event, journal),
            None => self.0 = None,
        }
    }
}

fn left(call: &Call, reason: &Reason, journal: &Journal) {
    let fields = json!({ "call": call.id(), "code": reason.code, "subcode": reason.subcode });
    journal.event(
        "breakoutRoomLeft",
        &format!("back from the breakout room: {reason}"),
        fields,
    );
}
