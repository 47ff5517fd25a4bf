//! Starts the parts in order, keeps them, and ends them in order.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sidetone_chat::ChatLimits;
use sidetone_ledger::Fact;
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::switchboard::{Policy, Stats, Switchboard, SwitchboardConfig};
use sidetone_signaling::{Identifier, Reason};
use sidetone_store::{Sequence, Store};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::accounting::{self, Keep, Recorder};
use crate::admission::Admission;
use crate::api::registry::Estate;
use crate::api::{self, Api};
use crate::chat::{self, Chats};
use crate::clock::wall_now;
use crate::config::{DevTokens, ServerConfig};
use crate::connection::Connections;
use crate::driver::{self, Input, Inputs};
use crate::events::{self, Webhooks};
use crate::exchange::{self, Exchange};
use crate::flag::raised;
use crate::health::{self, Examination};
use crate::http::{self, Service};
use crate::identity::{self, Identities};
use crate::keyring::OldKeys;
use crate::listener::Acceptor;
use crate::meetings::{self, Attendance, Media, NoMedia, SfuMedia, Stage, WorldPeople};
use crate::metrics::Metrics;
use crate::outbound::Outbound;
use crate::policy::WorldPolicy;
use crate::relay;
use crate::token::{self, IssuedToken, TokenError, TokenRequest, Tokens, Withdrawn};
use crate::voicemail::{self, Mailboxes};
use crate::{Secret, ServerError};

/// Name of the store within the data folder.
const STORE_FILE: &str = "sidetone.redb";

/// Revocations that may wait for the switchboard's driver.
const WAITING_WITHDRAWALS: usize = 1_024;

/// Identities that opened a session and wait to be told of their messages.
const WAITING_OPENINGS: usize = 10_000;

/// What there is to keep of meetings, and waits for the disk.
const WAITING_ENDINGS: usize = 1_024;

/// How long parts that were told to end at once may take to do so.
const ABANDON_GRACE: Duration = Duration::from_secs(2);

