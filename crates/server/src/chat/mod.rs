//! Chat: keeps threads, and carries out what they plan. What is acknowledged is on disk, with its events and its use;
//! endpoints are told at once through their sessions.
//!
//! What may be done, who is told and what ends when is decided by `sidetone_chat`; this refuses to know any of it. It
//! writes in the order that a plan asks for, so that a process that is killed anywhere leaves a whole thread.

mod follow;
mod hook;
mod http;
mod meeting;
mod preview;
mod refusal;
mod scan;
mod shelf;
mod sweep;
mod threads;
mod translate;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::future::join_all;
use sidetone_chat::{
    ChatLimits, Context, Erased, Item, ItemKey, Message, News, Outcome, Plan, Refused, Region, Thread,
};
use sidetone_ledger::{Scope, Timestamp, chat_event};
use sidetone_organisation::World;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::{Identifier, Reason};
use sidetone_store::{Kv, StoreError, WallTime};
use tokio::sync::{OwnedMutexGuard, mpsc};

pub(crate) use follow::follow_departures;
pub use hook::ChatHook;
pub(crate) use http::router;
pub use scan::{FileScan, Unanswered};
pub(crate) use sweep::sweep;
pub(crate) use threads::Threads;

use crate::accounting::Post;
use crate::api::audit::{AuditEntry, AuditScope};
use crate::api::caller::Actor;
use crate::api::problem::{Problem, ProblemType};
use crate::api::registry::Registry;
use crate::clock::wall_now;
use crate::driver::Input;
use crate::error::ServerError;
use crate::events::Webhooks;
use crate::outbound::Outbound;
use preview::Previewer;
use refusal::problem;
use scan::Scanner;
use shelf::Shelf;
use threads::Entry;
use translate::Translator;

/// In a thread of more people, events are written for tenants only that have somewhere to send them.
const EVENTS_FOR_ALL: usize = 100;
/// Of a change that is older than this the events are not told again after a restart.
const TOLD_AGAIN: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// All chats.
pub(crate) struct Chats {
    registry: Arc<Registry>,
    threads: Arc<Threads>,
    shelf: Shelf,
    post: Post,
    webhooks: Arc<Webhooks>,
    inputs: mpsc::WeakSender<Input>,
    limits: ChatLimits,
    /// Who looks through files, where somebody does.
    scanner: Option<Scanner>,
    /// Who looks up what is behind addresses, where somebody does.
    previewer: Option<Arc<Previewer>>,
    /// Who translates, where somebody does.
    translator: Option<Translator>,
    /// Held by who begins a thread with a token.
    beginning: tokio::sync::Mutex<()>,
}

/// What chat stands on.
pub(crate) struct Ground {
    pub(crate) registry: Arc<Registry>,
    pub(crate) kv: Arc<dyn Kv>,
    pub(crate) post: Post,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) inputs: mpsc::WeakSender<Input>,
    pub(crate) limits: ChatLimits,
    pub(crate) outbound: Outbound,
    pub(crate) file_scan: Option<FileScan>,
    pub(crate) link_preview: Option<ChatHook>,
    pub(crate) translation: Option<ChatHook>,
}

/// The threads in a store.
///
/// # Errors
/// Of the store.
pub(crate) async fn open(kv: Arc<dyn Kv>) -> Result<Arc<Threads>, StoreError> {
    Threads::open(&Shelf { kv }, wall_now()).await
}

/// The tenants that want events.
struct Wanted {
    all: bool,
    served: HashSet<Scope>,
}

impl Wanted {
    fn wants(&self, scope: &Scope) -> bool {
        self.all || self.served.contains(scope)
    }
}

impl Chats {
    /// # Errors
    /// An address that may not be asked about files or messages.
    pub(crate) fn new(threads: Arc<Threads>, ground: Ground) -> Result<Arc<Self>, ServerError> {
        let outbound = ground.outbound;
        let scan = ground.file_scan;
        let scanner = scan.map(|scan| Scanner::new(scan, outbound)).transpose()?;
        let previews = ground.link_preview;
        let previewer = previews.map(|hook| Previewer::new(hook, outbound)).transpose()?;
        let translation = ground.translation;
        let translator = translation
            .map(|hook| Translator::new(hook, outbound))
            .transpose()?;
        Ok(Arc::new(Self {
            registry: ground.registry,
            threads,
            shelf: Shelf { kv: ground.kv },
            post: ground.post,
            webhooks: ground.webhooks,
            inputs: ground.inputs,
            limits: ground.limits,
            scanner,
            previewer: previewer.map(Arc::new),
            translator,
            beginning: tokio::sync::Mutex::default(),
        }))
    }

