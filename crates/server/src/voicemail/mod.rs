//! Mailboxes: the messages that callers left for a member, and what callers are greeted with. The organisation's
//! voicemail application records and plays; this keeps, and tells the member.
//!
//! A message is listed once its sound is stored, and from the first moment of its deletion not any more, so that no
//! crash leaves one without its sound. It refuses to know codecs: of a sound it reads the container.

mod follow;
mod greeting;
mod http;
mod shelf;
pub(crate) mod sound;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sidetone_ledger::{Seconds, Told, VoiceMessage};
use sidetone_organisation::{MemberId, OrganisationId};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::{CallId, Event, MailboxChanged};
use sidetone_store::{Kv, WallTime};
use tokio::sync::{Mutex, mpsc};

pub(crate) use follow::{follow_departures, follow_openings};
pub(crate) use http::router;

use crate::accounting::Teller;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Actor;
use crate::api::problem::{Problem, ProblemType};
use crate::api::registry::Registry;
use crate::driver::Input;
use shelf::{Shelf, Stored};

/// Longest sound of a message, in bytes: at the rate of our own application more than a quarter of an hour.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
/// Messages in one mailbox.
const MAX_MESSAGES: usize = 200;

/// A mailbox: whose.
pub(crate) type Owner = (OrganisationId, MemberId);

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// The call in which it was left names it: there is one of each call.
    pub(crate) call: CallId,
    pub(crate) from: Identifier,
    /// As the service shows it.
    pub(crate) display_name: String,
    /// In milliseconds since the Unix epoch.
    pub(crate) received: u64,
    pub(crate) duration_ms: u64,
    pub(crate) bytes: usize,
    pub(crate) heard: bool,
}

/// What is left in a mailbox.
pub(crate) struct NewMessage {
    pub(crate) call: CallId,
    pub(crate) from: Identifier,
    /// The name that the application was shown.
    pub(crate) display_name: Option<String>,
    pub(crate) sound: Bytes,
}

/// All mailboxes.
pub(crate) struct Mailboxes {
    registry: Arc<Registry>,
    shelf: Shelf,
    keep: Duration,
    teller: Teller,
    inputs: mpsc::WeakSender<Input>,
    /// Held by who changes a mailbox.
    changing: Mutex<()>,
}

impl Mailboxes {
    pub(crate) fn new(
        registry: Arc<Registry>,
        kv: Arc<dyn Kv>,
        keep: Duration,
        teller: Teller,
        inputs: mpsc::WeakSender<Input>,
    ) -> Arc<Self> {
        Arc::new(Self {
            registry,
            shelf: Shelf::new(kv),
            keep,
            teller,
            inputs,
            changing: Mutex::default(),
        })
    }

    /// Leaves a message; tells whether it is new. One of the same call that is there already is left as it is, so that
    /// an application that was cut off can try again.
    ///
    /// # Errors
    /// No such member; a sound that is none; a full mailbox; the store.
    pub(crate) async fn leave(
        &self,
        actor: &Actor,
        owner: &Owner,
        new: NewMessage,
        now: WallTime,
    ) -> Result<(Message, bool), Problem> {
        let display_name = {
            let world = self.registry.world();
            if world.member(&owner.0, &owner.1).is_none() {
                return Err(Problem::not_found("member"));
            }
            let card = world.caller_card(&new.from, new.display_name.as_deref());
            card.display_name
        };
        let length = sound::check(&new.sound)?;
        let _changing = self.changing.lock().await;
        let before = self.shelf.list(owner, now).await?;
        if let Some(known) = before.iter().find(|stored| stored.message.call == new.call) {
            return Ok((known.message.clone(), false));
        }
        if before.len() >= MAX_MESSAGES {
            return Err(Problem::new(
                ProblemType::CONFLICT,
                format!("the mailbox is full: {MAX_MESSAGES} messages are in it"),
            ));
        }
        let message = Message {
            call: new.call,
            from: new.from,
            display_name,
            received: now.as_millis(),
            duration_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
            bytes: new.sound.len(),
            heard: false,
        };
        self.audit(actor, "voicemail.leave", owner, Some(new.call), now)
            .await?;
        self.shelf
            .put(owner, &message, &new.sound, now.after(self.keep), now)
            .await?;
        let counts = counts(&before, Some(&message));
        self.teller
            .tell(Told::VoicemailLeft {
                call: message.call,
                message: VoiceMessage {
                    id: message.call.to_string(),
                    mailbox: identifier(owner),
                    from: message.from.clone(),
                    display_name: message.display_name.clone(),
                    duration: Seconds::from_millis(message.duration_ms),
                    unheard: counts.unheard,
                },
            })
            .await;
        self.tell(owner, counts).await;
        Ok((message, true))
    }

    /// The messages of a mailbox, the newest first.
    ///
    /// # Errors
    /// No such member; the store.
    pub(crate) async fn list(&self, owner: &Owner, now: WallTime) -> Result<Vec<Message>, Problem> {
        self.exists(owner)?;
        let stored = self.shelf.list(owner, now).await?;
        let mut messages: Vec<Message> = stored.into_iter().map(|stored| stored.message).collect();
        messages.sort_by_key(place);
        Ok(messages)
    }

