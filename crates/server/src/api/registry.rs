//! Everything that exists, kept in the store and held in memory.
//!
//! [`World`] decides whether a change is good; the registry writes it down: audit entry first, then the entity at the
//! revision that was read, then memory. The call path reads [`Registry::world`], which waits for nothing but a change
//! being taken into memory.
//!
//! Names of organisations can be used again, and much is kept by name. What a deleted tenant leaves is removed with it
//! and once more before its name is given to another ([`Estate`]); what is kept for the books (usage, records, audit)
//! is shown to the other only from its own beginning on ([`Registry::since`]).

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, Weak};

use async_trait::async_trait;
use futures_util::future::join_all;
use sidetone_ledger::{Scope, Timestamp};
use sidetone_organisation::{
    Change, Deployment, Entity, EntityKey, EntityKind, EntityName, OrganisationId, World,
};
use sidetone_signaling::Identifier;
use sidetone_store::{Key, Kv, Revision, Store, StoreError, WallTime};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::audit::{Audit, AuditEntry, AuditScope};
use super::caller::Actor;
use super::kept::Kept;
use super::precondition::{Precondition, Tagged};
use super::problem::Problem;
use crate::ServerError;
use crate::clock::wall_now;
use crate::token::Tokens;

/// What the names begin with under which it is kept since when organisations exist.
const SINCE: &str = "since.";

/// What is kept for a tenant elsewhere, by its name.
#[async_trait]
pub(crate) trait Estate: Send + Sync {
    /// Removes all of it. There may be nothing.
    async fn clear(self: Arc<Self>, tenant: &Scope) -> Result<(), StoreError>;
}

/// The world, and what keeps it.
pub(crate) struct Registry {
    kv: Arc<dyn Kv>,
    audit: Audit,
    tokens: Arc<Tokens>,
    held: RwLock<Held>,
    /// Held by who writes. Reading goes on meanwhile.
    writing: Arc<Mutex<()>>,
    /// Weak, for they know the registry.
    estates: OnceLock<Vec<Weak<dyn Estate>>>,
    /// Counts changes, for those who follow them.
    changes: watch::Sender<u64>,
}

struct Held {
    world: World,
    revisions: HashMap<EntityKey, Revision>,
    /// Since when organisations exist under their names.
    since: HashMap<OrganisationId, WallTime>,
}

/// The world as it is now. To be dropped soon, and before anything is waited for.
pub(crate) struct WorldGuard<'a>(RwLockReadGuard<'a, Held>);

impl Deref for WorldGuard<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0.world
    }
}

/// A change that was found good, with what its audit entry needs.
struct Step {
    key: EntityKey,
    before: Option<Entity>,
    after: Option<Entity>,
    /// At which revision it is expected.
    expected: Revision,
}