    /// Has a thread plan something, and carries it out.
    ///
    /// # Errors
    /// What the thread refuses; no such thread; the store.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        by: &Actor,
        id: ThreadId,
        wish: impl FnOnce(&mut Thread, Context<'_>) -> Result<Outcome<T>, Refused>,
    ) -> Result<T, Problem> {
        let (entry, changing) = self.enter(id).await?;
        let outcome = self
            .within(&entry, |thread, context| wish(thread, context))
            .map_err(problem)?;
        self.done(by, &entry, outcome.plan, changing).await?;
        Ok(outcome.value)
    }

    /// As [`Chats::change`], of a message, which is handed over as it is kept.
    async fn change_message<T: Send + 'static>(
        self: &Arc<Self>,
        by: &Actor,
        id: ThreadId,
        message: u64,
        wish: impl FnOnce(&mut Thread, Context<'_>, Message) -> Result<Outcome<T>, Refused>,
        asker: &sidetone_chat::Actor,
    ) -> Result<T, Problem> {
        let (entry, changing) = self.enter(id).await?;
        self.within(&entry, |thread, context| {
            thread.message_for(context, asker, message)
        })
        .map_err(problem)?;
        let home = entry.read().record().home.region.clone();
        let kept = self.shelf.message(id, &home, message, wall_now()).await?;
        let kept = kept.ok_or_else(|| problem(Reason::NO_SUCH_MESSAGE.into()))?;
        let outcome = self
            .within(&entry, |thread, context| wish(thread, context, kept))
            .map_err(problem)?;
        self.done(by, &entry, outcome.plan, changing).await?;
        Ok(outcome.value)
    }

