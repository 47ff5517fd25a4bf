//! The threads in memory: their records and who takes part at all times, their messages' numbers once somebody asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use sidetone_chat::{ChatLimits, Context, Item, Thread};
use sidetone_ledger::Timestamp;
use sidetone_organisation::World;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::{Identifier, Reason};
use sidetone_store::{StoreError, WallTime};

use super::shelf::Shelf;

/// One thread, as it is kept in memory.
pub(super) struct Entry {
    pub(super) id: ThreadId,
    thread: RwLock<Thread>,
    /// Held by who changes it. Whether all that is written is known.
    pub(super) changing: Arc<tokio::sync::Mutex<bool>>,
    /// Somebody wanted something of it since it was last looked at by who keeps memory small.
    used: AtomicBool,
    /// It rests: nothing broke since it was complete.
    rests: AtomicBool,
}

impl Entry {
    pub(super) fn new(thread: Thread, complete: bool) -> Arc<Self> {
        Arc::new(Self {
            id: thread.id(),
            thread: RwLock::new(thread),
            changing: Arc::new(tokio::sync::Mutex::new(complete)),
            used: AtomicBool::new(complete),
            rests: AtomicBool::new(false),
        })
    }

    /// Somebody wants something of it.
    pub(super) fn touch(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Forgets its messages' numbers and its files, where nobody wanted anything of it for a while. Whoever changes it
    /// asks this, and has it complete again when it is wanted.
    pub(super) fn rest(&self, complete: &mut bool) {
        if !*complete || self.used.swap(false, Ordering::Relaxed) {
            return;
        }
        let outline = {
            let thread = self.read();
            let people = thread.people().cloned().map(Item::Participant);
            let items: Vec<Item> = people.chain([Item::Thread(thread.record().clone())]).collect();
            Thread::load(items)
        };
        if let Some(outline) = outline {
            self.with(|thread| *thread = outline);
            self.rests.store(true, Ordering::Relaxed);
            *complete = false;
        }
    }

    /// Whether it rested until now, and did not lose what it knew by a failure.
    pub(super) fn wake(&self) -> bool {
        self.rests.swap(false, Ordering::Relaxed)
    }

    /// The thread as it is now. Not to be held while anything is waited for.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Thread> {
        self.thread.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Thread) -> T) -> T {
        change(&mut self.thread.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Default)]
struct Held {
    threads: HashMap<ThreadId, Arc<Entry>>,
    /// The threads in which somebody takes part, or did.
    of: HashMap<Identifier, BTreeSet<ThreadId>>,
    /// Threads by who began them with which idempotency token.
    begun: HashMap<(Identifier, String), ThreadId>,
}

/// All threads.
#[derive(Default)]
pub(crate) struct Threads {
    held: RwLock<Held>,
}

impl Threads {
    /// With what is in the store.
    pub(super) async fn open(shelf: &Shelf, now: WallTime) -> Result<Arc<Self>, StoreError> {
        let mut items: BTreeMap<ThreadId, Vec<Item>> = BTreeMap::new();
        for (thread, item) in shelf.outlines(now).await? {
            items.entry(thread).or_default().push(item);
        }
        let threads = Self::default();
        for (id, items) in items {
            match Thread::load(items) {
                Some(thread) => threads.insert(&Entry::new(thread, false)),
                // Its beginning was cut off before it was one: nobody was told of it.
                None => tracing::debug!(thread = %id, "participants of no thread"),
            }
        }
        Ok(Arc::new(threads))
    }

    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        let thread = entry.read();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for one in thread.people() {
            held.of.entry(one.identity.clone()).or_default().insert(entry.id);
        }
        let record = thread.record();
        if let Some(token) = &record.token {
            held.begun
                .insert((record.created_by.clone(), token.clone()), entry.id);
        }
        held.threads.insert(entry.id, entry.clone());
    }

    pub(super) fn remove(&self, entry: &Entry) {
        let thread = entry.read();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.threads.remove(&entry.id);
        for one in thread.people() {
            if let Some(threads) = held.of.get_mut(&one.identity) {
                threads.remove(&entry.id);
            }
        }
        held.begun.retain(|_, id| *id != entry.id);
    }

    pub(super) fn find(&self, id: ThreadId) -> Option<Arc<Entry>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.threads.get(&id).cloned()
    }

    /// The threads in which somebody takes part, or did, by id.
    pub(super) fn of(&self, identity: &Identifier) -> Vec<Arc<Entry>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let ids = held.of.get(identity).into_iter().flatten();
        ids.filter_map(|id| held.threads.get(id).cloned()).collect()
    }

    /// Everybody who takes part in anything.
    pub(super) fn everybody(&self) -> Vec<Identifier> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.of.keys().cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.threads.values().cloned().collect()
    }

    /// The thread that somebody began with a token.
    pub(super) fn begun(&self, by: &Identifier, token: &str) -> Option<ThreadId> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.begun.get(&(by.clone(), token.to_owned())).copied()
    }

    /// Whether `from` may call `to` out of a thread. Answered from memory, for the switchboard.
    pub(crate) fn may_call(
        &self,
        world: &World,
        now: WallTime,
        from: &Identifier,
        to: &Identifier,
        thread: ThreadId,
    ) -> Result<(), Reason> {
        let entry = self.find(thread).ok_or(Reason::NO_SUCH_THREAD)?;
        let answer = entry.read().may_call(asked(world, now), from, to);
        answer.map_err(|refused| refused.reason)
    }

    /// Whom `from` calls together out of a thread, and what it is about. Answered from memory, for meetings.
    pub(crate) fn company(
        &self,
        world: &World,
        now: WallTime,
        from: &Identifier,
        thread: ThreadId,
    ) -> Result<(Vec<Identifier>, String), Reason> {
        let entry = self.find(thread).ok_or(Reason::NO_SUCH_THREAD)?;
        let thread = entry.read();
        let others = thread.company(asked(world, now), from);
        let others = others.map_err(|refused| refused.reason)?;
        Ok((others, thread.record().topic.clone()))
    }

    /// Whether somebody takes part in a thread.
    pub(crate) fn has(&self, identity: &Identifier, thread: ThreadId) -> bool {
        self.find(thread).is_some_and(|entry| entry.read().has(identity))
    }
}

/// What a thread is asked in, where it changes nothing.
fn asked(world: &World, now: WallTime) -> Context<'_> {
    Context {
        world,
        now: Timestamp::from_millis(now.as_millis()),
        limits: ChatLimits::default(),
        wanted: &|_| false,
    }
}
