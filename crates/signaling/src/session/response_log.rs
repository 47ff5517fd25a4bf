//! Responses that a client may not have got, so that a request sent twice is carried out once.

use std::collections::VecDeque;

use crate::protocol::REQUEST_WINDOW;

/// The last responses of one session.
#[derive(Debug, Default)]
pub(super) struct ResponseLog {
    newest: u64,
    frames: VecDeque<(u64, String)>,
}

/// What is known of a request id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen<'a> {
    /// Never seen: carry it out.
    New,
    /// Answered before, like this.
    Answered(&'a str),
    /// Seen before, and the response is not kept (any longer, or yet).
    Stale,
}

impl ResponseLog {
    pub(super) fn look_up(&self, id: u64) -> Seen<'_> {
        if id > self.newest {
            return Seen::New;
        }
        let found = self.frames.iter().find(|(known, _)| *known == id);
        found.map_or(Seen::Stale, |(_, frame)| Seen::Answered(frame))
    }

    /// Marks an id as seen, before its response is there.
    pub(super) fn begin(&mut self, id: u64) {
        self.newest = self.newest.max(id);
    }

    pub(super) fn record(&mut self, id: u64, frame: String) {
        self.begin(id);
        if self.frames.len() as u64 >= REQUEST_WINDOW {
            self.frames.pop_front();
        }
        self.frames.push_back((id, frame));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_gets_the_same_answer() {
        let mut log = ResponseLog::default();
        assert_eq!(log.look_up(1), Seen::New);
        log.begin(1);
        assert_eq!(log.look_up(1), Seen::Stale);
        log.record(1, "yes".into());
        assert_eq!(log.look_up(1), Seen::Answered("yes"));
        for id in 2..=REQUEST_WINDOW + 1 {
            log.record(id, String::new());
        }
        assert_eq!(log.look_up(1), Seen::Stale);
        assert_eq!(log.look_up(0), Seen::Stale);
        assert_eq!(log.look_up(REQUEST_WINDOW + 2), Seen::New);
    }
}
