//! Which tokens no longer count although they have not expired: for an identity, all that were issued before a time.
//! Remembered as long as such a token could be valid otherwise.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sidetone_signaling::Identifier;
use sidetone_store::{Entry, Key, Kv, Revision, StoreError, WallTime};

/// What the names of stored revocations begin with; the identity follows.
pub(crate) const PREFIX: &str = "token.revoked.";

/// Furthest that repeated revocations go ahead of the clock, in seconds: less than [`super::CLOCK_LEEWAY`].
const AHEAD: u64 = 50;

/// As stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) identity: Identifier,
    /// In seconds since the Unix epoch, as tokens count: a token that says it was issued earlier does not count.
    pub(crate) before: u64,
    /// The identity is being deleted: tokens that it got until that was done must be void too. Found so at a start,
    /// the process ended in between.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) departing: bool,
}

impl Revocation {
    /// What an entry of the store says; `None` for one of another name, or one that cannot be understood.
    pub(crate) fn read(entry: &Entry) -> Option<Self> {
        entry.key.as_str().strip_prefix(PREFIX)?;
        serde_json::from_slice(&entry.value).ok()
    }
}

/// Where the revocation of an identity lies. In base64, for an identity has characters that a name must not have.
fn name(identity: &Identifier) -> Result<Key, StoreError> {
    Key::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(identity.raw_id())))
}

/// Writes down that every token issued to `identity` up to `now` is void. `keep`: how long a token can be valid.
/// `departing`: the identity is about to be deleted, and this is to be written again when it is.
pub(crate) async fn write(
    kv: &dyn Kv,
    identity: &Identifier,
    keep: Duration,
    now: WallTime,
    departing: bool,
) -> Result<Revocation, StoreError> {
    let name = name(identity)?;
    loop {
        let found = kv.get(&name, now).await?;
        let earlier = found.as_ref().and_then(Revocation::read);
        let revocation = Revocation {
            identity: identity.clone(),
            before: earlier
                .map_or(0, |earlier| after(earlier.before, now))
                .max(now.as_secs() + 1),
            departing,
        };
        let value = serde_json::to_vec(&revocation).map_err(|error| StoreError::Storage {
            message: error.to_string(),
        })?;
        let expected = found.map_or(Revision::ABSENT, |entry| entry.revision);
        let expires = WallTime::from_millis(revocation.before * 1000).after(keep);
        match kv.put(&name, value.into(), expected, Some(expires), now).await {
            Ok(_) => return Ok(revocation),
            // Revoked twice at once: once more, so that this one's time counts too.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Tokens count in seconds. Those of this very second are void as well; the next one issued says the second after. When that
/// one is taken back in the same second, it is once more a second later, but never further ahead than a server accepts
/// another's clock to be.
fn after(earlier: u64, now: WallTime) -> u64 {
    earlier.saturating_add(1).min(now.as_secs() + AHEAD).max(earlier)
}

/// All revocations that matter.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    before: HashMap<Identifier, u64>,
    /// Entries at which the ones that no longer matter are looked for next.
    look_at: usize,
}

impl Revocations {
    /// Takes one in. `keep` as for [`write`].
    pub(crate) fn take(&mut self, revocation: Revocation, keep: Duration, now: WallTime) {
        if self.before.len() >= self.look_at.max(64) {
            let matters = |before: &u64| WallTime::from_millis(before * 1000).after(keep) > now;
            self.before.retain(|_, before| matters(before));
            // Twice as many as are needed at most, and no search at each new one.
            self.look_at = self.before.len() * 2;
        }
        let known = self.before.entry(revocation.identity).or_default();
        *known = revocation.before.max(*known);
    }

    /// The first second in which a token for `identity` counts; 0 when nothing was revoked.
    pub(crate) fn first_valid(&self, identity: &Identifier) -> u64 {
        self.before.get(identity).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidetone_store::Store;

    const NOW: WallTime = WallTime::from_millis(1_800_000_000_500);
    const KEEP: Duration = Duration::from_secs(3600);

    fn ann() -> Identifier {
        Identifier::member("acme", "ann").unwrap()
    }

    #[tokio::test]
    async fn a_revocation_is_kept_as_long_as_it_matters() {
        let kv = Store::in_memory().unwrap().kv;
        // The longest identity there can be still has a name in the store.
        let long = Identifier::member(&"a".repeat(64), &"b".repeat(64)).unwrap();
        for identity in [ann(), long] {
            let written = write(&*kv, &identity, KEEP, NOW, false).await.unwrap();
            assert_eq!(written.before, 1_800_000_001);
            let read = |entries: Vec<Entry>| entries.iter().filter_map(Revocation::read).collect::<Vec<_>>();
            assert!(read(kv.list(PREFIX, NOW).await.unwrap()).contains(&written));
            let end = WallTime::from_millis(written.before * 1000).after(KEEP);
            assert!(!read(kv.list(PREFIX, end).await.unwrap()).contains(&written));
        }
    }

    #[tokio::test]
    async fn revoking_again_never_takes_back() {
        let kv = Store::in_memory().unwrap().kv;
        write(&*kv, &ann(), KEEP, NOW, false).await.unwrap();
        let earlier = WallTime::from_millis(NOW.as_millis() - 5_000);
        let again = write(&*kv, &ann(), KEEP, earlier, false).await.unwrap();
        assert_eq!(again.before, 1_800_000_002, "also the token issued in between");
        let later = write(&*kv, &ann(), KEEP, NOW.after(Duration::from_secs(5)), false)
            .await
            .unwrap();
        assert_eq!(later.before, 1_800_000_006);

        let mut revocations = Revocations::default();
        revocations.take(later, KEEP, NOW);
        revocations.take(again, KEEP, NOW);
        assert_eq!(revocations.first_valid(&ann()), 1_800_000_006);
    }

    #[test]
    fn memory_is_bounded_by_what_matters() {
        let mut revocations = Revocations::default();
        for second in 0..100_000_u64 {
            let revocation = Revocation {
                identity: Identifier::member("acme", &format!("m{second}")).unwrap(),
                before: second,
                departing: false,
            };
            revocations.take(
                revocation,
                Duration::from_secs(100),
                WallTime::from_millis(second * 1000),
            );
        }
        assert!(revocations.before.len() < 500, "{}", revocations.before.len());
        assert_eq!(
            revocations.first_valid(&Identifier::member("acme", "m99999").unwrap()),
            99_999
        );
    }
}
