//! Breakout rooms: each is a call of its own, and the meeting of which it is waits on hold until it is over here.

use super::Agent;
use crate::call::ClientCall;
use crate::meeting::ClientMeeting;
use crate::protocol::CallId;
use crate::protocol::meeting::News;

impl Agent {
    /// The breakout rooms among what is told of a meeting: one that could not be joined is over as well.
    pub(super) fn note_breakouts(&mut self, main: CallId, news: &News) {
        match news {
            News::Several(several) => several.iter().for_each(|one| self.note_breakouts(main, one)),
            News::Breakout(breakout) => {
                if let Some(call) = breakout.call {
                    self.breakouts.insert(call, main);
                }
            }
            News::GoToBreakout(go) => drop(self.breakouts.insert(go.call, main)),
            _ => {}
        }
    }

    /// Whoever comes back from a breakout room goes on in the meeting, unless they are elsewhere by now.
    pub(super) fn back_from(&mut self, over: CallId) {
        self.breakouts.retain(|_, main| *main != over);
        let Some(main) = self.breakouts.remove(&over) else {
            return;
        };
        let goes_on = |(call, meeting): (&CallId, &ClientMeeting)| *call != main && !meeting.is_held();
        let elsewhere = self.meetings.iter().any(goes_on) || self.calls.values().any(ClientCall::can_hold);
        if !elsewhere {
            self.in_meeting(main, |meeting| meeting.hold(false));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use uuid::Uuid;

    use super::*;
    use crate::agent::{AgentConfig, MediaEvent};
    use crate::end_reason::Reason;
    use crate::protocol::LegId;
    use crate::protocol::meeting::{GoToBreakout, Joined, Kind, Locator, ParticipantId, Passage, Role};

    const MAIN: CallId = CallId(Uuid::from_u128(1));
    const RED: CallId = CallId(Uuid::from_u128(2));
    const BLUE: CallId = CallId(Uuid::from_u128(3));

    fn joined(call: CallId) -> Joined {
        Joined {
            call,
            participant: ParticipantId(1),
            passage: Passage::Connected,
            answer: String::new(),
            kind: Kind::Meeting,
            subject: String::new(),
            link: None,
            thread: None,
            breakout_of: (call != MAIN).then_some(MAIN),
            display_name: String::new(),
            role: Role::Attendee,
            capabilities: Default::default(),
        }
    }

    struct Bench {
        agent: Agent,
        now: Instant,
    }

    impl Bench {
        fn join(&mut self, call: CallId) {
            self.agent.join(call, Locator::Call(call), None, false, self.now);
            self.agent.settle(self.now);
        }

        fn joins(&mut self, call: CallId) {
            self.join(call);
            let offer = MediaEvent::LocalDescription { sdp: "offer".into() };
            let (leg, now) = (LegId(1 << 31), self.now);
            self.agent
                .in_meeting(call, |meeting| meeting.handle_media(leg, offer, now));
            let answer = serde_json::to_value(joined(call)).map_err(|_| Reason::SETUP_TIMEOUT);
            self.agent.join_answered(call, answer, self.now);
            self.agent.settle(self.now);
        }

        fn ends(&mut self, call: CallId, reason: Reason) {
            self.agent.in_meeting(call, |meeting| meeting.ended(reason));
            self.agent.settle(self.now);
        }

        fn held(&self) -> bool {
            self.agent.meetings[&MAIN].is_held()
        }
    }

    fn in_the_meeting() -> Bench {
        let now = Instant::now();
        let agent = Agent::new(AgentConfig::new("token"), now);
        let mut bench = Bench { agent, now };
        bench.joins(MAIN);
        assert!(!bench.held());
        bench
    }

    #[test]
    fn the_meeting_waits_on_hold_and_goes_on_when_the_room_is_over() {
        let mut bench = in_the_meeting();
        bench.joins(RED);
        assert!(bench.held());
        // Moved: the one room is over when this end is in the other.
        bench.joins(BLUE);
        bench.ends(RED, Reason::BREAKOUT_MOVED);
        assert!(bench.held());
        bench.ends(BLUE, Reason::BREAKOUT_CLOSED);
        assert!(!bench.held());
        // The end of an ordinary call changes nothing.
        let other = CallId(Uuid::from_u128(9));
        bench.join(other);
        bench.ends(other, Reason::HUNG_UP);
        assert!(bench.held());
    }

    #[test]
    fn a_room_that_cannot_be_joined_is_over_as_well() {
        let mut bench = in_the_meeting();
        let go = News::GoToBreakout(GoToBreakout { id: 1, call: RED });
        bench.agent.note_breakouts(MAIN, &News::Several(vec![go]));
        bench.join(RED);
        assert!(bench.held());
        bench.ends(RED, Reason::BREAKOUT_CLOSED);
        assert!(!bench.held());
        bench.ends(MAIN, Reason::HUNG_UP);
        assert!(bench.agent.breakouts.is_empty());
    }
}
