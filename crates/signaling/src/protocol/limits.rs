//! How much a peer may send. Each limit has its own refusal.

use super::meeting::{Join, Locator};
use super::{Candidates, Open, Request, SessionDescription, Start};
use crate::end_reason::Reason;

/// Bounds on what one client may send and hold. More of any costs the server memory for each client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest frame, in bytes. The WebSocket layer should refuse longer ones before they are read.
    pub frame: usize,
    /// Longest token, in bytes.
    pub token: usize,
    /// Longest display name, in bytes.
    pub display_name: usize,
    /// Longest free text of a call, in bytes.
    pub context: usize,
    /// Longest session description, in bytes.
    pub description: usize,
    /// Longest candidate line, in bytes.
    pub candidate: usize,
    /// Most candidates of one end of a leg, in one ICE generation.
    pub candidates: usize,
    /// Most objects in each list of a report.
    pub report: usize,
    /// Longest text of a meeting's locator, in bytes.
    pub locator: usize,
    /// Most people rung at once, when a group call begins.
    pub invitations: usize,
    /// Requests a second, sustained. A burst may be four times that.
    pub requests_per_second: u32,
    /// Most sessions of one identity.
    pub sessions_per_identity: usize,
    /// Most sessions in all.
    pub sessions: usize,
    /// Most calls of one endpoint at a time.
    pub calls_per_session: usize,
    /// Most legs of a call that ring at a time.
    pub legs: usize,
    /// Legs that bring up media while ringing. More answer faster on more devices, and cost the caller a
    /// connection each.
    pub warm_legs: usize,
    /// Events kept for a client that does not acknowledge them.
    pub unacknowledged_events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 64 * 1024,
            token: 8 * 1024,
            display_name: 256,
            context: 4 * 1024,
            description: 48 * 1024,
            candidate: 512,
            candidates: 64,
            report: 64,
            locator: 512,
            invitations: 64,
            requests_per_second: 50,
            sessions_per_identity: 16,
            sessions: 100_000,
            calls_per_session: 8,
            legs: 16,
            warm_legs: 4,
            unacknowledged_events: 512,
        }
    }
}

/// Requests without a response that a client may have under way; the server remembers that many responses.
pub(crate) const REQUEST_WINDOW: u64 = 64;

impl Limits {
    /// Checks the lengths within a request.
    ///
    /// # Errors
    /// The refusal to send.
    pub fn check(&self, request: &Request) -> Result<(), Reason> {
        let text = |text: &str, limit: usize| {
            if text.len() > limit {
                Err(Reason::TEXT_TOO_LONG)
            } else {
                Ok(())
            }
        };
        let optional =
            |value: &Option<String>, limit| value.as_deref().map_or(Ok(()), |value| text(value, limit));
        match request {
            Request::Open(Open {
                token, display_name, ..
            }) => {
                text(token, self.token)?;
                optional(display_name, self.display_name)
            }
            Request::Refresh(refresh) => text(&refresh.token, self.token),
            Request::Resume(resume) => text(&resume.resume_token, self.token),
            Request::Start(Start {
                display_name,
                context,
                ..
            }) => {
                optional(display_name, self.display_name)?;
                optional(context, self.context)
            }
            Request::Description(SessionDescription { sdp, .. }) if sdp.len() > self.description => {
                Err(Reason::DESCRIPTION_TOO_LARGE)
            }
            Request::Candidates(Candidates { candidates, .. }) => {
                if candidates.len() > self.candidates {
                    return Err(Reason::TOO_MANY_CANDIDATES);
                }
                candidates.iter().try_for_each(|line| {
                    text(&line.candidate, self.candidate)?;
                    text(&line.mid, 64)?;
                    text(&line.username_fragment, 256)
                })
            }
            Request::MeetingJoin(join) => self.join(join),
            Request::MeetingRestart(restart) if restart.offer.len() > self.description => {
                Err(Reason::DESCRIPTION_TOO_LARGE)
            }
            Request::Watch(watch) if !watch.is_sound() => Err(Reason::BAD_PARAMETERS),
            Request::MeetingWatch(watch) if !watch.is_sound() => Err(Reason::BAD_PARAMETERS),
            Request::Report(report) if report.longest() > self.report => Err(Reason::BAD_PARAMETERS),
            _ => Ok(()),
        }
    }

    fn join(&self, join: &Join) -> Result<(), Reason> {
        let texts = match &join.locator {
            Locator::Link(link) => [link.len(), 0],
            Locator::Meeting { id, passcode } => [id.len(), passcode.len()],
            Locator::Group { invite, .. } if invite.len() > self.invitations => {
                return Err(Reason::TOO_MANY_INVITATIONS);
            }
            Locator::Call(_) | Locator::Group { .. } | Locator::Thread { .. } => [0, 0],
        };
        let name = join.display_name.as_deref().unwrap_or_default();
        if texts.into_iter().any(|length| length > self.locator) || name.len() > self.display_name {
            return Err(Reason::TEXT_TOO_LONG);
        }
        if join.offer.len() > self.description {
            return Err(Reason::DESCRIPTION_TOO_LARGE);
        }
        Ok(())
    }
}
