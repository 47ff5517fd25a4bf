//! Where the items of threads are in the store: one value each, under a name that says the region first, so that what is
//! in a region can be listed, moved and deleted as one. The bytes of files are beside them, in pieces.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use sidetone_chat::{Answer, AttachmentRecord, Item, ItemKey, Message, Region};
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_store::{Key, Kv, Revision, StoreError, WallTime};
use uuid::Uuid;

/// What the names of all records, participants, messages, files, copies, held messages and answers begin with.
const THREADS: &str = "chat.thread.";
const PEOPLE: &str = "chat.participant.";
const MESSAGES: &str = "chat.message.";
const FILES: &str = "chat.file.";
const BYTES: &str = "chat.bytes.";
const COPIES: &str = "chat.copy.";
const HELD: &str = "chat.held.";
const ANSWERS: &str = "chat.answer.";
/// Bytes in a piece of a file.
const PIECE: usize = 256 * 1024;

/// Writes and reads items.
pub(super) struct Shelf {
    pub(super) kv: Arc<dyn Kv>,
}

impl Shelf {
    /// The records and participants of all threads, in no order that matters.
    pub(super) async fn outlines(&self, now: WallTime) -> Result<Vec<(ThreadId, Item)>, StoreError> {
        let mut items = Vec::new();
        for prefix in [THREADS, PEOPLE] {
            for entry in self.kv.list(prefix, now).await? {
                let rest = entry.key.as_str().get(prefix.len()..).unwrap_or_default();
                let thread = rest.split('.').next().and_then(|id| Uuid::parse_str(id).ok());
                items.extend(thread.map(ThreadId).zip(item(entry.key.as_str(), &entry.value)));
            }
        }
        Ok(items)
    }

    /// All items of a thread, copies in these regions included.
    pub(super) async fn all(
        &self,
        thread: ThreadId,
        home: &Region,
        regions: &BTreeSet<Region>,
        now: WallTime,
    ) -> Result<Vec<Item>, StoreError> {
        let id = thread.0.simple();
        let home = part(home.as_str());
        let mut prefixes = vec![
            format!("{PEOPLE}{id}."),
            format!("{MESSAGES}{home}.{id}."),
            format!("{FILES}{home}.{id}."),
            format!("{HELD}{home}.{id}."),
            format!("{ANSWERS}{home}.{id}."),
        ];
        let copies = regions
            .iter()
            .map(|region| format!("{COPIES}{}.{id}.", part(region.as_str())));
        prefixes.extend(copies);
        let lists = join_all(prefixes.iter().map(|prefix| self.kv.list(prefix, now))).await;
        let mut items = Vec::new();
        for list in lists {
            let list = list?;
            items.extend(
                list.iter()
                    .filter_map(|entry| item(entry.key.as_str(), &entry.value)),
            );
        }
        let record = self.kv.get(&Key::new(format!("{THREADS}{id}"))?, now).await?;
        items.extend(record.and_then(|entry| item(entry.key.as_str(), &entry.value)));
        Ok(items)
    }

    /// Every copy in a region, with its thread.
    pub(super) async fn copies(
        &self,
        region: &Region,
        now: WallTime,
    ) -> Result<Vec<(ThreadId, Item)>, StoreError> {
        let prefix = format!("{COPIES}{}.", part(region.as_str()));
        let entries = self.kv.list(&prefix, now).await?;
        let read = entries.iter().filter_map(|entry| {
            let rest = entry.key.as_str().get(prefix.len()..)?;
            let thread = Uuid::parse_str(rest.split('.').next()?).ok()?;
            Some((ThreadId(thread), item(entry.key.as_str(), &entry.value)?))
        });
        Ok(read.collect())
    }

    /// A message.
    pub(super) async fn message(
        &self,
        thread: ThreadId,
        home: &Region,
        id: u64,
        now: WallTime,
    ) -> Result<Option<Message>, StoreError> {
        let key = key(thread, home, &ItemKey::Message(id))?;
        let entry = self.kv.get(&key, now).await?;
        Ok(
            entry.and_then(|entry| match item(entry.key.as_str(), &entry.value)? {
                Item::Message(message) => Some(message),
                _ => None,
            }),
        )
    }

