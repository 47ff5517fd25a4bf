//! The client: the thread that carries all network, and the devices.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sidetone_pipeline::promote_current_thread;
use tokio::sync::{mpsc, watch};

use crate::Error;
use crate::agent::CallAgent;
use crate::chat::ChatClient;
use crate::devices::DeviceManager;
use crate::driver::{Config, Created, Driver};
use crate::options::{AgentOptions, Credential};
use crate::pending::Pending;

/// Where everything starts: one for each process is the rule.
///
/// All network of a client runs on one thread with one current-thread runtime. The client's handles are plain
/// objects: use them from any async runtime or from none. When the client and all its agents are dropped, calls that
/// are still on are hung up; the last drop waits for that, about a second at most when the network is gone.
pub struct CallClient {
    thread: Arc<NetworkThread>,
    devices: DeviceManager,
}

/// The usual time between packets: what the network thread must be ready for.
const PACKET: Duration = Duration::from_millis(20);

/// The network thread; ends when the last handle to it is dropped.
pub(crate) struct NetworkThread {
    spawner: Option<mpsc::UnboundedSender<Driver>>,
    /// Drivers hold a receiver: it closes when they shall say goodbye.
    running: watch::Receiver<()>,
    handle: Option<JoinHandle<()>>,
}

/// How long work that cannot be interrupted (closing devices, fetching a token) may go on after the last goodbye.
const AFTER: Duration = Duration::from_secs(3);

impl NetworkThread {
    fn start() -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (spawner, mut drivers) = mpsc::unbounded_channel::<Driver>();
        let (stop, running) = watch::channel(());
        let handle = thread::Builder::new().name("sidetone".into()).spawn(move || {
            // Behind the audio workers, before everything ordinary: a packet that waits for a busy machine is late.
            // What was granted matters to nobody; everything works without.
            let _ = promote_current_thread(PACKET);
            runtime.block_on(async move {
                let mut tasks = tokio::task::JoinSet::new();
                loop {
                    tokio::select! {
                        driver = drivers.recv() => match driver {
                            Some(driver) => {
                                tasks.spawn(driver.run());
                            }
                            None => break,
                        },
                        // Agents that are done leave nothing behind.
                        Some(_) = tasks.join_next() => {}
                    }
                }
                drop(stop);
                while tasks.join_next().await.is_some() {}
            });
            // Devices are being closed. One that hangs, or a token refresher, must not hold the app up.
            runtime.shutdown_timeout(AFTER);
        })?;
        Ok(Self {
            spawner: Some(spawner),
            running,
            handle: Some(handle),
        })
    }
}

impl Drop for NetworkThread {
    fn drop(&mut self) {
        self.spawner.take();
        if let Some(handle) = self.handle.take() {
            // The last handle may be dropped on the thread itself, which cannot wait for itself.
            if handle.thread().id() != thread::current().id() {
                let _ = handle.join();
            }
        }
    }
}

impl CallClient {
    /// Starts the network thread.
    ///
    /// # Errors
    /// [`Error::System`] when there is no thread or no event queue to be had.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            thread: Arc::new(NetworkThread::start()?),
            devices: DeviceManager::default(),
        })
    }

    /// The microphones and speakers.
    pub fn device_manager(&self) -> DeviceManager {
        self.devices.clone()
    }

    /// As [`CallClient::create_call_agent`], for an app that chats and never rings. A token for chat alone will do.
    ///
    /// # Errors
    /// As [`CallClient::create_call_agent`].
    pub fn create_chat_client(&self, url: &str, credential: Credential) -> Pending<ChatClient> {
        let options = AgentOptions {
            no_calls: true,
            ..AgentOptions::default()
        };
        let (reply, pending) = Pending::new();
        self.connect(url, credential, options, move |agent| {
            // Nobody may be waiting any more; then nobody wants to know.
            let _ = reply.send(agent.map(|agent| agent.chat()));
        });
        pending
    }

    /// Connects to the service at `url` (`ws://host:port`, or `wss://host:port` behind a TLS proxy) as the token's
    /// user. The agent can be called from then on, and reconnects by itself.
    ///
    /// # Errors
    /// [`Error::Refused`] when the service refuses the token (401/10009 where it is malformed, expired or revoked,
    /// 403/20027 where its scopes allow no calls, 495/4507 where a refresher brings no better one), [`Error::Network`] when it cannot be reached, both within
    /// seconds; [`Error::Argument`] for an address that is none.
    pub fn create_call_agent(
        &self,
        url: &str,
        credential: Credential,
        options: AgentOptions,
    ) -> Pending<CallAgent> {
        let (reply, pending) = Pending::new();
        self.connect(url, credential, options, move |agent| {
            // Nobody may be waiting any more; then nobody wants to know.
            let _ = reply.send(agent);
        });
        pending
    }

    fn connect(
        &self,
        url: &str,
        credential: Credential,
        options: AgentOptions,
        created: impl FnOnce(Result<CallAgent, Error>) + Send + 'static,
    ) {
        let config = match Config::new(url, credential, options, self.devices.clone()) {
            Ok(config) => config,
            Err(error) => return created(Err(error)),
        };
        let (asks, inbox) = mpsc::unbounded_channel();
        let (base, token) = (config.uri.clone(), &config.credential.token);
        let agent = CallAgent::new(asks, self.thread.clone(), base, token);
        let created = (Box::new(created) as Created, agent);
        let driver = Driver::new(config, inbox, self.thread.running.clone(), created);
        if let Some(spawner) = &self.thread.spawner {
            // A thread that is gone drops the driver and with it the reply: the outcome is `Closed`.
            let _ = spawner.send(driver);
        }
    }
}
