//! Whom meetings ask: the world as it is at the moment of each question.

use std::sync::Arc;

use sidetone_meeting::{Company, Hall, Located, Naming, People, Secret};
use sidetone_organisation::{Attendee, MeetingId, OrganisationId, World};
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::{Identifier, Reason};

use crate::api::registry::Registry;
use crate::chat::Threads;
use crate::clock::wall_now;

/// Everyone in the registry, and their conversations.
pub(crate) struct WorldPeople(pub(crate) Arc<Registry>, pub(crate) Arc<Threads>);

impl People for WorldPeople {
    fn locate(&self, id: &MeetingId, secret: Secret<'_>) -> Option<Located> {
        self.0.world().locate(id, secret)
    }

    fn find(&self, id: &MeetingId) -> Option<Located> {
        self.0.world().find(id)
    }

    fn naming(&self, id: &MeetingId, identity: &Identifier) -> Naming {
        self.0.world().naming(id, identity)
    }

    fn hall(&self, id: &MeetingId) -> Option<Hall> {
        self.0.world().hall(id)
    }

    fn attendee(
        &self,
        host: &OrganisationId,
        identity: &Identifier,
        wanted: &str,
    ) -> Result<Attendee, Reason> {
        <World as People>::attendee(&self.0.world(), host, identity, wanted)
    }

    fn caller(&self, starter: &Identifier, identity: &Identifier, wanted: &str) -> Attendee {
        self.0.world().caller(starter, identity, wanted)
    }

    fn may_join_group(&self, starter: &Identifier, identity: &Identifier) -> Result<(), Reason> {
        <World as People>::may_join_group(&self.0.world(), starter, identity)
    }

    fn may_add(&self, by: &Identifier, to: &Identifier) -> Result<(), Reason> {
        self.0.world().may_add(by, to)
    }

    fn sees_external(&self, identity: &Identifier) -> bool {
        self.0.world().sees_external(identity)
    }

    fn may_escalate(&self, one: &Identifier, other: &Identifier) -> Result<(), Reason> {
        self.0.world().may_escalate(one, other)
    }

    fn company(&self, by: &Identifier, thread: ThreadId) -> Result<Company, Reason> {
        let (others, topic) = self.1.company(&self.0.world(), wall_now(), by, thread)?;
        Ok(Company { others, topic })
    }

    fn converses(&self, identity: &Identifier, thread: ThreadId) -> bool {
        self.1.has(identity, thread)
    }
}