    /// Messages, those that are there.
    pub(super) async fn messages(
        &self,
        thread: ThreadId,
        home: &Region,
        ids: &[u64],
        now: WallTime,
    ) -> Result<Vec<Message>, StoreError> {
        let found = join_all(ids.iter().map(|id| self.message(thread, home, *id, now))).await;
        let mut messages = Vec::with_capacity(ids.len());
        for message in found {
            messages.extend(message?);
        }
        Ok(messages)
    }

    /// What these answered to the card of a message.
    pub(super) async fn answers(
        &self,
        thread: ThreadId,
        home: &Region,
        message: u64,
        who: &[Identifier],
        now: WallTime,
    ) -> Result<Vec<Answer>, StoreError> {
        let found = who.iter().map(|who| async move {
            let key = key(thread, home, &ItemKey::Answer(message, who.clone()))?;
            self.kv.get(&key, now).await
        });
        let mut answers = Vec::with_capacity(who.len());
        for entry in join_all(found).await {
            let item = entry?.and_then(|entry| item(entry.key.as_str(), &entry.value));
            answers.extend(item.and_then(|item| match item {
                Item::Answer(answer) => Some(answer),
                _ => None,
            }));
        }
        Ok(answers)
    }

    /// Writes an item over what is there.
    pub(super) async fn put(
        &self,
        thread: ThreadId,
        home: &Region,
        item: &Item,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let key = key(thread, home, &item.key())?;
        let value = serde_json::to_vec(item).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        self.put_over(&key, value.into(), now).await
    }

    /// Deletes an item, and with a file its bytes.
    pub(super) async fn delete(
        &self,
        thread: ThreadId,
        home: &Region,
        item: &ItemKey,
        now: WallTime,
    ) -> Result<(), StoreError> {
        if let ItemKey::Attachment(id) = item {
            let prefix = bytes_prefix(thread, home, *id);
            // Its record last: by it the rest is found again.
            for number in 0..u64::MAX {
                if !self
                    .delete_any(&Key::new(format!("{prefix}{number}"))?, now)
                    .await?
                {
                    break;
                }
            }
        }
        self.delete_any(&key(thread, home, item)?, now).await.map(drop)
    }

    /// Writes the bytes of a file.
    pub(super) async fn put_bytes(
        &self,
        thread: ThreadId,
        home: &Region,
        id: Uuid,
        bytes: &Bytes,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let prefix = bytes_prefix(thread, home, id);
        let pieces = (0..bytes.len().div_ceil(PIECE)).map(|number| {
            let piece = bytes.slice(number * PIECE..bytes.len().min((number + 1) * PIECE));
            let key = Key::new(format!("{prefix}{number}"));
            async move { self.put_over(&key?, piece, now).await }
        });
        join_all(pieces).await.into_iter().collect()
    }

    /// The bytes of a file; `None` where they are not all there.
    pub(super) async fn bytes(
        &self,
        thread: ThreadId,
        home: &Region,
        file: &AttachmentRecord,
        now: WallTime,
    ) -> Result<Option<Bytes>, StoreError> {
        let prefix = bytes_prefix(thread, home, file.id);
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::new();
        for number in 0..size.div_ceil(PIECE) {
            let Some(piece) = self.kv.get(&Key::new(format!("{prefix}{number}"))?, now).await? else {
                return Ok(None);
            };
            bytes.extend_from_slice(&piece.value);
        }
        Ok((bytes.len() == size).then(|| bytes.freeze()))
    }