    /// Asks a thread something, all of which is known.
    async fn ask<T>(
        self: &Arc<Self>,
        id: ThreadId,
        question: impl FnOnce(&Thread, Context<'_>) -> Result<T, Refused>,
    ) -> Result<T, Problem> {
        let (entry, _) = self.enter(id).await?;
        let wanted = self.wanted(&entry);
        let world = self.registry.world();
        let thread = entry.read();
        question(&thread, self.context(&world, &|scope| wanted.wants(scope))).map_err(problem)
    }

    /// The region in which a thread is kept.
    ///
    /// # Errors
    /// No such thread.
    fn home(&self, id: ThreadId) -> Result<Region, Problem> {
        let entry = self.threads.find(id);
        let entry = entry.ok_or_else(|| problem(Reason::NO_SUCH_THREAD.into()))?;
        let home = entry.read().record().home.region.clone();
        Ok(home)
    }

    /// A thread, all of which is known, to be changed by nobody else.
    async fn enter(self: &Arc<Self>, id: ThreadId) -> Result<(Arc<Entry>, OwnedMutexGuard<bool>), Problem> {
        let (entry, changing) = self.look_into(id).await?;
        entry.touch();
        Ok((entry, changing))
    }

    /// As [`Chats::enter`], for who wants nothing of it.
    async fn look_into(
        self: &Arc<Self>,
        id: ThreadId,
    ) -> Result<(Arc<Entry>, OwnedMutexGuard<bool>), Problem> {
        let entry = self
            .threads
            .find(id)
            .ok_or_else(|| problem(Reason::NO_SUCH_THREAD.into()))?;
        let mut changing = entry.changing.clone().lock_owned().await;
        if !*changing {
            self.complete(&entry).await?;
            *changing = true;
        }
        Ok((entry, changing))
    }

    /// Learns all that is written of a thread, and does what a crash left to be done.
    async fn complete(&self, entry: &Arc<Entry>) -> Result<(), StoreError> {
        let (home, regions) = {
            let world = self.registry.world();
            let thread = entry.read();
            let resources = world
                .resources()
                .filter_map(|one| one.region.clone())
                .map(Region::from);
            let copies = thread.copies().map(|(region, ..)| region.clone());
            let regions: BTreeSet<Region> = resources.chain(copies).chain([Region::LOCAL]).collect();
            (thread.record().home.region.clone(), regions)
        };
        let now = wall_now();
        let items = self.shelf.all(entry.id, &home, &regions, now).await?;
        let Some(thread) = Thread::load(items) else {
            return Err(StoreError::Storage {
                message: "a thread has no record".into(),
            });
        };
        entry.with(|known| *known = thread);
        let needed = self.within(entry, |thread, context| thread.needed_to_mend(context));
        let messages = self.shelf.messages(entry.id, &home, &needed, now).await?;
        let plan = self.within(entry, |thread, context| thread.mend(context, messages));
        self.carry_out(&Actor::Service, entry, &plan).await?;
        if entry.wake() {
            return Ok(());
        }
        self.tell_again(entry, &home, now).await
    }

    /// Applications are sent the events of the last change again, if it is a new one: a crash may have kept it from them.
    async fn tell_again(&self, entry: &Entry, home: &Region, now: WallTime) -> Result<(), StoreError> {
        let last = entry.read().last_changed();
        let Some(id) = last else { return Ok(()) };
        let Some(message) = self.shelf.message(entry.id, home, id, now).await? else {
            return Ok(());
        };
        let at = message.deleted.or(message.edited).unwrap_or(message.created);
        if at.after(TOLD_AGAIN).as_millis() < now.as_millis() {
            return Ok(());
        }
        let (news, usage) = entry.read().last_news(message);
        let happenings = self.announce(entry, &news).1;
        self.post
            .write(happenings.into_iter().map(chat_event).collect(), usage)
            .await;
        Ok(())
    }

    /// With a thread, and the moment.
    fn within<T>(&self, entry: &Entry, wish: impl FnOnce(&mut Thread, Context<'_>) -> T) -> T {
        let wanted = self.wanted(entry);
        let world = self.registry.world();
        let wants = |scope: &Scope| wanted.wants(scope);
        let context = self.context(&world, &wants);
        entry.with(|thread| wish(thread, context))
    }

    fn context<'a>(&self, world: &'a World, wanted: &'a dyn Fn(&Scope) -> bool) -> Context<'a> {
        Context {
            world,
            now: Timestamp::from_millis(wall_now().as_millis()),
            limits: self.limits,
            wanted,
        }
    }

    fn wanted(&self, entry: &Entry) -> Wanted {
        Wanted {
            all: entry.read().current().count() <= EVENTS_FOR_ALL,
            served: self.webhooks.served(),
        }
    }

    /// Carries a plan out, to its end even where who asked for it goes away.
    async fn done(
        self: &Arc<Self>,
        by: &Actor,
        entry: &Arc<Entry>,
        plan: Plan,
        mut changing: OwnedMutexGuard<bool>,
    ) -> Result<(), Problem> {
        let (chats, by, entry) = (self.clone(), by.clone(), entry.clone());
        let work = async move {
            let done = chats.carry_out(&by, &entry, &plan).await;
            if done.is_err() {
                // Some of it may be written: what is known is made again from that.
                *changing = false;
            }
            done
        };
        match tokio::spawn(work).await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Problem::new(
                ProblemType::INTERNAL,
                "the chat could not be changed",
            )),
        }
    }

    async fn carry_out(&self, by: &Actor, entry: &Arc<Entry>, plan: &Plan) -> Result<(), StoreError> {
        let home = entry.read().record().home.region.clone();
        self.write(by, entry.id, &home, plan).await?;
        self.forget_translations(entry.id, plan);
        if plan.deletes.contains(&ItemKey::Thread) {
            self.threads.remove(entry);
            return Ok(());
        }
        entry.with(|thread| thread.apply(plan));
        if plan.items().any(|item| matches!(item, Item::Participant(_))) {
            self.threads.insert(entry);
        }
        let (tells, happenings) = self.announce(entry, &plan.news);
        let events = happenings.into_iter().map(chat_event).collect();
        self.post.write(events, plan.usage.clone()).await;
        if let Some(inputs) = self.inputs.upgrade() {
            for (to, event) in tells {
                // A service that is stopping tells nobody.
                let _ = inputs.send(Input::Tell(to, Box::new(event))).await;
            }
        }
        Ok(())
    }

