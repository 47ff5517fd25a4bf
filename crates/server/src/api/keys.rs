//! Keys of the API. Each operator, organisation and resource has two places for keys, so that a new one can be in use
//! before the old one goes. A secret is shown once and kept as its SHA-256 digest: 256 random bits need no slow hash.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use sidetone_ledger::Scope;
use sidetone_organisation::{OrganisationId, ResourceId};
use sidetone_store::{Key, Kv, Revision, StoreError, WallTime};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::audit::timestamp;
use super::registry::Estate;
use crate::clock::wall_now;
use crate::{Secret, ServerError};

/// What every key begins with, so that one that leaked is recognised where it lies.
const PREFIX: &str = "sidetone_";
/// Where keys are kept.
const STORED_UNDER: &str = "api-key.";
/// Bytes of the digest that name a key.
const ID_BYTES: usize = 8;
/// Shortest key that a configuration may set, in bytes.
pub(crate) const MIN_CONFIGURED: usize = 32;

type Digest = [u8; 32];

/// Names a key, and tells nothing of its secret: the first 16 hexadecimal digits of its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[schema(value_type = String, example = "4f0c6a8e1d2b3c4d")]
pub(crate) struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose key it is. A key stands for the role of its owner and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum KeyOwner {
    /// The operator of the deployment.
    Operator,
    /// The administrators of an organisation.
    Organisation {
        /// Which.
        organisation: OrganisationId,
    },
    /// The owner of a resource.
    Resource {
        /// Which.
        resource: ResourceId,
    },
}

impl KeyOwner {
    /// Where the owner's keys are kept. A label may hold dots and never `=`.
    pub(crate) fn place(&self) -> String {
        let escape = |label: &str| label.replace('.', "=");
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Organisation { organisation } => format!("organisation.{}", escape(organisation.as_str())),
            Self::Resource { resource } => format!("resource.{}", escape(resource.as_str())),
        }
    }
}

/// One of the two places for keys of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Slot {
    /// The first.
    Primary,
    /// The second, for the time of a change.
    Secondary,
}

impl Slot {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Primary, Self::Secondary];

    /// Its name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

impl FromStr for Slot {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|slot| slot.word() == text).ok_or(())
    }
}

/// What can be told of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyInfo {
    /// Its place.
    slot: Slot,
    /// Its name, as the audit log has it.
    id: KeyId,
    /// When it was made (RFC 3339).
    #[schema(format = DateTime)]
    created: String,
}

/// A key as it is shown once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewKey {
    /// What can be told of it later.
    #[serde(flatten)]
    pub(crate) info: KeyInfo,
    /// The key itself, for `Authorization: Bearer`. It cannot be shown again.
    #[serde(serialize_with = "exposed")]
    #[schema(value_type = String)]
    pub(crate) secret: Secret,
}

fn exposed<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

/// As stored. The owner is in it, so that the place is not parsed.
#[derive(Serialize, Deserialize)]
struct Stored {
    owner: KeyOwner,
    slot: Slot,
    digest: String,
    created_ms: u64,
}

struct Held {
    owner: KeyOwner,
    slot: Slot,
    digest: Digest,
    created: WallTime,
    /// [`Revision::ABSENT`] for one that is set by configuration and not stored.
    revision: Revision,
}

/// All keys, checked in memory and kept in the store.
pub(crate) struct Keys {
    kv: Arc<dyn Kv>,
    held: RwLock<HashMap<KeyId, Held>>,
    writing: Mutex<()>,
}

impl Keys {
    /// The keys in the store, and the one that the configuration sets for the operator.
    ///
    /// # Errors
    /// [`ServerError::Store`], [`ServerError::ApiKeys`] for a record that cannot be understood,
    /// [`ServerError::Config`] for a configured key that is too short.
    pub(crate) async fn open(
        kv: Arc<dyn Kv>,
        operator: Option<&Secret>,
        now: WallTime,
    ) -> Result<Arc<Self>, ServerError> {
        let mut held = HashMap::new();
        for entry in kv.list(STORED_UNDER, now).await? {
            let stored: Stored = serde_json::from_slice(&entry.value).map_err(|_| ServerError::ApiKeys)?;
            let digest = unhex(&stored.digest).ok_or(ServerError::ApiKeys)?;
            let key = Held {
                owner: stored.owner,
                slot: stored.slot,
                digest,
                created: WallTime::from_millis(stored.created_ms),
                revision: entry.revision,
            };
            held.insert(id(&digest), key);
        }
        if let Some(secret) = operator {
            if secret.expose().len() < MIN_CONFIGURED {
                return Err(ServerError::Config(
                    "the operator key must be at least 32 bytes long",
                ));
            }
            let digest = hash(secret.expose());
            let key = Held {
                owner: KeyOwner::Operator,
                slot: Slot::Primary,
                digest,
                created: now,
                revision: Revision::ABSENT,
            };
            held.insert(id(&digest), key);
        }
        Ok(Arc::new(Self {
            kv,
            held: RwLock::new(held),
            writing: Mutex::new(()),
        }))
    }

