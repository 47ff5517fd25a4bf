//! Keeps a server's view of keys and revocations in step with the store, and says whose sessions must end. A driver:
//! it waits for the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sidetone_signaling::Identifier;
use sidetone_store::{Change, Delivery, Entry, Key, Kv, StoreError, WallTime, Watch};
use tokio::sync::mpsc;

use super::{PREFIX, Revocation, Tokens};
use crate::clock::wall_now;
use crate::keyring;

/// The longest time from a revocation to its effect on every server of the store and on every live session, while the
/// store answers. In one process it takes as long as one write to disk.
pub const REVOCATION_BOUND: Duration = Duration::from_secs(5);

/// Pause after the store failed. Several fit into [`REVOCATION_BOUND`].
const RETRY: Duration = Duration::from_secs(1);

/// Changes that may wait. More at once are made up for by reading everything anew.
const WAITING: usize = 1_024;

/// Whose tokens no longer count, although they have not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// Every token of one identity that was issued before.
    Identity(Identifier),
    /// Every token of a signing key that was dropped: any session may be concerned.
    Key,
}

/// Follows the store until the receiver of `withdrawn` is dropped, telling each withdrawal once, after it has taken
/// effect here. The future that it gives must run for that; what was withdrawn before it is given is not told, for no
/// session is as old as that.
///
/// # Errors
/// Of the store.
pub(crate) async fn follow(
    tokens: Arc<Tokens>,
    kv: Arc<dyn Kv>,
    withdrawn: mpsc::Sender<Withdrawn>,
) -> Result<impl Future<Output = ()> + Send + 'static, StoreError> {
    let mut follower = Follower {
        tokens,
        kv,
        told: HashMap::new(),
        keys: HashMap::new(),
        started: false,
        withdrawn,
    };
    let watch = follower.begin().await.unwrap_or(Err(StoreError::Closed))?;
    follower.started = true;
    Ok(follower.run(watch))
}

struct Follower {
    tokens: Arc<Tokens>,
    kv: Arc<dyn Kv>,
    /// What was told of each revocation in the store: its time.
    told: HashMap<Key, u64>,
    /// The signing keys in the store, and when they end.
    keys: HashMap<Key, Option<WallTime>>,
    /// Whether the state of the beginning has been taken in.
    started: bool,
    withdrawn: mpsc::Sender<Withdrawn>,
}

impl Follower {
    async fn run(mut self, mut watch: Watch) {
        while let Some(result) = self.until_lost(&mut watch).await {
            let mut failed = result.err();
            watch = loop {
                if let Some(error) = failed {
                    tracing::error!(%error, "keys and revocations cannot be followed; trying again");
                }
                tokio::time::sleep(RETRY).await;
                match self.begin().await {
                    Some(Ok(watch)) => break watch,
                    Some(Err(error)) => failed = Some(error),
                    None => return,
                }
            };
        }
    }

    /// Takes in what there is; gives what comes after. `None` when nobody wants to know.
    async fn begin(&mut self) -> Option<Result<Watch, StoreError>> {
        let watch = match self.kv.watch(PREFIX, WAITING, wall_now()).await {
            Ok(watch) => watch,
            Err(error) => return (!self.withdrawn.is_closed()).then_some(Err(error)),
        };
        for entry in &watch.snapshot {
            self.revoked(entry).await?;
        }
        Some(self.keys_changed().await?.map(|()| watch))
    }

    /// Until the store failed or changes were lost (`Some`), or until nobody wants to know any more or the store is
    /// closed (`None`).
    async fn until_lost(&mut self, watch: &mut Watch) -> Option<Result<(), StoreError>> {
        loop {
            let delivery = tokio::select! {
                () = self.withdrawn.closed() => return None,
                delivery = watch.next() => delivery?,
            };
            let Delivery::Item(change) = delivery else {
                return Some(Ok(()));
            };
            if change.key().as_str().starts_with(keyring::PREFIX) {
                match self.keys_changed().await {
                    Some(Ok(())) => {}
                    end => return end,
                }
            } else {
                match change {
                    Change::Put(entry) => self.revoked(&entry).await?,
                    // It expired, and need not be remembered.
                    Change::Deleted { key, .. } => drop(self.told.remove(&key)),
                }
            }
        }
    }

