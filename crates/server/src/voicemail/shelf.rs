//! Where messages and their sounds are in the store. A sound is in pieces, for a value is bounded; the message names how
//! many. Sounds are written first and deleted last, and both end by themselves when they have been kept long enough,
//! a sound a little later than its message.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sidetone_organisation::{MemberId, OrganisationId};
use sidetone_signaling::protocol::CallId;
use sidetone_store::{Entry, Key, Kv, Revision, StoreError, WallTime};

use super::{Message, Owner};

/// What the keys of all messages begin with.
const MESSAGES: &str = "voicemail.message.";
/// What the keys of all pieces begin with.
const SOUNDS: &str = "voicemail.sound.";
/// Bytes in a piece.
const PIECE: usize = 256 * 1024;
/// How much longer a sound is kept than its message.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// A message as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) organisation: OrganisationId,
    pub(super) member: MemberId,
    pub(super) message: Message,
    pieces: usize,
    /// It is being deleted.
    #[serde(default)]
    gone: bool,
    #[serde(skip)]
    revision: Revision,
    #[serde(skip)]
    expires: Option<WallTime>,
}

impl Stored {
    fn read(entry: &Entry) -> Option<Self> {
        let stored: Self = serde_json::from_slice(&entry.value)
            .inspect_err(|error| tracing::error!(%error, key = %entry.key, "a message cannot be read"))
            .ok()?;
        Some(Self {
            revision: entry.revision,
            expires: entry.expires,
            ..stored
        })
    }

    fn owner(&self) -> Owner {
        (self.organisation.clone(), self.member.clone())
    }
}

/// Messages and their sounds.
pub(super) struct Shelf {
    pub(super) kv: Arc<dyn Kv>,
}

impl Shelf {
    pub(super) fn new(kv: Arc<dyn Kv>) -> Self {
        Self { kv }
    }

    /// The messages of a mailbox.
    pub(super) async fn list(&self, owner: &Owner, now: WallTime) -> Result<Vec<Stored>, StoreError> {
        let entries = self.kv.list(&format!("{MESSAGES}{}.", part(owner)), now).await?;
        let stored = entries.iter().filter_map(Stored::read);
        Ok(stored.filter(|stored| !stored.gone).collect())
    }

    /// All messages of all mailboxes, those that are being deleted too.
    pub(super) async fn all(&self, now: WallTime) -> Result<Vec<(Owner, Stored)>, StoreError> {
        let entries = self.kv.list(MESSAGES, now).await?;
        let stored = entries.iter().filter_map(Stored::read);
        Ok(stored.map(|stored| (stored.owner(), stored)).collect())
    }

    /// One message.
    pub(super) async fn find(
        &self,
        owner: &Owner,
        call: CallId,
        now: WallTime,
    ) -> Result<Option<Stored>, StoreError> {
        let entry = self.kv.get(&message_key(owner, call)?, now).await?;
        let stored = entry.as_ref().and_then(Stored::read);
        Ok(stored.filter(|stored| !stored.gone))
    }

    /// Writes a message with its sound.
    pub(super) async fn put(
        &self,
        owner: &Owner,
        message: &Message,
        sound: &Bytes,
        expires: WallTime,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let pieces = sound.len().div_ceil(PIECE);
        let written = (0..pieces).map(|number| {
            let piece = sound.slice(number * PIECE..sound.len().min((number + 1) * PIECE));
            let key = sound_key(owner, message.call, number);
            async move { put_over(&*self.kv, &key?, piece, Some(expires.after(MARGIN)), now).await }
        });
        join_all(written).await.into_iter().collect::<Result<(), _>>()?;
        let stored = Stored {
            organisation: owner.0.clone(),
            member: owner.1.clone(),
            message: message.clone(),
            pieces,
            gone: false,
            revision: Revision::ABSENT,
            expires: Some(expires),
        };
        self.change(owner, &stored, now).await
    }

    /// Writes a message that was changed.
    pub(super) async fn change(
        &self,
        owner: &Owner,
        stored: &Stored,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let key = message_key(owner, stored.message.call)?;
        let value = serde_json::to_vec(stored).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        self.kv
            .put(&key, value.into(), stored.revision, stored.expires, now)
            .await?;
        Ok(())
    }

    /// The sound of a message; `None` when it was deleted meanwhile.
    pub(super) async fn sound(
        &self,
        owner: &Owner,
        stored: &Stored,
        now: WallTime,
    ) -> Result<Option<Bytes>, StoreError> {
        let mut sound = BytesMut::with_capacity(stored.message.bytes);
        for number in 0..stored.pieces {
            let key = sound_key(owner, stored.message.call, number)?;
            let Some(piece) = self.kv.get(&key, now).await? else {
                return Ok(None);
            };
            sound.extend_from_slice(&piece.value);
        }
        Ok(Some(sound.freeze()))
    }

    /// Deletes a message and its sound. Where this is cut off, [`Shelf::delete`] of what [`Shelf::all`] gives ends it.
    pub(super) async fn delete(
        &self,
        owner: &Owner,
        mut stored: Stored,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let key = message_key(owner, stored.message.call)?;
        if !stored.gone {
            stored.gone = true;
            self.change(owner, &stored, now).await?;
        }
        for number in 0..stored.pieces {
            delete_any(&*self.kv, &sound_key(owner, stored.message.call, number)?, now).await?;
        }
        delete_any(&*self.kv, &key, now).await
    }
}

impl Stored {
    /// Whether its deletion was begun.
    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }
}

/// Writes a value, whatever is there.
pub(super) async fn put_over(
    kv: &dyn Kv,
    key: &Key,
    value: Bytes,
    expires: Option<WallTime>,
    now: WallTime,
) -> Result<(), StoreError> {
    let mut expected = Revision::ABSENT;
    loop {
        match kv.put(key, value.clone(), expected, expires, now).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { found, .. }) => expected = found,
            Err(error) => return Err(error),
        }
    }
}

/// Deletes what is there, if anything is.
pub(super) async fn delete_any(kv: &dyn Kv, key: &Key, now: WallTime) -> Result<(), StoreError> {
    while let Some(entry) = kv.get(key, now).await? {
        match kv.delete(key, entry.revision, now).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn message_key(owner: &Owner, call: CallId) -> Result<Key, StoreError> {
    Key::new(format!("{MESSAGES}{}.{call}", part(owner)))
}

fn sound_key(owner: &Owner, call: CallId, number: usize) -> Result<Key, StoreError> {
    Key::new(format!("{SOUNDS}{}.{call}.{number}", part(owner)))
}

/// A mailbox, as two parts of a name.
pub(super) fn part((organisation, member): &Owner) -> String {
    format!("{}.{}", escape(organisation.as_str()), escape(member.as_str()))
}

/// A label may hold dots and never `=`.
pub(super) fn escape(label: &str) -> String {
    label.replace('.', "=")
}
