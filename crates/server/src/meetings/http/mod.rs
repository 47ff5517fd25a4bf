//! The addresses of meetings.

mod breakouts;
mod conduct;
mod meetings;
mod minutes;
mod shown;

use std::sync::Arc;

use sidetone_organisation::access::Operation;
use sidetone_organisation::{Meeting, MeetingId, MemberId, OrganisationId};
use sidetone_signaling::Identifier;
use tokio::sync::{mpsc, oneshot};
use utoipa_axum::router::OpenApiRouter;

use super::attendance::Attendance;
use crate::api::problem::{Problem, ProblemType};
use crate::api::registry::Registry;
use crate::driver::Input;

/// What the handlers share.
pub(crate) struct Desk {
    pub(crate) registry: Arc<Registry>,
    pub(crate) attendance: Arc<Attendance>,
    /// Weak: the driver ends when nobody can reach it any more, and this must not keep it.
    pub(crate) inputs: mpsc::WeakSender<Input>,
    /// What links begin with.
    pub(crate) link_base: String,
}

/// All of them.
pub(crate) fn router(desk: Arc<Desk>) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(meetings::router())
        .merge(conduct::router())
        .merge(breakouts::router())
        .merge(minutes::router())
        .with_state(desk)
}

impl Desk {
    /// Asks the driver for something.
    async fn ask<T>(&self, input: impl FnOnce(oneshot::Sender<T>) -> Input) -> Result<T, Problem> {
        let gone = || Problem::new(ProblemType::UNAVAILABLE, "the service is stopping");
        let inputs = self.inputs.upgrade().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        inputs.send(input(reply)).await.map_err(|_| gone())?;
        drop(inputs);
        answer.await.map_err(|_| gone())
    }

    /// The meeting of that number, which a stranger cannot tell from one that is not there.
    fn meeting(&self, name: &(OrganisationId, MeetingId)) -> Option<Meeting> {
        self.registry.world().meeting(&name.0, &name.1).cloned()
    }

    /// Reading it: by whoever was named in it.
    fn reading(&self, name: &(OrganisationId, MeetingId)) -> Operation {
        let named = self.meeting(name).map(|meeting| named(&meeting, &name.0, true));
        Operation::ReadMeeting(name.0.clone(), named.unwrap_or_default())
    }

    /// Conducting it: by whoever organises it.
    fn conducting(&self, name: &(OrganisationId, MeetingId)) -> Operation {
        let named = self.meeting(name).map(|meeting| named(&meeting, &name.0, false));
        Operation::ConductMeeting(name.0.clone(), named.unwrap_or_default())
    }
}

/// The members of the organisation that are named in a meeting: all, or those who organise it.
fn named(meeting: &Meeting, organisation: &OrganisationId, all: bool) -> Vec<MemberId> {
    let others = meeting
        .presenters
        .iter()
        .chain(&meeting.attendees)
        .filter(|_| all);
    let members = meeting
        .co_organisers
        .iter()
        .chain(others)
        .filter_map(|identity| match identity {
            Identifier::Member {
                organisation: of,
                user,
            } if of == organisation.label() => Some(user.clone().into()),
            _ => None,
        });
    std::iter::once(meeting.organiser.clone())
        .chain(members)
        .collect()
}