    /// Of what was taken back or deleted, nothing is left in another language either.
    fn forget_translations(&self, id: ThreadId, plan: &Plan) {
        let Some(translator) = &self.translator else {
            return;
        };
        let unsaid = plan.news.iter().filter_map(|news| match news {
            News::Unsaid(message) => Some(message.id),
            _ => None,
        });
        let deleted = plan.deletes.iter().filter_map(|key| match key {
            ItemKey::Message(message) => Some(*message),
            _ => None,
        });
        unsaid
            .chain(deleted)
            .for_each(|message| translator.forget(id, message));
    }

    /// Writes a plan, in its order.
    async fn write(&self, by: &Actor, id: ThreadId, home: &Region, plan: &Plan) -> Result<(), StoreError> {
        let now = wall_now();
        for items in [&plan.before, &plan.commit, &plan.after] {
            let puts = items.iter().map(|item| self.shelf.put(id, home, item, now));
            join_all(puts).await.into_iter().collect::<Result<(), _>>()?;
        }
        // Entered before it is done: nothing is erased without an entry.
        let entries = plan
            .erased
            .iter()
            .map(|erased| self.audit_erased(by, id, erased, now));
        join_all(entries).await.into_iter().collect::<Result<(), _>>()?;
        let (record, others): (Vec<_>, Vec<_>) = plan
            .deletes
            .iter()
            .partition(|key| matches!(key, ItemKey::Thread));
        for keys in [others, record] {
            let deletes = keys.into_iter().map(|key| self.shelf.delete(id, home, key, now));
            join_all(deletes).await.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(())
    }

    #[allow(clippy::type_complexity, reason = "two lists")]
    fn announce(
        &self,
        entry: &Entry,
        news: &[News],
    ) -> (
        Vec<(Identifier, sidetone_signaling::protocol::Event)>,
        Vec<sidetone_ledger::ChatHappening>,
    ) {
        let (mut tells, mut happenings) = (Vec::new(), Vec::new());
        for news in news {
            let told = self.within(entry, |thread, context| thread.announce(context, news));
            tells.extend(told.tells);
            happenings.extend(told.happenings);
        }
        (tells, happenings)
    }

    async fn audit_erased(
        &self,
        by: &Actor,
        id: ThreadId,
        erased: &Erased,
        now: WallTime,
    ) -> Result<(), StoreError> {
        let target = match &erased.item {
            ItemKey::Message(message) => format!("chat.{id}.message.{message}"),
            ItemKey::Copy(region, identity) => format!("chat.{id}.copy.{region}.{identity}"),
            ItemKey::Attachment(file) => format!("chat.{id}.file.{file}"),
            ItemKey::Held(message, version) => format!("chat.{id}.held.{message}.{version}"),
            ItemKey::Participant(identity) => format!("chat.{id}.participant.{identity}"),
            ItemKey::Answer(message, by) => format!("chat.{id}.answer.{message}.{by}"),
            ItemKey::Thread => format!("chat.{id}"),
        };
        let entry = AuditEntry::new(by.clone(), "chat.erase", target, now).noting(erased.cause.word());
        self.registry
            .audit()
            .append(&audit_scope(erased.scope.as_ref()), &entry, now)
            .await
    }

    /// Enters that somebody did something to a thread as a whole.
    async fn audit(&self, by: &Actor, action: &str, id: ThreadId, note: &str) -> Result<(), Problem> {
        let home = self
            .threads
            .find(id)
            .and_then(|entry| entry.read().record().home.organisation.clone());
        let now = wall_now();
        let entry = AuditEntry::new(by.clone(), action, format!("chat.{id}"), now).noting(note);
        let scope = audit_scope(home.map(Scope::Organisation).as_ref());
        Ok(self.registry.audit().append(&scope, &entry, now).await?)
    }
}

fn audit_scope(scope: Option<&Scope>) -> AuditScope {
    match scope {
        Some(Scope::Organisation(id)) => AuditScope::Organisation(id.clone()),
        Some(Scope::Resource(id)) => AuditScope::Resource(id.clone()),
        None => AuditScope::Deployment,
    }
}