impl Registry {
    /// The world in the store.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub(crate) async fn open(
        store: &Store,
        deployment: Deployment,
        tokens: Arc<Tokens>,
    ) -> Result<Arc<Self>, ServerError> {
        let mut entities = Vec::new();
        let mut revisions = HashMap::new();
        for kind in EntityKind::ALL {
            let prefix = format!("{}.", kind.word());
            for entry in store.kv.list(&prefix, wall_now()).await? {
                match serde_json::from_slice::<Entity>(&entry.value) {
                    Ok(entity) => {
                        revisions.insert(entity.key(), entry.revision);
                        entities.push(entity);
                    }
                    Err(error) => {
                        tracing::error!(key = %entry.key, %error, "an entity in the store cannot be understood");
                    }
                }
            }
        }
        let (world, left_out) = World::load(deployment, entities);
        for (key, error) in left_out {
            tracing::error!(%key, %error, "an entity in the store does not fit and is left out");
        }
        let mut since = HashMap::new();
        for organisation in world.organisations() {
            if let Some((time, _)) = stored_since(&*store.kv, &organisation.id).await? {
                since.insert(organisation.id.clone(), time);
            }
        }
        Ok(Arc::new(Self {
            kv: store.kv.clone(),
            audit: Audit::new(store.log.clone()),
            tokens,
            held: RwLock::new(Held {
                world,
                revisions,
                since,
            }),
            writing: Arc::default(),
            estates: OnceLock::new(),
            changes: watch::Sender::new(0),
        }))
    }

    /// Says who keeps things for tenants, once, before the first change.
    pub(crate) fn keepers(&self, estates: Vec<Weak<dyn Estate>>) {
        // A second time nothing happens.
        let _ = self.estates.set(estates);
    }

    /// Tells that something changed, again and again: what, is seen in the world.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// From when on what is kept by a tenant's name is this tenant's: all of it for resources, whose ids are never used
    /// again.
    pub(crate) fn since(&self, tenant: &Scope) -> Timestamp {
        let Scope::Organisation(organisation) = tenant else {
            return Timestamp::default();
        };
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let since = held.since.get(organisation).copied().unwrap_or_default();
        Timestamp::from_millis(since.as_millis())
    }

    /// The world as it is now.
    pub(crate) fn world(&self) -> WorldGuard<'_> {
        WorldGuard(self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The audit log of all changes.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The thing of this name, with its entity tag.
    ///
    /// # Errors
    /// `ProblemType::NOT_FOUND`.
    pub(crate) fn find<T: Kept>(&self, name: &T::Name) -> Result<Tagged<T>, Problem> {
        let guard = self.world();
        let found = T::find(&guard, name).ok_or_else(|| Problem::not_found(T::WORD))?;
        Ok(Tagged::found(found.clone(), guard.0.revision(&T::key(name))))
    }

    /// Makes or changes the thing of this name: `edit` gets what is there and gives what shall be. Nothing is written
    /// where that is the same.
    ///
    /// # Errors
    /// What `edit` says; `ProblemType::PRECONDITION`; what the world says; `ProblemType::UNAVAILABLE`.
    pub(crate) async fn edit<T: Kept>(
        self: &Arc<Self>,
        actor: &Actor,
        action: &str,
        name: &T::Name,
        precondition: &Precondition,
        edit: impl FnOnce(Option<&T>) -> Result<T, Problem>,
    ) -> Result<Tagged<T>, Problem> {
        let writing = self.writing.clone().lock_owned().await;
        let key = T::key(name);
        let (value, step) = {
            let guard = self.world();
            let found = T::find(&guard, name);
            let expected = guard.0.revision(&key);
            precondition.check(found.map(|_| expected))?;
            let value = edit(found)?;
            let after = value.clone().entity(name);
            let before = guard.entity(&key);
            if before.as_ref() == Some(&after) {
                return Ok(Tagged::found(value, expected));
            }
            guard.check(&Change::Put(after.clone()))?;
            let step = Step {
                key: key.clone(),
                before,
                after: Some(after),
                expected,
            };
            (value, step)
        };
        let created = step.before.is_none();
        self.commit(writing, actor, action, vec![step]).await?;
        Ok(Tagged::stored(value, self.world().0.revision(&key), created))
    }

    /// Makes or changes many things of one kind at once; each stands or falls alone, in the order given. A name must
    /// not come twice.
    ///
    /// # Errors
    /// `ProblemType::UNAVAILABLE`: then some may have been written.
    pub(crate) async fn edit_many<T: Kept>(
        self: &Arc<Self>,
        actor: &Actor,
        action: &str,
        edits: Vec<(T::Name, impl FnOnce(Option<&T>) -> T)>,
    ) -> Result<Vec<Result<Edited, Problem>>, Problem> {
        let writing = self.writing.clone().lock_owned().await;
        let mut outcomes = Vec::new();
        let mut steps = Vec::new();
        {
            let guard = self.world();
            for (name, edit) in edits {
                let key = T::key(&name);
                let after = edit(T::find(&guard, &name)).entity(&name);
                let before = guard.entity(&key);
                let outcome = match (&before, guard.check(&Change::Put(after.clone()))) {
                    (_, Err(error)) => Err(error.into()),
                    (Some(before), Ok(())) if *before == after => Ok(Edited::Unchanged),
                    (Some(_), Ok(())) => Ok(Edited::Updated),
                    (None, Ok(())) => Ok(Edited::Created),
                };
                if matches!(outcome, Ok(Edited::Created | Edited::Updated)) {
                    let expected = guard.0.revision(&key);
                    steps.push(Step {
                        key,
                        before,
                        after: Some(after),
                        expected,
                    });
                }
                outcomes.push(outcome);
            }
        }
        self.commit(writing, actor, action, steps).await?;
        Ok(outcomes)
    }

    /// Deletes the thing of this name, with all that is within it.
    ///
    /// # Errors
    /// `ProblemType::NOT_FOUND`, `ProblemType::PRECONDITION`, what the world says, `ProblemType::UNAVAILABLE`.
    pub(crate) async fn delete<T: Kept>(
        self: &Arc<Self>,
        actor: &Actor,
        action: &str,
        name: &T::Name,
        precondition: &Precondition,
    ) -> Result<(), Problem> {
        let writing = self.writing.clone().lock_owned().await;
        let key = T::key(name);
        let steps = {
            let guard = self.world();
            if T::find(&guard, name).is_none() {
                return Err(Problem::not_found(T::WORD));
            }
            precondition.check(Some(guard.0.revision(&key)))?;
            guard.check(&Change::Delete(key.clone()))?;
            let keys = guard.dependants(&key).into_iter().chain([key]);
            keys.map(|key| Step {
                before: guard.entity(&key),
                after: None,
                expected: guard.0.revision(&key),
                key,
            })
            .collect()
        };
        self.commit(writing, actor, action, steps).await
    }

    /// Writes changes down and takes them into memory. Goes on when the caller has hung up: memory and store must not
    /// part.
    async fn commit(
        self: &Arc<Self>,
        writing: OwnedMutexGuard<()>,
        actor: &Actor,
        action: &str,
        steps: Vec<Step>,
    ) -> Result<(), Problem> {
        let this = self.clone();
        let (actor, action) = (actor.clone(), action.to_owned());
        let work = async move {
            let done = this.write(&actor, &action, &steps).await;
            if done.is_err() {
                // Some may have been written, some not: memory follows the store.
                for step in &steps {
                    this.refresh(&step.key).await;
                }
            }
            drop(writing);
            done
        };
        Ok(super::keys::spawned(work).await?)
    }

    async fn write(&self, actor: &Actor, action: &str, steps: &[Step]) -> Result<(), StoreError> {
        let now = wall_now();
        let entries: Vec<AuditEntry> = steps
            .iter()
            .map(|step| {
                AuditEntry::new(actor.clone(), action, step.key.as_str(), now)
                    .changing(step.before.as_ref(), step.after.as_ref())
            })
            .collect();
        let scopes: Vec<AuditScope> = steps.iter().map(|step| AuditScope::of(&step.key)).collect();
        let appended = entries
            .iter()
            .zip(&scopes)
            .map(|(entry, scope)| self.audit.append(scope, entry, now));
        join_all(appended).await.into_iter().collect::<Result<(), _>>()?;
        let mut begun = Vec::new();
        for step in steps.iter().filter(|step| step.before.is_none()) {
            if let EntityName::Organisation(id) = step.key.name() {
                self.clear(&step.key).await?;
                begun.push((id.clone(), self.begin(id, now).await?));
            }
        }
        let gone = || {
            steps
                .iter()
                .filter(|step| step.after.is_none())
                .map(|step| &step.key)
        };
        let leaving: Vec<Identifier> = gone().filter_map(|key| identity(key.name())).collect();
        let revoked = leaving
            .iter()
            .map(|identity| self.tokens.departing(&*self.kv, identity, now));
        join_all(revoked).await.into_iter().collect::<Result<(), _>>()?;
        // An owner goes last, so that a deletion that was cut short is found unfinished and can be repeated.
        let (last, rest) = match steps.split_last() {
            Some((last, rest)) if last.after.is_none() => (Some(last), rest),
            _ => (None, steps),
        };
        let mut revisions = join_all(rest.iter().map(|step| self.store(step)))
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(last) = last {
            revisions.push(self.store(last).await?);
        }
        {
            let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
            held.since.extend(begun);
            for (step, revision) in steps.iter().zip(revisions) {
                held.take(&step.key, step.after.clone(), revision);
            }
        }
        self.changes.send_modify(|count| *count += 1);
        // Nothing is issued any more.
        let now = wall_now();
        let revoked = leaving
            .iter()
            .map(|identity| self.tokens.departed(&*self.kv, identity, now));
        join_all(revoked).await.into_iter().collect::<Result<(), _>>()?;
        for key in gone() {
            self.clear(key).await?;
        }
        Ok(())
    }

    /// Removes what is kept elsewhere by the name of a tenant; nothing for what is none.
    async fn clear(&self, key: &EntityKey) -> Result<(), StoreError> {
        let tenant = match key.name() {
            EntityName::Organisation(id) => Scope::Organisation(id.clone()),
            EntityName::Resource(id) => Scope::Resource(id.clone()),
            _ => return Ok(()),
        };
        let estates = self.estates.get().map_or(&[][..], Vec::as_slice);
        for estate in estates.iter().filter_map(Weak::upgrade) {
            estate.clear(&tenant).await?;
        }
        Ok(())
    }

    /// Writes down that an organisation begins; gives when. Later than the last one of its name, whatever the clock did.
    async fn begin(&self, organisation: &OrganisationId, now: WallTime) -> Result<WallTime, StoreError> {
        let earlier = stored_since(&*self.kv, organisation).await?;
        let (since, expected) = match earlier {
            Some((earlier, revision)) => (now.max(WallTime::from_millis(earlier.as_millis() + 1)), revision),
            None => (now, Revision::ABSENT),
        };
        let value = since.as_millis().to_string();
        self.kv
            .put(&since_key(organisation)?, value.into(), expected, None, now)
            .await?;
        Ok(since)
    }

    /// Writes one change; gives the revision at which the entity is now.
    async fn store(&self, step: &Step) -> Result<Option<Revision>, StoreError> {
        let key = Key::new(step.key.as_str())?;
        let now = wall_now();
        match &step.after {
            Some(entity) => {
                let value = serde_json::to_vec(entity).map_err(|error| StoreError::Storage {
                    message: error.to_string(),
                })?;
                let revision = self.kv.put(&key, value.into(), step.expected, None, now).await?;
                Ok(Some(revision))
            }
            // What an organisation has by itself was never written.
            None if step.expected == Revision::ABSENT => Ok(None),
            None => {
                self.kv.delete(&key, step.expected, now).await?;
                Ok(None)
            }
        }
    }

    /// Reads one entity again after a write that failed.
    async fn refresh(&self, key: &EntityKey) {
        let entry = async {
            let key = Key::new(key.as_str())?;
            self.kv.get(&key, wall_now()).await
        };
        // What cannot be read cannot be written either; the next start reads everything anew.
        let Ok(entry) = entry.await else { return };
        let found = entry.and_then(|entry| {
            let entity = serde_json::from_slice(&entry.value).ok()?;
            Some((entity, entry.revision))
        });
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some((entity, revision)) => held.take(key, Some(entity), Some(revision)),
            None if held.revisions.contains_key(key) => held.take(key, None, None),
            None => {}
        }
    }
}

