//! Events that a client has not acknowledged yet, so that they can be sent again after a lost socket.

use std::collections::VecDeque;

use crate::protocol::ServerFrame;

/// The events of one session, as frames ready to send.
#[derive(Debug)]
pub(super) struct EventLog {
    /// Sequence number of the newest event, 0 for none.
    newest: u64,
    frames: VecDeque<String>,
    capacity: usize,
}

/// The client acknowledges too little.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl EventLog {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            newest: 0,
            frames: VecDeque::new(),
            capacity,
        }
    }

    /// Whether half of what it holds waits for an acknowledgement.
    pub(super) fn is_half_full(&self) -> bool {
        self.frames.len() * 2 >= self.capacity
    }

    /// Numbers an event, whose body is written already, keeps it, and gives its frame.
    pub(super) fn push(&mut self, body: &str) -> Result<&str, Full> {
        if self.frames.len() >= self.capacity {
            return Err(Full);
        }
        self.newest += 1;
        self.frames
            .push_back(ServerFrame::numbered_event(self.newest, body));
        Ok(self.frames.back().map_or("", String::as_str))
    }

    /// Forgets events up to `seq`. A number that was never given means all of them.
    pub(super) fn acknowledge(&mut self, seq: u64) {
        let forgotten = seq.min(self.newest).saturating_sub(self.forgotten());
        self.frames
            .drain(..usize::try_from(forgotten).unwrap_or(0).min(self.frames.len()));
    }

    /// The frames after `seq`, or `None` where some of them are forgotten or `seq` was never given.
    pub(super) fn after(&self, seq: u64) -> Option<impl ExactSizeIterator<Item = &str>> {
        if seq > self.newest {
            return None;
        }
        let skip = usize::try_from(seq.checked_sub(self.forgotten())?).ok()?;
        Some(self.frames.range(skip..).map(String::as_str))
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    fn forgotten(&self) -> u64 {
        self.newest - self.frames.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{CallId, Event, Ringing};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn event() -> String {
        ServerFrame::event_body(&Event::Ringing(Ringing {
            call: CallId(Uuid::nil()),
        }))
    }

    #[test]
    fn a_full_log_refuses() {
        let mut log = EventLog::new(2);
        assert!(!log.is_half_full());
        assert!(log.push(&event()).is_ok());
        assert!(log.is_half_full());
        assert!(log.push(&event()).is_ok());
        assert_eq!(log.push(&event()), Err(Full));
        log.acknowledge(1);
        assert!(log.push(&event()).is_ok());
    }

    proptest! {
        /// Whatever is pushed and acknowledged, what comes after a number is all that was not acknowledged.
        #[test]
        fn replays_exactly_what_was_not_seen(steps in prop::collection::vec((any::<bool>(), 0_u64..40), 1..80)) {
            let mut log = EventLog::new(1000);
            let (mut newest, mut acked) = (0_u64, 0_u64);
            for (push, seq) in steps {
                if push {
                    newest += 1;
                    let numbered = log.push(&event()).unwrap().contains(&format!("\"seq\":{newest},"));
                    prop_assert!(numbered);
                } else {
                    log.acknowledge(seq);
                    acked = acked.max(seq.min(newest));
                }
                match log.after(seq) {
                    Some(frames) => prop_assert_eq!(frames.len() as u64, newest - seq),
                    None => prop_assert!(seq > newest || seq < acked),
                }
                prop_assert_eq!(log.len() as u64, newest - acked);
            }
        }
    }
}