    async fn keys_changed(&mut self) -> Option<Result<(), StoreError>> {
        let now = wall_now();
        let entries = match self.tokens.reload_keys(&*self.kv, now).await {
            Ok(entries) => entries,
            Err(error) => return Some(Err(error)),
        };
        let keys: HashMap<_, _> = entries
            .into_iter()
            .map(|entry| (entry.key, entry.expires))
            .collect();
        let counted = |expires: &Option<WallTime>| expires.is_none_or(|expires| expires > now);
        let dropped = self
            .keys
            .iter()
            .any(|(key, expires)| counted(expires) && !keys.contains_key(key));
        self.keys = keys;
        if dropped {
            self.withdrawn.send(Withdrawn::Key).await.ok()?;
        }
        Some(Ok(()))
    }

    async fn revoked(&mut self, entry: &Entry) -> Option<()> {
        let Some(revocation) = Revocation::read(entry) else {
            return Some(());
        };
        let told = self.told.entry(entry.key.clone()).or_default();
        if *told >= revocation.before {
            return Some(());
        }
        *told = revocation.before;
        let identity = revocation.identity.clone();
        // Before it is told: whoever opens a session from then on needs a new token.
        self.tokens.take(revocation, wall_now());
        if self.started {
            self.withdrawn.send(Withdrawn::Identity(identity)).await.ok()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use sidetone_store::Store;

    use super::*;
    use crate::keyring::OldKeys;
    use crate::token::{TokenError, TokenRequest};

    const HOUR: Duration = Duration::from_secs(3600);

    /// Another server on the same store, which follows; gives what it is told.
    async fn follower(store: &Store) -> (Arc<Tokens>, mpsc::Receiver<Withdrawn>) {
        let tokens = Arc::new(open(store).await);
        let (tell, told) = mpsc::channel(16);
        let following = follow(tokens.clone(), store.kv.clone(), tell).await;
        tokio::spawn(following.unwrap());
        (tokens, told)
    }

    async fn open(store: &Store) -> Tokens {
        Tokens::open(&*store.kv, HOUR..=24 * HOUR, wall_now())
            .await
            .unwrap()
    }

    fn member(name: &str) -> Identifier {
        Identifier::member("acme", name).unwrap()
    }

    fn issue(tokens: &Tokens, name: &str) -> String {
        let request = TokenRequest::new(member(name));
        tokens.issue(request, wall_now()).unwrap().token.into_exposed()
    }

    #[tokio::test]
    async fn another_server_hears_of_a_revocation_once_and_refuses_the_token() {
        let store = Store::in_memory().unwrap();
        let ours = open(&store).await;
        let early = issue(&ours, "early");
        ours.revoke(&*store.kv, &member("early"), wall_now())
            .await
            .unwrap();
        let (theirs, mut told) = follower(&store).await;
        // Known from the start, and told to nobody.
        assert_eq!(theirs.verify(&early, wall_now()), Err(TokenError::Revoked));
        for name in ["ann", "bob"] {
            let token = issue(&ours, name);
            assert!(theirs.verify(&token, wall_now()).is_ok());
            ours.revoke(&*store.kv, &member(name), wall_now()).await.unwrap();
            assert_eq!(told.recv().await, Some(Withdrawn::Identity(member(name))));
            assert_eq!(theirs.verify(&token, wall_now()), Err(TokenError::Revoked));
            assert!(theirs.verify(&issue(&ours, name), wall_now()).is_ok());
        }
        assert!(told.try_recv().is_err());
    }

    #[tokio::test]
    async fn another_server_follows_the_keys() {
        let store = Store::in_memory().unwrap();
        let ours = open(&store).await;
        let (theirs, mut told) = follower(&store).await;
        let first = issue(&ours, "ann");
        ours.rotate(&*store.kv, OldKeys::Keep, wall_now()).await.unwrap();
        let second = issue(&ours, "ann");
        // The first thing told is what was dropped: an ordinary rotation is no withdrawal.
        ours.rotate(&*store.kv, OldKeys::Drop, wall_now()).await.unwrap();
        assert_eq!(told.recv().await, Some(Withdrawn::Key));
        let third = issue(&ours, "ann");
        for dropped in [first, second] {
            // Dropped one after the other.
            while theirs.verify(&dropped, wall_now()).is_ok() {
                assert_eq!(told.recv().await, Some(Withdrawn::Key));
            }
            assert_eq!(theirs.verify(&dropped, wall_now()), Err(TokenError::UnknownKey));
        }
        assert!(theirs.verify(&third, wall_now()).is_ok());
    }

    #[tokio::test]
    async fn who_no_longer_listens_is_left() {
        let store = Store::in_memory().unwrap();
        let tokens = Arc::new(open(&store).await);
        let (tell, told) = mpsc::channel(1);
        let following = follow(tokens, store.kv.clone(), tell).await.unwrap();
        drop(told);
        following.await;
    }
}