/// The calling service of one process.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Starts a server in the current tokio runtime. It serves until [`ServerHandle::shutdown`], or until the handle
    /// is dropped.
    ///
    /// # Errors
    /// [`ServerError`]: nothing is left running then.
    pub async fn start(config: ServerConfig) -> Result<ServerHandle, ServerError> {
        Self::start_with_policy(config, None).await
    }

    /// As [`Server::start`], with a policy of the embedding program instead of the organisations' own.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with_policy(
        config: ServerConfig,
        policy: Option<Box<dyn Policy>>,
    ) -> Result<ServerHandle, ServerError> {
        check(&config)?;
        let store = open_store(config.data_dir.clone()).await?;
        let tokens = Arc::new(Tokens::open(&*store.kv, config.token_lifetimes.clone(), wall_now()).await?);
        let api = Api::open(&store, &config, tokens.clone()).await?;
        let first_operator_key = api.keys.first_operator_key(wall_now()).await?;
        let outbound = Outbound::new(config.outbound);
        let (registry, kv) = (&api.registry, &store.kv);
        let identities = Arc::new(Identities::new(
            registry.clone(),
            tokens.clone(),
            kv.clone(),
            config.token_veto.clone(),
            config.identity_quotas,
        ));
        let exchange = Arc::new(Exchange::new(
            registry.clone(),
            tokens.clone(),
            kv.clone(),
            config.token_veto.clone(),
            outbound,
        ));
        let bind_error = |source| ServerError::Bind {
            address: config.bind,
            source,
        };
        let listener = TcpListener::bind(config.bind).await.map_err(bind_error)?;
        let local = listener.local_addr().map_err(bind_error)?;

        let metrics = Arc::new(Metrics::new());
        let keep = Keep {
            records: config.keep_records,
            events: config.deliveries.keep,
        };
        let people = Arc::new(accounting::Cards(registry.clone()));
        let (recorder, records) = Recorder::start(store.clone(), people, keep, metrics.clone()).await?;
        let accounts = accounting::http::Accounts {
            shelf: accounting::Shelf::new(store.clone()),
            live: recorder.watch(),
            registry: registry.clone(),
            rounding: config.usage_rounding,
        };
        let webhooks = Webhooks::start(store.clone(), outbound, config.deliveries).await?;
        let keys: Weak<dyn Estate> = Arc::downgrade(&(api.keys.clone() as Arc<dyn Estate>));
        let exchanges: Weak<dyn Estate> = Arc::downgrade(&(exchange.clone() as Arc<dyn Estate>));
        let subscriptions: Weak<dyn Estate> = Arc::downgrade(&(webhooks.clone() as Arc<dyn Estate>));
        webhooks.forget_strangers(registry).await?;
        let events = events::http::Desk {
            webhooks: webhooks.clone(),
            audit: registry.audit().clone(),
        };
        let attendance = Attendance::new(kv.clone(), config.keep_records);
        let (ledger, left_running) = attendance.left_running(wall_now()).await?;
        let (kept, keeping) = mpsc::channel(WAITING_ENDINGS);
        let (heard, hearing) = mpsc::unbounded_channel();
        let (news, heard_news) = mpsc::unbounded_channel();
        let media: Box<dyn Media> = match &config.media {
            Some(media) => Box::new(SfuMedia::start(media, heard).map_err(ServerError::Media)?),
            None => Box::new(NoMedia(heard)),
        };
        let threads = chat::open(store.kv.clone()).await?;
        let people = Box::new(WorldPeople(registry.clone(), threads.clone()));
        // The secrets in links of group calls are drawn from this seed.
        let brain = sidetone_meeting::Meetings::new(meeting_config(&config), people, rand::random());
        let stage = Stage::new(
            brain,
            media,
            registry.clone(),
            (recorder.clone(), metrics.clone()),
            kept,
            news,
        );
        // Session ids and resume tokens are drawn from this seed.
        let mut switchboard = Switchboard::new(switchboard_config(&config), rand::random());
        let own_policy = || Box::new(WorldPolicy(registry.clone(), threads.clone())) as Box<dyn Policy>;
        switchboard.set_policy(policy.unwrap_or_else(own_policy));
        if let Some(turn) = config.turn.clone() {
            switchboard.set_relays(turn.relays());
        }
        let teller = recorder.teller();
        let (opened, openings) = mpsc::channel(WAITING_OPENINGS);
        let (inputs, driver) = driver::start(
            (switchboard, stage, left_running),
            hearing,
            tokens.clone(),
            metrics.clone(),
            recorder,
            opened,
        );
        let mailboxes = Mailboxes::new(
            registry.clone(),
            kv.clone(),
            config.keep_voicemail,
            teller,
            inputs.downgrade(),
        );
        let messages: Weak<dyn Estate> = Arc::downgrade(&(mailboxes.clone() as Arc<dyn Estate>));
        let attended: Weak<dyn Estate> = Arc::downgrade(&(attendance.clone() as Arc<dyn Estate>));
        let meetings = meetings::Desk {
            registry: registry.clone(),
            attendance: attendance.clone(),
            inputs: inputs.downgrade(),
            link_base: config.meeting_links.clone(),
        };
        let chats = Chats::new(
            threads,
            chat::Ground {
                registry: registry.clone(),
                kv: kv.clone(),
                post: accounting::Post::new(store.clone()),
                webhooks: webhooks.clone(),
                inputs: inputs.downgrade(),
                limits: ChatLimits {
                    participants: config.chat_participants,
                },
                outbound,
                file_scan: config.file_scan.clone(),
                link_preview: config.link_preview.clone(),
                translation: config.translation.clone(),
            },
        )?;
        let conversations: Weak<dyn Estate> = Arc::downgrade(&(chats.clone() as Arc<dyn Estate>));
        registry.keepers(vec![
            keys,
            exchanges,
            subscriptions,
            messages,
            attended,
            conversations,
        ]);

        let (stop, stopped) = watch::channel(false);
        let (abandon, abandoned) = watch::channel(false);
        let (alive, all_gone) = mpsc::channel(1);
        let admission = Admission::new(config.connections.max, config.connections.max_per_address);
        let connections = Arc::new(Connections {
            inputs: inputs.clone(),
            metrics: metrics.clone(),
            limits: config.connections.clone(),
            max_frame: config.limits.frame,
            next: AtomicU64::new(1),
            abandon: abandoned.clone(),
        });
        let service = Service {
            connections,
            admission: admission.clone(),
            tokens: tokens.clone(),
            store: store.clone(),
            dev_tokens: config.dev_tokens,
            alive: alive.clone(),
        };
        let examination = Examination {
            store: store.clone(),
            data_dir: config.data_dir.clone(),
            webhooks: webhooks.clone(),
            metrics: metrics.clone(),
            inputs: inputs.downgrade(),
        };
        let routers = [
            identity::router(identities.clone()),
            exchange::router(exchange.clone(), identities),
            token::router(tokens.clone(), registry.clone(), kv.clone()),
            accounting::http::router(Arc::new(accounts)),
            events::http::router(Arc::new(events)),
            voicemail::router(mailboxes.clone()),
            meetings::router(Arc::new(meetings)),
            chat::router(chats.clone()),
            health::router(Arc::new(examination)),
        ];
        let (withdraw, withdrawn) = mpsc::channel(WAITING_WITHDRAWALS);
        let mut followers = JoinSet::new();
        followers.spawn(token::follow(tokens.clone(), kv.clone(), withdraw).await?);
        followers.spawn(pass_on(withdrawn, inputs.downgrade(), stopped.clone()));
        followers.spawn(pass_changes_on(registry.changes(), inputs.downgrade()));
        let mut caretakers = JoinSet::new();
        caretakers.spawn(attendance.keep(ledger, keeping));
        caretakers.spawn(meetings::follow_conversations(
            chats.clone(),
            registry.clone(),
            heard_news,
        ));
        caretakers.spawn(chat::follow_departures(chats.clone(), stopped.clone()));
        caretakers.spawn(chat::sweep(chats.clone(), config.chat_sweep, stopped.clone()));
        caretakers.spawn(voicemail::follow_departures(mailboxes.clone(), stopped.clone()));
        caretakers.spawn(voicemail::follow_openings(mailboxes, openings, stopped.clone()));
        let acceptor = Acceptor {
            listener,
            router: http::router(Arc::new(service), api::router(&api, routers)),
            admission,
            metrics: metrics.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            header_timeout: config.connections.header_timeout,
            alive,
            abandon: abandoned,
        };
        if config.dev_tokens == DevTokens::Anyone && !local.ip().is_loopback() {
            tracing::warn!("anyone who reaches this server can have a token for any identity");
        }
        tracing::info!(
            port = local.port(),
            persistent = config.data_dir.is_some(),
            "serving"
        );

        let weak_inputs = inputs.downgrade();
        let (ended, end) = watch::channel(false);
        let accepting = tokio::spawn(acceptor.run(stopped.clone()));
        let parts = Parts {
            inputs,
            driver,
            records,
            webhooks,
            followers,
            caretakers,
            accepting,
            abandon,
            all_gone,
            ended,
        };
        tokio::spawn(parts.supervise(stopped, config.shutdown_grace));
        Ok(ServerHandle {
            local,
            stop,
            end,
            inputs: weak_inputs,
            tokens,
            metrics,
            store,
            first_operator_key,
            #[cfg(test)]
            chats,
        })
    }
}