    /// A message.
    ///
    /// # Errors
    /// No such message; the store.
    pub(crate) async fn find(&self, owner: &Owner, call: CallId, now: WallTime) -> Result<Message, Problem> {
        Ok(self.stored(owner, call, now).await?.message)
    }

    /// The sound of a message.
    ///
    /// # Errors
    /// No such message; the store.
    pub(crate) async fn sound(&self, owner: &Owner, call: CallId, now: WallTime) -> Result<Bytes, Problem> {
        let stored = self.stored(owner, call, now).await?;
        let sound = self.shelf.sound(owner, &stored, now).await?;
        // Deleted meanwhile.
        sound.ok_or_else(|| Problem::not_found("message"))
    }

    /// Marks a message as heard, or as not heard.
    ///
    /// # Errors
    /// No such message; the store.
    pub(crate) async fn mark(
        &self,
        actor: &Actor,
        owner: &Owner,
        call: CallId,
        heard: bool,
        now: WallTime,
    ) -> Result<Message, Problem> {
        let _changing = self.changing.lock().await;
        let mut stored = self.stored(owner, call, now).await?;
        if stored.message.heard != heard {
            let action = if heard {
                "voicemail.heard"
            } else {
                "voicemail.unheard"
            };
            self.audit(actor, action, owner, Some(call), now).await?;
            stored.message.heard = heard;
            self.shelf.change(owner, &stored, now).await?;
            self.tell_counts(owner, now).await;
        }
        Ok(stored.message)
    }

    /// Deletes a message and its sound.
    ///
    /// # Errors
    /// No such message; the store.
    pub(crate) async fn delete(
        &self,
        actor: &Actor,
        owner: &Owner,
        call: CallId,
        now: WallTime,
    ) -> Result<(), Problem> {
        let _changing = self.changing.lock().await;
        let stored = self.stored(owner, call, now).await?;
        self.audit(actor, "voicemail.delete", owner, Some(call), now)
            .await?;
        self.shelf.delete(owner, stored, now).await?;
        self.tell_counts(owner, now).await;
        Ok(())
    }

    async fn stored(&self, owner: &Owner, call: CallId, now: WallTime) -> Result<Stored, Problem> {
        self.exists(owner)?;
        let stored = self.shelf.find(owner, call, now).await?;
        stored.ok_or_else(|| Problem::not_found("message"))
    }

    fn exists(&self, owner: &Owner) -> Result<(), Problem> {
        let world = self.registry.world();
        let member = world.member(&owner.0, &owner.1);
        member.map(drop).ok_or_else(|| Problem::not_found("member"))
    }

    /// Writes down who did what to a mailbox, before it is done.
    async fn audit(
        &self,
        actor: &Actor,
        action: &str,
        (organisation, member): &Owner,
        call: Option<CallId>,
        now: WallTime,
    ) -> Result<(), Problem> {
        let mut target = format!("voicemail.{organisation}.{member}");
        if let Some(call) = call {
            target.push_str(&format!(".{call}"));
        }
        let entry = AuditEntry::new(actor.clone(), action, target, now);
        let scope = AuditScope::Organisation(organisation.clone());
        Ok(self.registry.audit().append(&scope, &entry, now).await?)
    }

    /// Tells the member's endpoints how many messages there are now.
    async fn tell_counts(&self, owner: &Owner, now: WallTime) {
        match self.shelf.list(owner, now).await {
            Ok(stored) => self.tell(owner, counts(&stored, None)).await,
            Err(error) => tracing::warn!(%error, "a member was not told of a change in the mailbox"),
        }
    }

    async fn tell(&self, owner: &Owner, counts: MailboxChanged) {
        let Some(inputs) = self.inputs.upgrade() else {
            return;
        };
        let event = Event::MailboxChanged(counts);
        let identity = identifier(owner);
        // A service that is stopping tells nobody.
        let _ = inputs.send(Input::Tell(identity, Box::new(event))).await;
    }
}

/// The raw id of a mailbox's owner.
pub(crate) fn identifier((organisation, member): &Owner) -> Identifier {
    Identifier::Member {
        organisation: organisation.clone().into(),
        user: member.clone().into(),
    }
}

/// Where a message stands in a list: the newest first.
pub(crate) fn place(message: &Message) -> String {
    // The year 31688 is the last.
    const END: u64 = 1_000_000_000_000_000;
    format!(
        "{:015}.{}",
        END.saturating_sub(message.received + 1),
        message.call
    )
}

fn counts(stored: &[Stored], new: Option<&Message>) -> MailboxChanged {
    let messages = stored.iter().map(|stored| &stored.message).chain(new);
    let (heard, unheard): (Vec<_>, Vec<_>) = messages.partition(|message| message.heard);
    let count = |messages: &[&Message]| u32::try_from(messages.len()).unwrap_or(u32::MAX);
    MailboxChanged {
        unheard: count(&unheard),
        heard: count(&heard),
    }
}
