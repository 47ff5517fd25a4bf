//! Who was deleted takes part in nothing any more: a later member of the same id must not find the chats of the former.

use std::sync::Arc;

use async_trait::async_trait;
use sidetone_ledger::Scope;
use sidetone_organisation::{EntityKey, EntityName};
use sidetone_signaling::Identifier;
use sidetone_store::StoreError;
use tokio::sync::watch;

use super::Chats;
use crate::api::caller::Actor;
use crate::api::registry::Estate;
use crate::departures::{self, Keeper};

/// What the names of those who may take part begin with in the store.
const FOLLOWED: [&str; 3] = ["member.", "external-user.", "application."];

/// Takes those who are deleted out of their threads, until `stop` is raised. Looks at everything first.
pub(crate) async fn follow_departures(chats: Arc<Chats>, stop: watch::Receiver<bool>) {
    departures::follow(&chats, &*chats.shelf.kv, &FOLLOWED, &stop).await;
}

#[async_trait]
impl Keeper for Arc<Chats> {
    /// Takes out who is not there any more.
    async fn tidy(&self, stop: &watch::Receiver<bool>) {
        for who in self.threads.everybody() {
            if *stop.borrow() {
                return;
            }
            if !self.registry.world().knows(&who) {
                self.expel(&who).await;
            }
        }
    }

    async fn gone(&self, key: &EntityKey) {
        if let Some(who) = identity(key) {
            self.expel(&who).await;
        }
    }
}

fn identity(key: &EntityKey) -> Option<Identifier> {
    Some(match key.name() {
        EntityName::Member(organisation, member) => Identifier::Member {
            organisation: organisation.clone().into(),
            user: member.clone().into(),
        },
        EntityName::Application(organisation, application) => Identifier::Application {
            organisation: organisation.clone().into(),
            application: application.clone().into(),
        },
        EntityName::ExternalUser(resource, user) => Identifier::ExternalUser {
            resource: resource.clone().into(),
            user: user.clone(),
        },
        _ => return None,
    })
}

impl Chats {
    /// Takes somebody out of every thread. Nothing of it is shown to them again.
    async fn expel(self: &Arc<Self>, who: &Identifier) {
        for entry in self.threads.of(who) {
            let expelled = self
                .change(&Actor::Service, entry.id, |thread, context| {
                    Ok(thread.expel(context, who))
                })
                .await;
            if let Err(problem) = expelled {
                let why = problem.detail();
                tracing::error!(thread = %entry.id, why, "somebody who was deleted could not be taken out of a thread");
            }
        }
    }
}

/// Nothing of a deleted tenant's is left for a later one of its name.
#[async_trait]
impl Estate for Chats {
    async fn clear(self: Arc<Self>, tenant: &Scope) -> Result<(), StoreError> {
        for entry in self.threads.all() {
            let (own, theirs) = {
                let thread = entry.read();
                let own = match tenant {
                    Scope::Organisation(id) => thread.record().home.organisation.as_ref() == Some(id),
                    Scope::Resource(_) => false,
                };
                let theirs: Vec<Identifier> = thread
                    .people()
                    .map(|one| one.identity.clone())
                    .filter(|who| is_of(who, tenant))
                    .collect();
                (own, theirs)
            };
            if own {
                self.erase(entry.id).await?;
                continue;
            }
            for who in theirs {
                self.expel(&who).await;
            }
        }
        Ok(())
    }
}

impl Chats {
    /// Deletes all of a thread.
    async fn erase(
        self: &Arc<Self>,
        id: sidetone_signaling::protocol::chat::ThreadId,
    ) -> Result<(), StoreError> {
        // Gone meanwhile.
        while let Ok((entry, changing)) = self.enter(id).await {
            let plan = entry.read().everything();
            if self.done(&Actor::Service, &entry, plan, changing).await.is_err() {
                return Err(StoreError::Storage {
                    message: "a chat could not be deleted".into(),
                });
            }
        }
        Ok(())
    }
}

fn is_of(who: &Identifier, tenant: &Scope) -> bool {
    match (who, tenant) {
        (
            Identifier::Member { organisation, .. } | Identifier::Application { organisation, .. },
            Scope::Organisation(id),
        ) => organisation == id.label(),
        (Identifier::ExternalUser { resource, .. }, Scope::Resource(id)) => resource == id.label(),
        _ => false,
    }
}
