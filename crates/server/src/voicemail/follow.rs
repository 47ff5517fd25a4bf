//! What follows from elsewhere: mailboxes of who was deleted are emptied, and who comes online is told of unheard
//! messages. A driver: it follows the store and the switchboard's driver.

use std::sync::Arc;

use async_trait::async_trait;
use sidetone_ledger::Scope;
use sidetone_organisation::{EntityKey, EntityName};
use sidetone_signaling::Identifier;
use sidetone_store::StoreError;
use tokio::sync::{mpsc, watch};

use super::greeting::Greeter;
use super::{Mailboxes, Owner, counts};
use crate::api::registry::Estate;
use crate::clock::wall_now;
use crate::departures::{self, Keeper};
use crate::flag::raised;

/// What the names of those who have something here begin with in the store.
const FOLLOWED: [&str; 2] = ["member.", "organisation."];

/// Empties mailboxes of who was deleted, until `stop` is raised; what was begun then is ended. Looks at everything first:
/// deletions that were cut off are ended too.
pub(crate) async fn follow_departures(mailboxes: Arc<Mailboxes>, stop: watch::Receiver<bool>) {
    departures::follow(&*mailboxes, &*mailboxes.shelf.kv, &FOLLOWED, &stop).await;
}

#[async_trait]
impl Keeper for Mailboxes {
    async fn tidy(&self, stop: &watch::Receiver<bool>) {
        if let Err(error) = self.delete_orphans(stop).await {
            tracing::error!(%error, "mailboxes could not be tidied");
        }
    }

    async fn gone(&self, key: &EntityKey) {
        let done = match key.name() {
            EntityName::Member(organisation, member) => {
                self.forget(&(organisation.clone(), member.clone())).await
            }
            EntityName::Organisation(organisation) => {
                let common = Greeter {
                    organisation: organisation.clone(),
                    member: None,
                };
                self.forget_greeting(&common, wall_now()).await
            }
            _ => Ok(()),
        };
        if let Err(error) = done {
            tracing::error!(%error, "a mailbox of somebody who was deleted could not be emptied");
        }
    }
}

/// Tells those who come online of unheard messages, until `stop` is raised.
pub(crate) async fn follow_openings(
    mailboxes: Arc<Mailboxes>,
    mut opened: mpsc::Receiver<Identifier>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let identity = tokio::select! {
            () = raised(&mut stop) => return,
            next = opened.recv() => match next {
                Some(identity) => identity,
                None => return,
            },
        };
        let Identifier::Member { organisation, user } = identity else {
            continue;
        };
        let owner: Owner = (organisation.into(), user.into());
        match mailboxes.shelf.list(&owner, wall_now()).await {
            Ok(stored) => {
                let counts = counts(&stored, None);
                if counts.unheard > 0 {
                    mailboxes.tell(&owner, counts).await;
                }
            }
            Err(error) => tracing::warn!(%error, "somebody was not told of unheard messages"),
        }
    }
}

/// Nothing of a deleted organisation's is left for a later one of its name.
#[async_trait]
impl Estate for Mailboxes {
    async fn clear(self: Arc<Self>, tenant: &Scope) -> Result<(), StoreError> {
        let Scope::Organisation(organisation) = tenant else {
            return Ok(());
        };
        let _changing = self.changing.lock().await;
        let now = wall_now();
        for (owner, stored) in self.shelf.all(now).await? {
            if owner.0 == *organisation {
                self.shelf.delete(&owner, stored, now).await?;
            }
        }
        for greeter in self.greeters(now).await? {
            if greeter.organisation == *organisation {
                self.forget_greeting(&greeter, now).await?;
            }
        }
        Ok(())
    }
}

impl Mailboxes {
    /// Deletes everything in a mailbox.
    async fn forget(&self, owner: &Owner) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let now = wall_now();
        for stored in self.shelf.list(owner, now).await? {
            self.shelf.delete(owner, stored, now).await?;
        }
        let own = Greeter {
            organisation: owner.0.clone(),
            member: Some(owner.1.clone()),
        };
        self.forget_greeting(&own, now).await
    }

    /// Ends deletions that were cut off, and deletes what is of nobody.
    async fn delete_orphans(&self, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        let _changing = self.changing.lock().await;
        let now = wall_now();
        for (owner, stored) in self.shelf.all(now).await? {
            if *stop.borrow() {
                return Ok(());
            }
            let owned = self.registry.world().member(&owner.0, &owner.1).is_some();
            if stored.is_gone() || !owned {
                self.shelf.delete(&owner, stored, now).await?;
            }
        }
        for greeter in self.greeters(now).await? {
            let there = {
                let world = self.registry.world();
                match &greeter.member {
                    Some(member) => world.member(&greeter.organisation, member).is_some(),
                    None => world.organisation(&greeter.organisation).is_some(),
                }
            };
            if !there {
                self.forget_greeting(&greeter, now).await?;
            }
        }
        Ok(())
    }
}