/// Tells the driver whose tokens no longer count, until the server stops.
async fn pass_on(
    mut withdrawn: mpsc::Receiver<Withdrawn>,
    inputs: mpsc::WeakSender<Input>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let next = tokio::select! {
            () = raised(&mut stop) => return,
            next = withdrawn.recv() => next,
        };
        let (Some(next), Some(inputs)) = (next, inputs.upgrade()) else {
            return;
        };
        if inputs.send(Input::Withdrawn(next)).await.is_err() {
            return;
        }
    }
}

/// Tells the driver that the directory is another, until the server stops.
async fn pass_changes_on(mut changes: watch::Receiver<u64>, inputs: mpsc::WeakSender<Input>) {
    while changes.changed().await.is_ok() {
        let Some(inputs) = inputs.upgrade() else { return };
        if inputs.send(Input::Changed).await.is_err() {
            return;
        }
    }
}

/// Issues a token with the signing key in `data_dir`, without a running server; the key is made if there is none.
///
/// # Errors
/// [`ServerError::Store`] with [`sidetone_store::StoreError::Locked`] while a server runs on that folder: ask it
/// instead. [`ServerError::Token`] when the request is not allowed.
pub async fn issue_token(data_dir: &Path, request: TokenRequest) -> Result<IssuedToken, ServerError> {
    let lifetimes = ServerConfig::default().token_lifetimes;
    let store = open_store(Some(data_dir.to_owned())).await?;
    let tokens = Tokens::open(&*store.kv, lifetimes, wall_now()).await?;
    Ok(tokens.issue(request, wall_now())?)
}