/// Whose tokens end with this.
fn identity(name: &EntityName) -> Option<Identifier> {
    match name {
        EntityName::ExternalUser(resource, user) => Some(Identifier::ExternalUser {
            resource: resource.clone().into(),
            user: user.clone(),
        }),
        EntityName::Member(organisation, member) => Some(Identifier::Member {
            organisation: organisation.clone().into(),
            user: member.clone().into(),
        }),
        EntityName::Application(organisation, application) => Some(Identifier::Application {
            organisation: organisation.clone().into(),
            application: application.clone().into(),
        }),
        _ => None,
    }
}

fn since_key(organisation: &OrganisationId) -> Result<Key, StoreError> {
    // A label may hold dots and never `=`.
    Key::new(format!("{SINCE}{}", organisation.as_str().replace('.', "=")))
}

/// Since when the newest organisation of this name exists; `None` for one of before this was kept.
async fn stored_since(
    kv: &dyn Kv,
    organisation: &OrganisationId,
) -> Result<Option<(WallTime, Revision)>, StoreError> {
    let entry = kv.get(&since_key(organisation)?, wall_now()).await?;
    Ok(entry.and_then(|entry| {
        let millis = std::str::from_utf8(&entry.value).ok()?.parse().ok()?;
        Some((WallTime::from_millis(millis), entry.revision))
    }))
}