    async fn put_over(&self, key: &Key, value: Bytes, now: WallTime) -> Result<(), StoreError> {
        let mut expected = Revision::ABSENT;
        loop {
            match self.kv.put(key, value.clone(), expected, None, now).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { found, .. }) => expected = found,
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes what is there; false when nothing is.
    async fn delete_any(&self, key: &Key, now: WallTime) -> Result<bool, StoreError> {
        while let Some(entry) = self.kv.get(key, now).await? {
            match self.kv.delete(key, entry.revision, now).await {
                Ok(_) => return Ok(true),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

fn item(key: &str, value: &[u8]) -> Option<Item> {
    serde_json::from_slice(value)
        .inspect_err(|error| tracing::error!(%error, key, "a part of a chat cannot be read"))
        .ok()
}

/// Where an item is.
fn key(thread: ThreadId, home: &Region, item: &ItemKey) -> Result<Key, StoreError> {
    let id = thread.0.simple();
    let home = part(home.as_str());
    Key::new(match item {
        ItemKey::Thread => format!("{THREADS}{id}"),
        ItemKey::Participant(identity) => format!("{PEOPLE}{id}.{}", name(identity)),
        ItemKey::Message(message) => format!("{MESSAGES}{home}.{id}.{message:016x}"),
        ItemKey::Attachment(file) => format!("{FILES}{home}.{id}.{}", file.simple()),
        ItemKey::Copy(region, identity) => {
            format!("{COPIES}{}.{id}.{}", part(region.as_str()), name(identity))
        }
        ItemKey::Held(message, version) => format!("{HELD}{home}.{id}.{message:016x}.{version:016x}"),
        ItemKey::Answer(message, by) => {
            format!("{ANSWERS}{home}.{id}.{message:016x}.{:032x}", short(by))
        }
    })
}

fn bytes_prefix(thread: ThreadId, home: &Region, file: Uuid) -> String {
    format!(
        "{BYTES}{}.{}.{}.",
        part(home.as_str()),
        thread.0.simple(),
        file.simple()
    )
}

/// A label, as a part of a name: it may hold dots and never `=`.
fn part(label: &str) -> String {
    label.replace('.', "=")
}

/// An identity, as a part of a name: its colons, and the plus of a telephone, are none of a name's letters.
fn name(identity: &Identifier) -> String {
    part(&identity.raw_id()).replace(':', "/").replace('+', "")
}

/// An identity where the longest has no room: nobody finds two of one value (128 bits of SHA-256).
fn short(identity: &Identifier) -> u128 {
    let digest = digest(&SHA256, identity.raw_id().as_bytes());
    let first = digest.as_ref().first_chunk().copied();
    first.map_or(0, u128::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use sidetone_store::Store;

    use super::*;

    #[tokio::test]
    async fn a_file_comes_back_whole_and_goes_whole() {
        let shelf = Shelf {
            kv: Store::in_memory().unwrap().kv,
        };
        let (thread, home, id) = (ThreadId(Uuid::from_u128(1)), Region::LOCAL, Uuid::from_u128(2));
        let now = WallTime::from_millis(1);
        let bytes = Bytes::from((0..PIECE * 2 + 7).map(|n| n as u8).collect::<Vec<_>>());
        shelf.put_bytes(thread, &home, id, &bytes, now).await.unwrap();
        let file = AttachmentRecord {
            id,
            by: "guest:g".parse().unwrap(),
            name: "x".into(),
            content_type: "text/plain".into(),
            size: bytes.len() as u64,
            inline: false,
            expires: sidetone_ledger::Timestamp::from_millis(9),
            message: None,
            verdict: None,
        };
        shelf
            .put(thread, &home, &Item::Attachment(file.clone()), now)
            .await
            .unwrap();
        assert_eq!(shelf.bytes(thread, &home, &file, now).await.unwrap(), Some(bytes));
        let key = ItemKey::Attachment(id);
        shelf.delete(thread, &home, &key, now).await.unwrap();
        assert_eq!(shelf.bytes(thread, &home, &file, now).await.unwrap(), None);
        assert!(shelf.kv.list("chat.", now).await.unwrap().is_empty());
    }

    #[test]
    fn the_longest_identity_has_a_name() {
        let long = "a".repeat(64);
        let identity = Identifier::external_user(&long, &long).unwrap();
        let region: Region = long.parse().unwrap();
        let thread = ThreadId(Uuid::max());
        for item in [
            ItemKey::Participant(identity.clone()),
            ItemKey::Copy(region.clone(), identity.clone()),
            ItemKey::Answer(u64::MAX, identity),
            ItemKey::Held(u64::MAX, u64::MAX),
        ] {
            assert!(key(thread, &region, &item).is_ok(), "{item:?}");
        }
    }
}