fn check(config: &ServerConfig) -> Result<(), ServerError> {
    let limits = &config.connections;
    if config.token_lifetimes.is_empty() {
        return Err(ServerError::Config(
            "token lifetimes: the shortest is longer than the longest",
        ));
    }
    if limits.ping_interval.is_zero() || limits.ping_interval >= limits.idle_timeout {
        return Err(ServerError::Config(
            "the ping interval must be shorter than the idle time-out, and not zero",
        ));
    }
    if limits.max == 0 || limits.max_per_address == 0 {
        return Err(ServerError::Config("at least one connection must be allowed"));
    }
    relay::check(&config.ice_servers)?;
    if let Some(turn) = &config.turn {
        turn.check()?;
    }
    if limits.send_queue_frames < config.limits.unacknowledged_events {
        return Err(ServerError::Config(
            "the send queue must hold the events that a resuming client has missed",
        ));
    }
    Ok(())
}

fn switchboard_config(config: &ServerConfig) -> SwitchboardConfig {
    SwitchboardConfig {
        open_timeout: config.open_timeout,
        resume_window: config.resume_window,
        media_lease: config.media_lease,
        no_answer: config.no_answer,
        limits: config.limits.clone(),
        ice_servers: config.ice_servers.clone(),
        ..SwitchboardConfig::default()
    }
}

fn meeting_config(config: &ServerConfig) -> sidetone_meeting::Config {
    sidetone_meeting::Config {
        link_base: config.meeting_links.clone(),
        media_lease: config.media_lease,
        roster_grace: config.roster_grace,
        ring: config.no_answer,
        ..sidetone_meeting::Config::default()
    }
}

/// Opens the store off the runtime's threads: opening reads, repairs and may wait for the disk.
async fn open_store(folder: Option<PathBuf>) -> Result<Store, ServerError> {
    let open = move || {
        let Some(folder) = folder else {
            return Ok(Store::in_memory()?);
        };
        let file = folder.join(STORE_FILE);
        let failed = |source| ServerError::DataFolder {
            folder: folder.clone(),
            source,
        };
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let store = Store::open(&file)?;
        // Nobody else has this folder now.
        remove_unfinished(&folder).map_err(failed)?;
        Ok(store)
    };
    match tokio::task::spawn_blocking(open).await {
        Ok(result) => result,
        Err(_) => Err(sidetone_store::StoreError::Closed.into()),
    }
}