impl Held {
    /// At which revision something is stored; [`Revision::ABSENT`] for what exists by itself or not at all.
    fn revision(&self, key: &EntityKey) -> Revision {
        self.revisions.get(key).copied().unwrap_or(Revision::ABSENT)
    }

    fn take(&mut self, key: &EntityKey, entity: Option<Entity>, revision: Option<Revision>) {
        let change = match entity {
            Some(entity) => Change::Put(entity),
            None => Change::Delete(key.clone()),
        };
        match revision {
            Some(revision) => self.revisions.insert(key.clone(), revision),
            None => self.revisions.remove(key),
        };
        // Was checked under the same lock. What goes with its owner is refused here, and goes with its owner.
        if let Err(error) = self.world.apply(change) {
            tracing::debug!(%key, %error, "left to its owner");
        }
    }
}

/// What became of one of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edited {
    Created,
    Updated,
    Unchanged,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sidetone_organisation::{Member, Organisation};

    use super::*;
    use crate::token::{TokenError, TokenRequest};

    const HOUR: Duration = Duration::from_secs(3_600);

    async fn tokens(store: &Store) -> Arc<Tokens> {
        Arc::new(
            Tokens::open(&*store.kv, HOUR..=24 * HOUR, wall_now())
                .await
                .unwrap(),
        )
    }

    async fn registry(store: &Store) -> Arc<Registry> {
        let deployment = Deployment::new("public".parse().unwrap());
        Registry::open(store, deployment, tokens(store).await)
            .await
            .unwrap()
    }

    async fn with_ann(store: &Store) -> Arc<Registry> {
        let registry = registry(store).await;
        let always = Precondition::default();
        let acme: OrganisationId = "acme".parse().unwrap();
        let organisation = |_: Option<&Organisation>| {
            let made = serde_json::json!({ "id": "acme", "name": "Acme", "cloud": "public" });
            Ok(serde_json::from_value(made).unwrap())
        };
        registry
            .edit(&Actor::Service, "test", &(acme.clone(),), &always, organisation)
            .await
            .unwrap();
        let member = |_: Option<&Member>| {
            let made = serde_json::json!({ "id": "ann", "displayName": "Ann" });
            Ok(serde_json::from_value(made).unwrap())
        };
        registry
            .edit(
                &Actor::Service,
                "test",
                &(acme, "ann".parse().unwrap()),
                &always,
                member,
            )
            .await
            .unwrap();
        registry
    }

    fn ann() -> TokenRequest {
        TokenRequest::new(Identifier::member("acme", "ann").unwrap())
    }

    /// Nothing follows the store here, as after a crash right behind the deletion.
    #[tokio::test]
    async fn the_tokens_of_the_deleted_are_void_when_the_deletion_is_done() {
        for whole in [false, true] {
            let store = Store::in_memory().unwrap();
            let registry = with_ann(&store).await;
            let token = registry.tokens.issue(ann(), wall_now()).unwrap().token;
            let always = Precondition::default();
            let acme: OrganisationId = "acme".parse().unwrap();
            if whole {
                let name = (acme,);
                let deleted = registry.delete::<Organisation>(&Actor::Service, "test", &name, &always);
                deleted.await.unwrap();
            } else {
                let name = (acme, "ann".parse().unwrap());
                let deleted = registry.delete::<Member>(&Actor::Service, "test", &name, &always);
                deleted.await.unwrap();
            }
            for tokens in [registry.tokens.clone(), tokens(&store).await] {
                let refused = tokens.verify(token.expose(), wall_now());
                assert!(matches!(refused, Err(TokenError::Revoked)), "{refused:?}");
            }
        }
    }

    /// A process that ends while somebody is being deleted, at whatever point: who is deleted has no good token.
    #[tokio::test]
    async fn a_crash_in_a_deletion_leaves_no_good_token_of_who_is_deleted() {
        let store = Store::in_memory().unwrap();
        let registry = with_ann(&store).await;
        let before = registry.tokens.issue(ann(), wall_now()).unwrap().token;
        let identity = Identifier::member("acme", "ann").unwrap();
        // As far as the deletion came; meanwhile one more was issued.
        let tokens_then = &registry.tokens;
        tokens_then
            .departing(&*store.kv, &identity, wall_now())
            .await
            .unwrap();
        let between = tokens_then.issue(ann(), wall_now()).unwrap().token;
        assert!(tokens_then.verify(before.expose(), wall_now()).is_err());
        let key = Key::new("member.acme.ann").unwrap();
        let revision = store.kv.get(&key, wall_now()).await.unwrap().unwrap().revision;
        store.kv.delete(&key, revision, wall_now()).await.unwrap();

        // At once: in the same second, as likely as not.
        let later = wall_now();
        let again = Tokens::open(&*store.kv, HOUR..=24 * HOUR, later).await.unwrap();
        for token in [before, between] {
            let refused = again.verify(token.expose(), later);
            assert!(matches!(refused, Err(TokenError::Revoked)), "{refused:?}");
        }
        assert!(
            again
                .issue(ann(), later)
                .is_ok_and(|new| again.verify(new.token.expose(), later).is_ok())
        );
    }

    #[tokio::test]
    async fn a_name_begins_later_than_it_ended_whatever_the_clock_does() {
        let store = Store::in_memory().unwrap();
        let registry = registry(&store).await;
        let acme: OrganisationId = "acme".parse().unwrap();
        let at = WallTime::from_millis;
        assert_eq!(registry.begin(&acme, at(5_000)).await.unwrap(), at(5_000));
        assert_eq!(registry.begin(&acme, at(4_000)).await.unwrap(), at(5_001));
        assert_eq!(registry.begin(&acme, at(9_000)).await.unwrap(), at(9_000));
    }
}