    /// A first key for the operator, where there is none at all.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn first_operator_key(
        self: &Arc<Self>,
        now: WallTime,
    ) -> Result<Option<Secret>, StoreError> {
        let has_one = |held: &HashMap<KeyId, Held>| held.values().any(|key| key.owner == KeyOwner::Operator);
        if self.read(has_one) {
            return Ok(None);
        }
        let made = self.make(KeyOwner::Operator, Slot::Primary, now).await?;
        Ok(Some(made.secret))
    }

    /// Whose key this is, if it is one.
    pub(crate) fn verify(&self, secret: &str) -> Option<(KeyId, KeyOwner)> {
        let digest = hash(secret);
        let id = id(&digest);
        let owner = self.read(|held| {
            let key = held.get(&id)?;
            // Whatever of the digest decided so far is in the key's name anyway.
            verify_slices_are_equal(&key.digest, &digest).ok()?;
            Some(key.owner.clone())
        })?;
        Some((id, owner))
    }

    /// The owner's keys, without secrets.
    pub(crate) fn of(&self, owner: &KeyOwner) -> Vec<KeyInfo> {
        let mut keys = self.read(|held| -> Vec<KeyInfo> {
            let keys = held.iter().filter(|(_, key)| key.owner == *owner);
            keys.map(|(id, key)| KeyInfo::new(id.clone(), key)).collect()
        });
        keys.sort_by(|a, b| (a.slot, &a.id).cmp(&(b.slot, &b.id)));
        keys
    }

    /// Makes a key; the one that was in this place is no longer good from now on.
    ///
    /// # Errors
    /// Of the store; nothing has changed then.
    pub(crate) async fn make(
        self: &Arc<Self>,
        owner: KeyOwner,
        slot: Slot,
        now: WallTime,
    ) -> Result<NewKey, StoreError> {
        let this = self.clone();
        // Goes on when the caller has hung up: memory and store must not part.
        spawned(async move { this.replace(owner, slot, now).await }).await
    }

    /// A key in each place.
    ///
    /// # Errors
    /// Of the store.
    pub(crate) async fn make_both(
        self: &Arc<Self>,
        owner: &KeyOwner,
        now: WallTime,
    ) -> Result<Vec<NewKey>, StoreError> {
        let mut keys = Vec::new();
        for slot in Slot::ALL {
            keys.push(self.make(owner.clone(), slot, now).await?);
        }
        Ok(keys)
    }

    /// Takes all keys from an owner who is no more.
    ///
    /// # Errors
    /// Of the store; keys that are left can be taken by another try.
    pub(crate) async fn remove_all(
        self: &Arc<Self>,
        owner: KeyOwner,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let this = self.clone();
        spawned(async move {
            let _writing = this.writing.lock().await;
            for slot in Slot::ALL {
                if let Some((id, revision)) = this.in_place(&owner, slot) {
                    this.kv.delete(&place(&owner, slot)?, revision, now).await?;
                    this.write(|held| held.remove(&id));
                }
            }
            Ok(())
        })
        .await
    }

    async fn replace(&self, owner: KeyOwner, slot: Slot, now: WallTime) -> Result<NewKey, StoreError> {
        let _writing = self.writing.lock().await;
        // The generator is seeded by the operating system and cryptographically secure.
        let random: [u8; 32] = rand::random();
        let secret = format!("{PREFIX}{}", hex(&random));
        let digest = hash(&secret);
        let stored = Stored {
            owner: owner.clone(),
            slot,
            digest: hex(&digest),
            created_ms: now.as_millis(),
        };
        let value = serde_json::to_vec(&stored).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        let old = self.in_place(&owner, slot);
        let expected = old.as_ref().map_or(Revision::ABSENT, |(_, revision)| *revision);
        let revision = self
            .kv
            .put(&place(&owner, slot)?, value.into(), expected, None, now)
            .await?;
        let key = Held {
            owner,
            slot,
            digest,
            created: now,
            revision,
        };
        let id = id(&digest);
        let info = KeyInfo::new(id.clone(), &key);
        self.write(|held| {
            if let Some((old, _)) = old {
                held.remove(&old);
            }
            held.insert(id, key);
        });
        Ok(NewKey {
            info,
            secret: Secret::new(secret),
        })
    }

    /// The stored key in a place.
    fn in_place(&self, owner: &KeyOwner, slot: Slot) -> Option<(KeyId, Revision)> {
        self.read(|held| {
            let mut keys = held.iter().filter(|(_, key)| key.revision != Revision::ABSENT);
            let (id, key) = keys.find(|(_, key)| key.owner == *owner && key.slot == slot)?;
            Some((id.clone(), key.revision))
        })
    }

    fn read<T>(&self, look: impl FnOnce(&HashMap<KeyId, Held>) -> T) -> T {
        look(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<KeyId, Held>) -> T) -> T {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Estate for Keys {
    async fn clear(self: Arc<Self>, tenant: &Scope) -> Result<(), StoreError> {
        let owner = match tenant.clone() {
            Scope::Organisation(organisation) => KeyOwner::Organisation { organisation },
            Scope::Resource(resource) => KeyOwner::Resource { resource },
        };
        self.remove_all(owner, wall_now()).await
    }
}

impl KeyInfo {
    fn new(id: KeyId, key: &Held) -> Self {
        Self {
            slot: key.slot,
            id,
            created: timestamp(key.created),
        }
    }
}

/// Runs to its end, whether anyone waits for it or not.
pub(super) async fn spawned<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.unwrap_or(Err(StoreError::Closed))
}

