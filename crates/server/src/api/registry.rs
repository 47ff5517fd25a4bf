//! Everything that exists, kept in the store and held in memory.
//!
//! [`World`] decides whether a change is good; the registry writes it down: audit entry first, then the entity at the
//! revision that was read, then memory. The call path reads [`Registry::world`], which waits for nothing but a change
//! being taken into memory.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use futures_util::future::join_all;
use sidetone_organisation::{Change, Deployment, Entity, EntityKey, EntityKind, World};
use sidetone_store::{Key, Kv, Revision, Store, StoreError};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::audit::{Audit, AuditEntry, AuditScope};
use super::caller::Actor;
use super::kept::Kept;
use super::precondition::{Precondition, Tagged};
use super::problem::Problem;
use crate::ServerError;
use crate::clock::wall_now;

/// The world, and what keeps it.
pub(crate) struct Registry {
    kv: Arc<dyn Kv>,
    audit: Audit,
    held: RwLock<Held>,
    /// Held by who writes. Reading goes on meanwhile.
    writing: Arc<Mutex<()>>,
}

struct Held {
    world: World,
    revisions: HashMap<EntityKey, Revision>,
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
    pub(crate) async fn open(store: &Store, deployment: Deployment) -> Result<Arc<Self>, ServerError> {
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
        Ok(Arc::new(Self {
            kv: store.kv.clone(),
            audit: Audit::new(store.log.clone()),
            held: RwLock::new(Held { world, revisions }),
            writing: Arc::default(),
        }))
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
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for (step, revision) in steps.iter().zip(revisions) {
            held.take(&step.key, step.after.clone(), revision);
        }
        Ok(())
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
