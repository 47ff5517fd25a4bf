//! The signing keys of a deployment: the newest signs, all that may still have valid tokens verify and are published.
//! Each is one value in the store; one that was replaced carries an expiry there and vanishes by itself.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use sidetone_store::{Entry, Key, Kv, Revision, StoreError, WallTime};

use crate::ServerError;
use crate::key::SigningKey;

/// What the names of stored keys begin with; the key's id follows.
pub(crate) const PREFIX: &str = "token.key.";

/// Where the only key lay before there were several.
const FORMER: &str = "server.signing-key";

/// What becomes of the keys that a new one replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKeys {
    /// They verify as long as a token of theirs can be valid, then they are gone. The ordinary rotation: nobody
    /// notices.
    Keep,
    /// They are gone at once, and every token they signed with them: somebody else may have them.
    Drop,
}

/// All keys. There is always one that signs.
pub(crate) struct KeyRing {
    current: SigningKey,
    /// Each with the time from which on it no longer counts.
    old: Vec<(SigningKey, Option<WallTime>)>,
}

impl KeyRing {
    /// The keys in the store; the first is made now if there is none.
    pub(crate) async fn open(kv: &dyn Kv, now: WallTime) -> Result<Self, ServerError> {
        adopt_former(kv, now).await?;
        loop {
            if let Some(ring) = Self::read(&kv.list(PREFIX, now).await?)? {
                return Ok(ring);
            }
            add(kv, &SigningKey::make(now)?, now).await?;
        }
    }

    /// The keys in these entries, those of other names left aside; `None` when there is none that signs.
    pub(crate) fn read(entries: &[Entry]) -> Result<Option<Self>, ServerError> {
        let mut keys = Vec::new();
        for entry in entries {
            if entry.key.as_str().starts_with(PREFIX) {
                keys.push((SigningKey::restore(&entry.value)?, entry.expires));
            }
        }
        // The id decides between two keys of one moment, the same way everywhere.
        let newest = keys
            .iter()
            .enumerate()
            .filter(|(_, (_, expires))| expires.is_none())
            .max_by(|(_, (a, _)), (_, (b, _))| (a.made, &a.id).cmp(&(b.made, &b.id)))
            .map(|(i, _)| i);
        Ok(newest.map(|i| Self {
            current: keys.swap_remove(i).0,
            old: keys,
        }))
    }

    /// The key that signs.
    pub(crate) fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The key with this id, if tokens of it can be valid.
    pub(crate) fn find(&self, id: &str, now: WallTime) -> Option<&SigningKey> {
        self.all(now).find(|key| key.id == id)
    }

    /// The public halves (RFC 7517), for others who check our tokens. The one that signs comes first.
    pub(crate) fn public(&self, now: WallTime) -> JwkSet {
        JwkSet {
            keys: self.all(now).map(|key| key.public.clone()).collect(),
        }
    }

    fn all(&self, now: WallTime) -> impl Iterator<Item = &SigningKey> {
        let counts = move |expires: &Option<WallTime>| expires.is_none_or(|expires| expires > now);
        let old = self.old.iter().filter(move |(_, expires)| counts(expires));
        std::iter::once(&self.current).chain(old.map(|(key, _)| key))
    }
}

