//! The picture engine of one call: a camera and a screen that are sent, and all that is seen.
//!
//! One thread sees to the encoders, some times a second while anything is sent, else not at all. It refuses to know where
//! pictures come from, and who looks at them.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sidetone_pipeline::{Notifier, Waiter, notifier};
use sidetone_video::Size;
use sidetone_video::codec::MAX_TEMPORAL_LAYERS;
use sidetone_video::worker::EncoderStats;

use super::inlet::Inlet;
use super::sender::Sender;
use super::stats::{SourceStats, VideoReportCard, card};
use super::viewer::{Audience, RECEIVING, Shared, Viewer, Whose};
use super::{ShownAt, VideoSource};
use crate::transport::video::{LocalVideo, VideoPort, VideoReport};
use crate::video::Content;
use crate::video::payload::TemporalLayers;
use crate::voice::LinkId;

/// How often encoders are looked after while pictures are sent.
const LOOK: Duration = Duration::from_millis(40);

/// The same while a source waits for its rate: at first, for in a call that takes a moment, and at most, for before one is
/// connected it takes long.
const BEGIN: Duration = Duration::from_millis(1);
const BEGIN_AT_MOST: Duration = Duration::from_millis(8);

/// While nothing is sent. The thread is woken.
const LONG: Duration = Duration::from_secs(3600);

/// How an engine is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoEngineConfig {
    /// Threads of a camera's encoder, and of a decoder, 1 to 16.
    pub threads: u8,
    /// Threads of a screen's encoder, 1 to 16. It rests most of the time, and somebody waits for its next picture.
    pub screen_threads: u8,
    /// Share of one core that coding one source may take.
    pub cpu: f32,
}

impl Default for VideoEngineConfig {
    /// Half of the cores for a camera, all for a screen.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: (cores / 2).clamp(1, 4) as u8,
            screen_threads: cores.clamp(1, 4) as u8,
            cpu: 0.8,
        }
    }
}

enum Command {
    Connect(LinkId, Box<VideoPort>, u8),
    Disconnect(LinkId),
    Send(LinkId, bool),
    Start(Content, VideoSource, Inlet),
    Stop(Content),
    ShownAt(Content, ShownAt),
    Look,
    End,
}

/// What is left for others to see.
#[derive(Default)]
struct Published {
    /// Of the camera and of the screen.
    sources: [SourceStats; 2],
    viewers: Vec<(LinkId, Vec<Arc<Shared>>)>,
}

/// A running engine. Dropping it ends all its threads.
pub struct VideoEngine {
    commands: mpsc::Sender<Command>,
    bell: Notifier,
    published: Arc<Mutex<Published>>,
    thread: Option<JoinHandle<()>>,
}

/// Pictures of somebody that come now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Receiving {
    /// Whose.
    pub whose: Whose,
    /// Size of the newest that was decoded.
    pub size: Option<Size>,
}

impl VideoEngine {
    /// Starts one that has nothing to do yet. What comes is shown to `audience`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(config: VideoEngineConfig, audience: Arc<dyn Audience>) -> std::io::Result<Self> {
        let (commands, receiver) = mpsc::channel();
        let (bell, waiter) = notifier();
        let published = Arc::<Mutex<Published>>::default();
        let work = Work {
            config,
            audience,
            commands: receiver,
            waiter,
            published: published.clone(),
            sources: [None, None],
            past: Default::default(),
            shown_at: Default::default(),
            links: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("pictures".into())
            .spawn(move || work.run())?;
        Ok(Self {
            commands,
            bell,
            published,
            thread: Some(thread),
        })
    }

    /// Sends and sees through a transport's port from now on. Of several, the last one connected that may be sent to gets
    /// what is sent; all are seen. `temporal_layers` are those of what is sent, as in
    /// [`VideoConfig::temporal`](crate::transport::video::VideoConfig::temporal).
    pub fn connect(&self, link: LinkId, port: VideoPort, temporal_layers: TemporalLayers) {
        let layers = temporal_layers.count().min(MAX_TEMPORAL_LAYERS);
        self.tell(Command::Connect(link, Box::new(port), layers));
    }

    /// Takes a link off again.
    pub fn disconnect(&self, link: LinkId) {
        self.tell(Command::Disconnect(link));
    }

