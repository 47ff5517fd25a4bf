//! A call out of a thread (L15): between the two who take part, or a group call to which everyone is rung.

use sidetone_signaling::protocol::CallId;
use sidetone_signaling::protocol::meeting::Locator;
use uuid::Uuid;

use super::ChatThreadClient;
use super::http::Request;
use super::rest;
use crate::Identifier;
use crate::call::Call;
use crate::meeting::JoinOptions;
use crate::options::StartCallOptions;
use crate::pending::Pending;

impl ChatThreadClient {
    /// Calls the others. In a thread of two that is a call between them. In one of more it is a group call, to which all
    /// who take part are rung; where one runs already it is joined, which is also how somebody comes to it late. Either
    /// way [`Call::thread`] names this thread at every end.
    ///
    /// # Errors
    /// [`Error::Refused`](crate::Error::Refused) where this user cannot read the thread,
    /// [`Error::Device`](crate::Error::Device), [`Error::Network`](crate::Error::Network). Whatever else the service refuses is the [`Reason`](crate::Reason) the call ends with.
    pub fn call(&self, options: JoinOptions) -> Pending<Call> {
        let (reply, pending) = Pending::new();
        let (agent, thread) = (self.chat.agent().clone(), self.id());
        let who = Request::get(self.path("/participants?limit=3"));
        self.chat.then(who, move |answer| {
            let people = answer.and_then(|answer| answer.json::<rest::Page<rest::Participant>>());
            let people: Vec<Identifier> = match people {
                Ok(page) => page.items.into_iter().map(|one| one.id).collect(),
                Err(error) => return drop(reply.send(Err(error))),
            };
            let me = agent.identity();
            let others: Vec<&Identifier> = people.iter().filter(|one| Some(*one) != me.as_ref()).collect();
            match others[..] {
                [other] => {
                    let options = StartCallOptions {
                        display_name: options.display_name,
                        muted: options.muted,
                        thread: Some(thread),
                        ..StartCallOptions::default()
                    };
                    agent.place(other.clone(), options, reply);
                }
                _ => {
                    let call = CallId(Uuid::new_v4());
                    agent.enter(Locator::Thread { thread, call }, options, reply);
                }
            }
        });
        pending
    }
}