/// Removes what a process left that was killed while it made a copy or a store.
fn remove_unfinished(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_copy = name.starts_with(api::COPY);
        if is_copy || (name.starts_with(STORE_FILE) && name.ends_with(".unfinished")) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What runs, and is to be ended.
struct Parts {
    inputs: Inputs,
    driver: JoinHandle<()>,
    records: JoinHandle<()>,
    webhooks: Arc<Webhooks>,
    /// Tasks that follow the store: they hold it open.
    followers: JoinSet<()>,
    /// Tasks that change the store and end by themselves, with what they are at.
    caretakers: JoinSet<()>,
    accepting: JoinHandle<()>,
    abandon: watch::Sender<bool>,
    all_gone: mpsc::Receiver<std::convert::Infallible>,
    ended: watch::Sender<bool>,
}

impl Parts {
    /// Waits for the end to be asked for, then ends everything in bounded time: no new connections, clients told,
    /// records written.
    async fn supervise(mut self, mut stop: watch::Receiver<bool>, grace: Duration) {
        // Also when the handle was dropped: the same wish.
        raised(&mut stop).await;
        tracing::info!("shutting down");
        self.accepting.abort();
        let _ = self.accepting.await;
        let _ = self.inputs.send(Input::Shutdown).await;
        if tokio::time::timeout(grace, self.all_gone.recv()).await.is_err() {
            tracing::warn!("some clients did not leave in time");
            self.abandon.send_replace(true);
            let _ = tokio::time::timeout(ABANDON_GRACE, self.all_gone.recv()).await;
        }
        drop(self.inputs);
        if tokio::time::timeout(ABANDON_GRACE, &mut self.driver)
            .await
            .is_err()
        {
            self.driver.abort();
            let _ = self.driver.await;
        }
        if tokio::time::timeout(ABANDON_GRACE, &mut self.records)
            .await
            .is_err()
        {
            tracing::error!("call records could not be written in time");
            self.records.abort();
        }
        let cared = async { while self.caretakers.join_next().await.is_some() {} };
        if tokio::time::timeout(ABANDON_GRACE, cared).await.is_err() {
            tracing::warn!("mailboxes are still being emptied: the next start goes on with it");
            self.caretakers.shutdown().await;
        }
        self.webhooks.stop_all().await;
        // Whoever waits for the end may open the store again at once.
        drop(self.webhooks);
        self.followers.shutdown().await;
        tracing::info!("stopped");
        self.ended.send_replace(true);
    }
}

/// A running server. Dropping it shuts the server down in the background.
pub struct ServerHandle {
    local: SocketAddr,
    stop: watch::Sender<bool>,
    end: watch::Receiver<bool>,
    // Weak: the driver's task ends when nobody can reach it any more, and this handle must not keep it.
    inputs: mpsc::WeakSender<Input>,
    tokens: Arc<Tokens>,
    metrics: Arc<Metrics>,
    store: Store,
    first_operator_key: Option<Secret>,
    #[cfg(test)]
    pub(crate) chats: Arc<Chats>,
}

impl ServerHandle {
    /// The address it listens on, with the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where clients on this machine connect: `ws://…/v1/ws`.
    pub fn url(&self) -> String {
        let mut address = self.local;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            });
        }
        format!("ws://{address}/v1/ws")
    }

    /// The key of the API that was made for the operator at this start, the first on this store. It cannot be shown
    /// again later.
    pub fn first_operator_key(&self) -> Option<&Secret> {
        self.first_operator_key.as_ref()
    }

    /// Issues a token.
    ///
    /// # Errors
    /// [`TokenError::Lifetime`], [`TokenError::NameTooLong`], [`TokenError::Identity`].
    pub fn issue_token(&self, request: TokenRequest) -> Result<IssuedToken, TokenError> {
        let issued = self.tokens.issue(request, wall_now())?;
        self.metrics.tokens_issued.inc();
        Ok(issued)
    }

    /// Takes back every token that was issued to `identity` up to now; its sessions end within
    /// [`crate::REVOCATION_BOUND`].
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn revoke_tokens(&self, identity: &Identifier) -> Result<(), ServerError> {
        self.tokens.revoke(&*self.store.kv, identity, wall_now()).await
    }

    /// Makes a new key that signs tokens from now on. With [`OldKeys::Drop`] every token that was issued before is void
    /// and every session ends.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn rotate_signing_keys(&self, old: OldKeys) -> Result<(), ServerError> {
        self.tokens.rotate(&*self.store.kv, old, wall_now()).await
    }

    /// How much the switchboard holds right now; `None` when the server has ended.
    pub async fn stats(&self) -> Option<Stats> {
        let (reply, stats) = oneshot::channel();
        self.inputs.upgrade()?.send(Input::Stats(reply)).await.ok()?;
        stats.await.ok()
    }

    /// What `GET /metrics` shows: OpenMetrics text. `None` when the server has ended.
    pub async fn metrics_page(&self) -> Option<String> {
        let stats = self.stats().await?;
        Some(self.metrics.page(&stats))
    }

    /// The number that the next of [`ServerHandle::call_facts`] will have.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn next_call_fact(&self) -> Result<Sequence, ServerError> {
        Ok(accounting::next_fact(&self.store).await?)
    }

    /// Ends a call on the operator's behalf. One that is over already is left alone.
    pub async fn end_call(&self, call: CallId) {
        if let Some(inputs) = self.inputs.upgrade() {
            let _ = inputs.send(Input::EndCall(call, Reason::ENDED_BY_SERVICE)).await;
        }
    }

    /// What happened in calls, from record `from` on, at most `limit`, with the numbers of the records. Written a
    /// moment after it happened.
    ///
    /// # Errors
    /// [`ServerError::Store`].
    pub async fn call_facts(
        &self,
        from: Sequence,
        limit: usize,
    ) -> Result<Vec<(Sequence, Fact)>, ServerError> {
        Ok(accounting::facts(&self.store, from, limit).await?)
    }

    /// Waits until the server has ended, for whatever reason.
    pub async fn wait(&self) {
        raised(&mut self.end.clone()).await;
    }

    /// Stops accepting, tells every client that the service is going away, and waits until they have left (for as
    /// long as [`ServerConfig::shutdown_grace`]) and call records are written. Media of calls goes on until the clients
    /// reach a server again: sessions live in this process, so their calls then end (496/7).
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.wait().await;
    }
}

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerHandle")
            .field("port", &self.local.port())
            .finish_non_exhaustive()
    }
}