/// Puts a new key into the store, which signs from then on. The others are given `keep` to live, or removed.
pub(crate) async fn rotate(kv: &dyn Kv, keep: Option<Duration>, now: WallTime) -> Result<(), ServerError> {
    let before = kv.list(PREFIX, now).await?;
    // Never older than those it replaces, whatever the clock did.
    let newest = before
        .iter()
        .filter_map(|entry| SigningKey::restore(&entry.value).ok())
        .map(|key| key.made.after(Duration::from_millis(1)))
        .max();
    let new = SigningKey::make(newest.map_or(now, |newest| newest.max(now)))?;
    // New before old: stopped in between, there is a key too many, never one too few.
    add(kv, &new, now).await?;
    for entry in before {
        let done = match keep {
            None => kv.delete(&entry.key, entry.revision, now).await.map(drop),
            Some(_) if entry.expires.is_some() => Ok(()),
            Some(keep) => {
                let expires = Some(now.after(keep));
                kv.put(&entry.key, entry.value, entry.revision, expires, now)
                    .await
                    .map(drop)
            }
        };
        match done {
            // Somebody else rotates too and has seen to it.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn add(kv: &dyn Kv, key: &SigningKey, now: WallTime) -> Result<(), ServerError> {
    let name = Key::new(format!("{PREFIX}{}", key.id))?;
    kv.put(&name, key.stored()?.into(), Revision::ABSENT, None, now)
        .await?;
    Ok(())
}

/// Moves the key of a store of before there were several to where keys are now.
async fn adopt_former(kv: &dyn Kv, now: WallTime) -> Result<(), ServerError> {
    let former = Key::new(FORMER)?;
    let Some(entry) = kv.get(&former, now).await? else {
        return Ok(());
    };
    match add(kv, &SigningKey::restore(&entry.value)?, now).await {
        // Stopped between the two steps, last time.
        Ok(()) | Err(ServerError::Store(StoreError::Conflict { .. })) => {}
        Err(error) => return Err(error),
    }
    kv.delete(&former, entry.revision, now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_store::Store;

    const NOW: WallTime = WallTime::from_millis(1_800_000_000_000);
    const KEEP: Duration = Duration::from_secs(100);

    fn ids(ring: &KeyRing, now: WallTime) -> Vec<String> {
        ring.all(now).map(|key| key.id.clone()).collect()
    }

    #[tokio::test]
    async fn the_newest_signs_and_the_old_ones_go_in_their_time() {
        let kv = Store::in_memory().unwrap().kv;
        let first = KeyRing::open(&*kv, NOW).await.unwrap();
        assert_eq!(ids(&first, NOW).len(), 1);
        rotate(&*kv, Some(KEEP), NOW).await.unwrap();
        let second = KeyRing::open(&*kv, NOW).await.unwrap();
        assert_eq!(ids(&second, NOW)[1..], ids(&first, NOW));
        let later = NOW.after(KEEP / 2);
        rotate(&*kv, Some(KEEP), later).await.unwrap();
        let third = KeyRing::open(&*kv, later).await.unwrap();
        assert_eq!(ids(&third, later).len(), 3);
        // The first key's time is not prolonged by the second rotation.
        let end = NOW.after(KEEP);
        assert_eq!(
            ids(&third, end),
            [third.current().id.clone(), second.current().id.clone()]
        );
        assert_eq!(ids(&KeyRing::open(&*kv, end).await.unwrap(), end).len(), 2);
        rotate(&*kv, None, end).await.unwrap();
        let fourth = KeyRing::open(&*kv, end).await.unwrap();
        assert_eq!(ids(&fourth, end), [fourth.current().id.clone()]);
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_does_not_bring_an_old_key_back() {
        let kv = Store::in_memory().unwrap().kv;
        let first = KeyRing::open(&*kv, NOW).await.unwrap();
        let earlier = WallTime::from_millis(NOW.as_millis() - 1_000_000);
        rotate(&*kv, Some(KEEP), earlier).await.unwrap();
        let second = KeyRing::open(&*kv, earlier).await.unwrap();
        assert_ne!(second.current().id, first.current().id);
    }

    #[tokio::test]
    async fn a_rotation_cut_short_leaves_one_that_signs() {
        let kv = Store::in_memory().unwrap().kv;
        KeyRing::open(&*kv, NOW).await.unwrap();
        // The first half of a rotation.
        let new = SigningKey::make(NOW.after(KEEP)).unwrap();
        add(&*kv, &new, NOW).await.unwrap();
        let ring = KeyRing::open(&*kv, NOW).await.unwrap();
        assert_eq!(ring.current().id, new.id);
        // The next one finishes it.
        rotate(&*kv, Some(KEEP), NOW).await.unwrap();
        let end = NOW.after(KEEP);
        assert_eq!(ids(&KeyRing::open(&*kv, end).await.unwrap(), end).len(), 1);
    }

    #[tokio::test]
    async fn the_key_of_an_older_store_goes_on_signing() {
        let kv = Store::in_memory().unwrap().kv;
        let former = Key::new(FORMER).unwrap();
        let stored = br#"{"algorithm":"EdDSA","seed":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}"#;
        kv.put(&former, stored.to_vec().into(), Revision::ABSENT, None, NOW)
            .await
            .unwrap();
        let expected = SigningKey::restore(stored).unwrap().id;
        let ring = KeyRing::open(&*kv, NOW).await.unwrap();
        assert_eq!(ids(&ring, NOW), std::slice::from_ref(&expected));
        assert!(kv.get(&former, NOW).await.unwrap().is_none());
        assert_eq!(ids(&KeyRing::open(&*kv, NOW).await.unwrap(), NOW), [expected]);
    }

    #[tokio::test]
    async fn what_is_no_key_is_an_error() {
        let kv = Store::in_memory().unwrap().kv;
        let name = Key::new(format!("{PREFIX}x")).unwrap();
        kv.put(&name, b"{}".to_vec().into(), Revision::ABSENT, None, NOW)
            .await
            .unwrap();
        assert!(matches!(
            KeyRing::open(&*kv, NOW).await,
            Err(ServerError::SigningKey)
        ));
    }
}