    /// Whether a link may be sent to (`false` on hold).
    pub fn set_sending(&self, link: LinkId, sending: bool) {
        self.tell(Command::Send(link, sending));
    }

    /// Sends what is handed into the inlet, in place of what was sent of that kind before. Nothing is sent before the first
    /// picture comes; another source may go on with the same inlet.
    pub fn start_source(&self, content: Content, source: VideoSource) -> Inlet {
        let inlet = Inlet::new(self.bell.clone());
        self.tell(Command::Start(content, source, inlet.clone()));
        inlet
    }

    /// Ends what is sent of that kind.
    pub fn stop_source(&self, content: Content) {
        self.tell(Command::Stop(content));
    }

    /// How large it is shown from now on, whatever source it comes from. More than that is not sent; nothing is, once nobody
    /// has looked for a second. For a single stream: of several layers, whoever passes them on knows who wants which.
    pub fn set_shown_at(&self, content: Content, shown_at: ShownAt) {
        self.tell(Command::ShownAt(content, shown_at));
    }

    /// Asks the audience again what it looks at.
    pub fn look_again(&self) {
        self.tell(Command::Look);
    }

    /// Whose pictures come, now: there was one within two seconds.
    pub fn receiving(&self, now: Instant) -> Vec<Receiving> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let viewers = published.viewers.iter().flat_map(|(_, viewers)| viewers);
        let known = viewers.map(|viewer| viewer.get()).filter_map(|decoding| {
            let recent = decoding.last.is_some_and(|last| now < last + RECEIVING);
            let (whose, size) = (decoding.whose?, decoding.size);
            recent.then_some(Receiving { whose, size })
        });
        known.collect()
    }

    /// Statistics, with those of the link's transport.
    pub fn stats(&self, link: LinkId, report: &VideoReport) -> VideoReportCard {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let viewers = published.viewers.iter().find(|(known, _)| *known == link);
        let decodings = viewers
            .iter()
            .flat_map(|(_, viewers)| viewers)
            .map(|viewer| viewer.get());
        card(report, &published.sources, &decodings.collect::<Vec<_>>())
    }

    fn tell(&self, command: Command) {
        // The thread is there as long as this is.
        let _ = self.commands.send(command);
        self.bell.notify();
    }
}

impl Drop for VideoEngine {
    fn drop(&mut self) {
        self.tell(Command::End);
        if let Some(thread) = self.thread.take() {
            // A panic on that thread was reported there.
            let _ = thread.join();
        }
    }
}

/// One transport's port.
struct Link {
    id: LinkId,
    sending: bool,
    temporal_layers: u8,
    camera: Vec<Arc<LocalVideo>>,
    screen: Vec<Arc<LocalVideo>>,
    viewers: Vec<Watching>,
}

/// A viewer's thread.
struct Watching {
    shared: Arc<Shared>,
    bell: Notifier,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shared.stop();
        self.bell.notify();
        if let Some(thread) = self.thread.take() {
            // As above.
            let _ = thread.join();
        }
    }
}

struct Work {
    config: VideoEngineConfig,
    audience: Arc<dyn Audience>,
    commands: mpsc::Receiver<Command>,
    waiter: Waiter,
    published: Arc<Mutex<Published>>,
    sources: [Option<Sender>; 2],
    /// Counters of sources that are no more.
    past: [EncoderStats; 2],
    shown_at: [ShownAt; 2],
    links: Vec<Link>,
}

fn index(content: Content) -> usize {
    match content {
        Content::Camera => 0,
        Content::Screen => 1,
    }
}

