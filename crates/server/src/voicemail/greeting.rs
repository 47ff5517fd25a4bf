//! What callers are greeted with: the member's own greeting, or the organisation's. One value each, so that a greeting
//! is there whole or not at all.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sidetone_organisation::{MemberId, OrganisationId};
use sidetone_store::{Key, StoreError, WallTime};

use super::shelf::{delete_any, escape, part, put_over};
use super::{Mailboxes, sound};
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Actor;
use crate::api::problem::{Problem, ProblemType};

/// Longest greeting, in bytes: about a minute and a half.
pub(super) const MAX_GREETING_BYTES: usize = 384 * 1024;

/// What the keys of all greetings begin with, and those that say that there is one.
const GREETINGS: &str = "voicemail.greeting.";
const MARKS: &str = "voicemail.greeted.";

/// Whose greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Greeter {
    pub(super) organisation: OrganisationId,
    /// Of all who have none of their own, where absent.
    pub(super) member: Option<MemberId>,
}

impl Greeter {
    fn part(&self) -> String {
        match &self.member {
            Some(member) => format!("member.{}", part(&(self.organisation.clone(), member.clone()))),
            None => format!("organisation.{}", escape(self.organisation.as_str())),
        }
    }

    fn key(&self) -> Result<Key, StoreError> {
        Key::new(format!("{GREETINGS}{}", self.part()))
    }

    fn mark(&self) -> Result<Key, StoreError> {
        Key::new(format!("{MARKS}{}", self.part()))
    }
}

impl Mailboxes {
    /// A greeting.
    ///
    /// # Errors
    /// No such member or greeting; the store.
    pub(super) async fn greeting(&self, whose: &Greeter, now: WallTime) -> Result<Bytes, Problem> {
        self.greets(whose)?;
        let entry = self.shelf.kv.get(&whose.key()?, now).await?;
        let entry = entry.ok_or_else(|| Problem::not_found("greeting"))?;
        Ok(entry.value)
    }

    /// Sets a greeting.
    ///
    /// # Errors
    /// No such member; a sound that is none or too long; the store.
    pub(super) async fn set_greeting(
        &self,
        actor: &Actor,
        whose: &Greeter,
        bytes: Bytes,
        now: WallTime,
    ) -> Result<(), Problem> {
        self.greets(whose)?;
        sound::check(&bytes)?;
        let _changing = self.changing.lock().await;
        self.audit_greeting(actor, "voicemail.greeting.set", whose, now)
            .await?;
        // First: it is found, and deleted, by its mark.
        let mark = serde_json::to_vec(whose)
            .map_err(|_| Problem::new(ProblemType::INTERNAL, "the greeting cannot be marked"))?;
        let kv = &*self.shelf.kv;
        put_over(kv, &whose.mark()?, mark.into(), None, now).await?;
        put_over(kv, &whose.key()?, bytes, None, now).await?;
        Ok(())
    }

    /// Deletes a greeting.
    ///
    /// # Errors
    /// No such member or greeting; the store.
    pub(super) async fn delete_greeting(
        &self,
        actor: &Actor,
        whose: &Greeter,
        now: WallTime,
    ) -> Result<(), Problem> {
        self.greets(whose)?;
        let _changing = self.changing.lock().await;
        if self.shelf.kv.get(&whose.key()?, now).await?.is_none() {
            return Err(Problem::not_found("greeting"));
        }
        self.audit_greeting(actor, "voicemail.greeting.delete", whose, now)
            .await?;
        Ok(self.forget_greeting(whose, now).await?)
    }

    /// Deletes a greeting of somebody who may be gone.
    pub(super) async fn forget_greeting(&self, whose: &Greeter, now: WallTime) -> Result<(), StoreError> {
        delete_any(&*self.shelf.kv, &whose.key()?, now).await?;
        delete_any(&*self.shelf.kv, &whose.mark()?, now).await
    }

    /// Everybody who has a greeting.
    pub(super) async fn greeters(&self, now: WallTime) -> Result<Vec<Greeter>, StoreError> {
        let marks = self.shelf.kv.list(MARKS, now).await?;
        let greeters = marks.iter().map(|mark| serde_json::from_slice(&mark.value));
        Ok(greeters.filter_map(Result::ok).collect())
    }

    fn greets(&self, whose: &Greeter) -> Result<(), Problem> {
        let world = self.registry.world();
        let (found, what) = match &whose.member {
            Some(member) => (world.member(&whose.organisation, member).is_some(), "member"),
            None => (world.organisation(&whose.organisation).is_some(), "organisation"),
        };
        found.then_some(()).ok_or_else(|| Problem::not_found(what))
    }

    async fn audit_greeting(
        &self,
        actor: &Actor,
        action: &str,
        whose: &Greeter,
        now: WallTime,
    ) -> Result<(), Problem> {
        if let Some(member) = &whose.member {
            let owner = (whose.organisation.clone(), member.clone());
            return self.audit(actor, action, &owner, None, now).await;
        }
        let target = format!("voicemail.{}", whose.organisation);
        let entry = AuditEntry::new(actor.clone(), action, target, now);
        let scope = AuditScope::Organisation(whose.organisation.clone());
        Ok(self.registry.audit().append(&scope, &entry, now).await?)
    }
}