fn place(owner: &KeyOwner, slot: Slot) -> Result<Key, StoreError> {
    Key::new(format!("{STORED_UNDER}{}.{}", owner.place(), slot.word()))
}

fn hash(secret: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    bytes
}

fn id(digest: &Digest) -> KeyId {
    KeyId(hex(&digest[..ID_BYTES]))
}

/// Lowercase hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use sidetone_store::Store;

    use super::*;

    const NOW: WallTime = WallTime::from_millis(1_000);

    fn acme() -> KeyOwner {
        KeyOwner::Organisation {
            organisation: "acme".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_key_is_good_until_its_place_is_used_again_also_after_a_restart() {
        let store = Store::in_memory().unwrap();
        let keys = Keys::open(store.kv.clone(), None, NOW).await.unwrap();
        let both = keys.make_both(&acme(), NOW).await.unwrap();
        let (first, second) = (both[0].secret.expose(), both[1].secret.expose());
        assert_eq!(keys.verify(first).unwrap().1, acme());
        let third = keys.make(acme(), Slot::Primary, NOW).await.unwrap();
        for keys in [keys, Keys::open(store.kv.clone(), None, NOW).await.unwrap()] {
            assert!(keys.verify(first).is_none(), "replaced");
            assert_eq!(keys.verify(second).unwrap().1, acme());
            assert_eq!(keys.verify(third.secret.expose()).unwrap().1, acme());
            assert_eq!(keys.of(&acme()).len(), 2);
            assert!(keys.of(&KeyOwner::Operator).is_empty());
        }
    }

    #[tokio::test]
    async fn no_secret_is_in_the_store() {
        let store = Store::in_memory().unwrap();
        let keys = Keys::open(store.kv.clone(), None, NOW).await.unwrap();
        let made = keys.make(acme(), Slot::Primary, NOW).await.unwrap();
        let secret = made.secret.expose().strip_prefix(PREFIX).unwrap();
        for entry in store.kv.list("", NOW).await.unwrap() {
            assert!(!String::from_utf8_lossy(&entry.value).contains(secret));
        }
    }

    #[tokio::test]
    async fn the_first_operator_key_is_made_once() {
        let store = Store::in_memory().unwrap();
        let keys = Keys::open(store.kv.clone(), None, NOW).await.unwrap();
        let first = keys.first_operator_key(NOW).await.unwrap().unwrap();
        assert_eq!(keys.verify(first.expose()).unwrap().1, KeyOwner::Operator);
        assert!(keys.first_operator_key(NOW).await.unwrap().is_none());
        let again = Keys::open(store.kv, None, NOW).await.unwrap();
        assert!(again.first_operator_key(NOW).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_configured_operator_key_is_not_stored_and_must_be_long() {
        let store = Store::in_memory().unwrap();
        let short = Secret::new("short");
        let refused = Keys::open(store.kv.clone(), Some(&short), NOW).await;
        assert!(matches!(refused, Err(ServerError::Config(_))));
        let long = Secret::new("a long enough key for an operator");
        let keys = Keys::open(store.kv.clone(), Some(&long), NOW).await.unwrap();
        assert_eq!(keys.verify(long.expose()).unwrap().1, KeyOwner::Operator);
        assert!(keys.first_operator_key(NOW).await.unwrap().is_none());
        assert!(store.kv.list("", NOW).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn keys_go_with_their_owner() {
        let store = Store::in_memory().unwrap();
        let keys = Keys::open(store.kv.clone(), None, NOW).await.unwrap();
        let made = keys.make_both(&acme(), NOW).await.unwrap();
        keys.remove_all(acme(), NOW).await.unwrap();
        assert!(keys.verify(made[0].secret.expose()).is_none());
        assert!(store.kv.list("", NOW).await.unwrap().is_empty());
    }
}
