//! Real-time text: what somebody writes is read as it is typed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sidetone_signaling::protocol::meeting::{Act, ParticipantId, Type};

use crate::call::Call;
use crate::pending::Pending;

/// A line as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedLine {
    /// Who writes it.
    pub participant: ParticipantId,
    /// The writer's number of it. A higher one is a later line.
    pub line: u32,
    /// What it says.
    pub text: String,
    /// It changes no more.
    pub is_final: bool,
}

/// What this end writes.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    /// The number of the line, from 1 on.
    line: u32,
    open: bool,
    /// What the service has of it, as far as is known.
    told: String,
}

fn lock(writing: &Mutex<Writing>) -> MutexGuard<'_, Writing> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writing that others read as it is typed. Not kept anywhere. See [`Call::real_time_text`].
#[derive(Clone, Debug)]
pub struct RealTimeTextFeature(Call);

impl RealTimeTextFeature {
    /// What the line says now: call it whenever that is different, though not more often than every 300 ms (RFC 4103
    /// section 5.1). Only the difference is sent. Others are told by
    /// [`EngagementEvent::LineTyped`](crate::EngagementEvent::LineTyped).
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where it is not allowed, too long (4 KiB) or comes too fast. The next
    /// time the whole line is sent.
    pub fn set_line(&self, text: &str) -> Pending<()> {
        self.write(text, false)
    }

    /// The line is finished, and says this. The next one is a new line.
    ///
    /// # Errors
    /// As of [`RealTimeTextFeature::set_line`].
    pub fn finish_line(&self, text: &str) -> Pending<()> {
        self.write(text, true)
    }

    /// The lines of others that are not finished.
    pub fn lines(&self) -> Vec<TypedLine> {
        let lines = self.0.in_meeting(|meeting| {
            let lines = meeting.together.lines.iter();
            let line = lines.map(|(participant, (line, text))| TypedLine {
                participant: *participant,
                line: *line,
                text: text.clone(),
                is_final: false,
            });
            line.collect()
        });
        lines.unwrap_or_default()
    }

    fn write(&self, text: &str, last: bool) -> Pending<()> {
        let writing: Arc<Mutex<Writing>> = self
            .0
            .in_meeting(|meeting| meeting.together.writing.clone())
            .unwrap_or_default();
        // Held until it is sent: what is between two lines is so only in their order.
        let mut now = lock(&writing);
        if !std::mem::replace(&mut now.open, !last) {
            now.line += 1;
            now.told.clear();
        }
        let typed = Type::between(now.line, &now.told, text, last);
        text.clone_into(&mut now.told);
        let line = now.line;
        let known = writing.clone();
        let pending = self.0.engage_then(Act::Type(typed), move |answer| {
            let mut known = lock(&known);
            if answer.is_err() && known.line == line {
                // It is not known what the service has: begin the line again.
                known.told.clear();
            }
            answer.map(drop)
        });
        drop(now);
        pending
    }
}

impl Call {
    /// Writing that others read as it is typed.
    pub fn real_time_text(&self) -> RealTimeTextFeature {
        RealTimeTextFeature(self.clone())
    }
}