impl Work {
    fn run(mut self) {
        let mut beginning = BEGIN;
        loop {
            while let Ok(command) = self.commands.try_recv() {
                if let Command::End = command {
                    return;
                }
                self.obey(command);
            }
            let now = Instant::now();
            for source in self.sources.iter_mut().flatten() {
                source.work(now);
            }
            self.publish();
            let mut sources = self.sources.iter().flatten();
            if sources.any(Sender::is_beginning) {
                self.waiter.wait(beginning);
                beginning = (beginning * 2).min(BEGIN_AT_MOST);
                continue;
            }
            beginning = BEGIN;
            let idle = self.sources.iter().all(Option::is_none);
            self.waiter.wait(if idle { LONG } else { LOOK });
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Connect(id, port, layers) => {
                self.links.retain(|link| link.id != id);
                let link = self.link(id, *port, layers);
                self.links.push(link);
                self.redirect();
            }
            Command::Disconnect(id) => {
                let (gone, kept) = std::mem::take(&mut self.links)
                    .into_iter()
                    .partition(|link| link.id == id);
                self.links = kept;
                self.redirect();
                let gone: Vec<Link> = gone;
                drop(gone);
            }
            Command::Send(id, sending) => {
                let mut links = self.links.iter_mut();
                if let Some(link) = links.find(|link| link.id == id && link.sending != sending) {
                    link.sending = sending;
                    self.redirect();
                }
            }
            Command::Start(content, source, inlet) => {
                self.stop(content);
                let past = std::mem::take(&mut self.past[index(content)]);
                let mut sender = Sender::new(self.config.clone(), source, inlet, past, Instant::now());
                let (locals, layers) = self.locals(content);
                sender.send_to(locals, layers);
                sender.set_shown_at(self.shown_at[index(content)]);
                self.sources[index(content)] = Some(sender);
            }
            Command::Stop(content) => self.stop(content),
            Command::ShownAt(content, shown_at) => {
                self.shown_at[index(content)] = shown_at;
                if let Some(source) = &mut self.sources[index(content)] {
                    source.set_shown_at(shown_at);
                }
            }
            Command::Look => {
                let viewers = self.links.iter().flat_map(|link| &link.viewers);
                viewers.for_each(|viewer| viewer.bell.notify());
            }
            Command::End => {}
        }
    }

    fn stop(&mut self, content: Content) {
        if let Some(mut source) = self.sources[index(content)].take() {
            source.send_to(Vec::new(), 1);
            self.past[index(content)] = source.stats().encoders;
        }
    }

    /// Where pictures of that kind go, and their temporal layers.
    fn locals(&self, content: Content) -> (Vec<Arc<LocalVideo>>, u8) {
        let link = self.links.iter().rev().find(|link| link.sending);
        let locals = link.map(|link| match content {
            Content::Camera => (link.camera.clone(), link.temporal_layers),
            Content::Screen => (link.screen.clone(), link.temporal_layers),
        });
        locals.unwrap_or((Vec::new(), 1))
    }

    /// What is sent goes to another link, or nowhere, if that has changed.
    fn redirect(&mut self) {
        for content in [Content::Camera, Content::Screen] {
            let (locals, layers) = self.locals(content);
            if let Some(source) = &mut self.sources[index(content)] {
                source.send_to(locals, layers);
            }
        }
    }

    fn link(&self, id: LinkId, port: VideoPort, temporal_layers: u8) -> Link {
        let viewers = port.remote.into_iter().filter_map(|remote| {
            let (bell, waiter) = notifier();
            remote.set_notifier(bell.clone());
            let shared = Arc::<Shared>::default();
            let viewer = Viewer::new(
                remote,
                self.audience.clone(),
                shared.clone(),
                waiter,
                self.config.threads,
            );
            let thread = thread::Builder::new()
                .name("viewer".into())
                .spawn(move || viewer.run())
                .map_err(|error| tracing::error!(%error, "no thread for pictures that come"));
            Some(Watching {
                shared,
                bell,
                thread: Some(thread.ok()?),
            })
        });
        Link {
            id,
            sending: true,
            temporal_layers,
            camera: port.camera.into_iter().map(Arc::new).collect(),
            screen: vec![Arc::new(port.screen)],
            viewers: viewers.collect(),
        }
    }

    fn publish(&self) {
        let sources = [0, 1].map(|index| match &self.sources[index] {
            Some(source) => source.stats(),
            None => SourceStats {
                encoders: self.past[index].clone(),
                ..SourceStats::default()
            },
        });
        let viewers = self.links.iter().map(|link| {
            let viewers = link.viewers.iter().map(|viewer| viewer.shared.clone());
            (link.id, viewers.collect())
        });
        let published = Published {
            sources,
            viewers: viewers.collect(),
        };
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = published;
    }
}
