//! The call itself, on a thread of its own: what the window asks for becomes calls of the SDK, and what the SDK tells becomes
//! the scene. Everything comes through one channel, so nothing here is locked.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use sidetone::capture::SourceId;
use sidetone::media::pictures::{Picture, Size};
use sidetone::{
    AcceptOptions, AgentEvent, AgentOptions, AudioInput, AudioOutput, Call, CallAgent, CallClient, CallEvent,
    CallState, Credential, Error, Identifier, IncomingCall, JoinOptions, LocalVideoStream, Locator,
    MediaStreamType, NetworkOptions, ParticipantState, StartCallOptions, VideoInput,
};

use crate::numbers::Numbers;
use crate::scene::{Board, Scene, Tile};
use crate::token::Who;
use crate::view::Button;

/// How often the numbers are read.
const SECOND: Duration = Duration::from_secs(1);

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is to be done, as the command line says it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub server: String,
    pub who: Who,
    pub what: What,
    pub camera: Camera,
    pub silent: bool,
    pub bind: Vec<std::net::SocketAddr>,
}

/// Which call.
#[derive(Clone, Debug)]
pub enum What {
    Call(Identifier),
    Answer,
    Meet(String),
}

/// What is sent as a camera.
#[derive(Clone, Debug)]
pub enum Camera {
    Pattern,
    Film(PathBuf),
    Device(Option<String>),
}

impl Camera {
    /// As it is written on the command line.
    pub fn named(name: &str) -> Self {
        match name.strip_prefix("device:") {
            Some(id) => Self::Device(Some(id.to_owned())),
            None if name == "device" => Self::Device(None),
            None if name == "pattern" => Self::Pattern,
            None => Self::Film(name.into()),
        }
    }

    fn input(&self) -> VideoInput {
        match self.clone() {
            Self::Pattern => VideoInput::Pattern,
            Self::Film(path) => VideoInput::Film { path, repeat: true },
            Self::Device(id) => VideoInput::Camera(id.map(SourceId)),
        }
    }
}

/// What the thread is told.
pub enum Message {
    /// A person wants something.
    Pressed(Button),
    /// So large each stream is drawn; those that are not named are not drawn at all.
    Looks(Vec<(u32, Size)>),
    /// Somebody calls.
    Rings(IncomingCall),
    /// Something happened in the call.
    Told(CallEvent),
}

/// Leads a call from its beginning to its end.
///
/// # Errors
/// Why it did not come about, in words for people.
pub fn lead(
    plan: &Plan,
    sender: &Sender<Message>,
    messages: &Receiver<Message>,
    board: &Arc<Board>,
) -> Result<(), Failure> {
    let client = CallClient::new()?;
    if plan.silent {
        client.device_manager().select_microphone(AudioInput::Silence);
        client.device_manager().select_speaker(AudioOutput::Null);
    }
    let options = AgentOptions {
        network: NetworkOptions {
            bind: plan.bind.clone(),
            ..NetworkOptions::default()
        },
        ..AgentOptions::default()
    };
    let credential = Credential::new(plan.who.token(&plan.server)?);
    let agent = client
        .create_call_agent(&plan.server, credential, options)
        .wait()?;
    let me = agent.identity().map_or_else(String::new, |me| me.to_string());
    board.change(|scene| scene.me = me);

    let camera = LocalVideoStream::new(plan.camera.input());
    let shown = board.clone();
    camera.set_preview(Some(Arc::new(move |picture: Picture| {
        shown.change(|scene| scene.preview = scene.camera.then_some(picture));
    })));
    if let Some(call) = begin(&plan.what, &agent, camera.clone(), sender, messages, board)? {
        follow(&call, sender);
        let leader = Leader {
            call,
            camera,
            screen: LocalVideoStream::new(VideoInput::Screen(None)),
            board,
            shown: HashSet::new(),
            numbers: Numbers::default(),
        };
        leader.run(sender, messages);
    }
    agent.dispose().wait()?;
    Ok(())
}

/// The call, once there is one; `None` when nobody wants to wait for it any more.
fn begin(
    what: &What,
    agent: &CallAgent,
    camera: LocalVideoStream,
    sender: &Sender<Message>,
    messages: &Receiver<Message>,
    board: &Board,
) -> Result<Option<Call>, Error> {
    let title = match what {
        What::Call(to) => format!("Calling {to}"),
        What::Answer => "Waiting for a call".to_owned(),
        What::Meet(_) => "Joining the meeting".to_owned(),
    };
    board.change(|scene| (scene.title, scene.state) = (title, String::new()));
    let video = Some(camera);
    match what {
        What::Call(to) => {
            let options = StartCallOptions {
                video,
                ..StartCallOptions::default()
            };
            agent.start_call(to.clone(), options).wait().map(Some)
        }
        What::Meet(link) => {
            let options = JoinOptions {
                video,
                ..JoinOptions::default()
            };
            agent.join(Locator::Link(link.clone()), options).wait().map(Some)
        }
        What::Answer => {
            let sender = sender.clone();
            agent.on_event(move |event| {
                if let AgentEvent::IncomingCall(ringing) = event {
                    let _ = sender.send(Message::Rings(ringing));
                }
            });
            for message in messages {
                match message {
                    Message::Rings(ringing) => {
                        let options = AcceptOptions {
                            video,
                            ..AcceptOptions::default()
                        };
                        return ringing.accept(options).wait().map(Some);
                    }
                    Message::Pressed(Button::HangUp) => break,
                    _ => {}
                }
            }
            Ok(None)
        }
    }
}

/// Has the thread told what happens in a call.
fn follow(call: &Call, sender: &Sender<Message>) {
    let sender = sender.clone();
    call.on_event(move |event| {
        let _ = sender.send(Message::Told(event));
    });
}

struct Leader<'a> {
    call: Call,
    camera: LocalVideoStream,
    screen: LocalVideoStream,
    board: &'a Arc<Board>,
    /// Streams that have a sink.
    shown: HashSet<u32>,
    numbers: Numbers,
}

impl Leader<'_> {
    fn run(mut self, sender: &Sender<Message>, messages: &Receiver<Message>) {
        let mut next = Instant::now() + SECOND;
        loop {
            self.refresh();
            match messages.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Message::Pressed(Button::HangUp)) => {
                    // An error means that the other end was faster.
                    let _ = self.call.hang_up();
                    return;
                }
                Ok(Message::Pressed(button)) => {
                    let trouble = self.press(button).err().map(|error| error.to_string());
                    self.board.change(|scene| scene.trouble = trouble);
                }
                Ok(Message::Looks(looks)) => self.look(&looks),
                // Handed over: it goes on as another call.
                Ok(Message::Told(CallEvent::Replaced(call))) => {
                    follow(&call, sender);
                    self.call = call;
                    self.shown.clear();
                }
                Ok(Message::Told(CallEvent::Ended(reason))) => {
                    // The end of a call that was replaced is not the end.
                    if self.call.end_reason().is_some() {
                        let words = format!("{}. Q closes the window.", reason.message);
                        self.board.change(|scene| {
                            let (me, title) = (std::mem::take(&mut scene.me), "Call ended".into());
                            *scene = Scene {
                                me,
                                title,
                                state: words,
                                ..Scene::default()
                            };
                        });
                        return;
                    }
                }
                // One call at a time.
                Ok(Message::Rings(ringing)) => drop(ringing.reject()),
                Ok(Message::Told(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    next = Instant::now() + SECOND;
                    if let Ok(stats) = self.call.stats().wait() {
                        let words = self.numbers.words(&stats, Instant::now());
                        self.board.change(|scene| scene.numbers = words);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn press(&self, button: Button) -> Result<(), Error> {
        let call = &self.call;
        match button {
            Button::Mute if call.is_muted() => call.unmute(),
            Button::Mute => call.mute(),
            Button::Camera if call.is_local_video_started() => call.stop_video().wait(),
            Button::Camera => call.start_video(&self.camera).wait(),
            Button::Share if call.is_screen_sharing_on() => call.stop_screen_sharing().wait(),
            Button::Share => call.start_screen_sharing(&self.screen).wait(),
            // The window's own.
            Button::Fill | Button::HangUp => Ok(()),
        }
    }

    /// Has those pictures sent and decoded that are drawn, in that size.
    fn look(&mut self, looks: &[(u32, Size)]) {
        for stream in self.call.remote_video_streams() {
            let id = stream.id();
            let Some((_, size)) = looks.iter().find(|(look, _)| *look == id) else {
                if self.shown.remove(&id) {
                    stream.set_sink(None);
                }
                continue;
            };
            stream.show_at(Some(*size));
            if self.shown.insert(id) {
                let board = self.board.clone();
                stream.set_sink(Some(Arc::new(move |picture: Picture| board.show(id, picture))));
            }
        }
    }

    /// Writes into the scene how the call is now.
    fn refresh(&self) {
        let call = &self.call;
        let mut tiles = self.tiles();
        self.board.change(|scene| {
            for tile in &mut tiles {
                let mut before = scene.tiles.iter_mut();
                let same = before.find(|before| before.stream == tile.stream && tile.stream.is_some());
                tile.picture = same.and_then(|tile| tile.picture.take());
            }
            scene.tiles = tiles;
            scene.state = words(call.state(), call.is_reconnecting()).to_owned();
            scene.muted = call.is_muted();
            scene.sharing = call.is_screen_sharing_on();
            scene.camera = call.is_local_video_started();
            if !scene.camera {
                scene.preview = None;
            }
        });
    }

    /// Screens first, then who speaks, then all others.
    fn tiles(&self) -> Vec<Tile> {
        let call = &self.call;
        if !matches!(
            call.state(),
            CallState::Connected | CallState::LocalHold | CallState::RemoteHold
        ) {
            return Vec::new();
        }
        let mut people = Vec::new();
        if call.meeting().is_none() {
            let other = call.remote_participant();
            people.push((None, name(&other.display_name, &other.identifier), other.is_muted));
        }
        let there = call.participants().into_iter();
        for other in there.filter(|other| other.state != ParticipantState::Ringing) {
            let number = Some(other.participant);
            people.push((
                number,
                name(&other.display_name, &other.identifier),
                other.is_muted,
            ));
        }
        let speakers = call.dominant_speakers().list();
        people.sort_by_key(|(number, ..)| {
            let place = speakers.iter().position(|speaker| Some(*speaker) == *number);
            place.unwrap_or(usize::MAX)
        });
        let streams = call.remote_video_streams();
        let of = |number, kind| {
            let mut streams = streams.iter();
            let stream = streams.find(|s| s.participant() == number && s.media_stream_type() == kind);
            stream.map(|stream| stream.id())
        };
        let (mut screens, mut faces) = (Vec::new(), Vec::new());
        for (number, name, muted) in people {
            let tile = Tile {
                stream: of(number, MediaStreamType::Video),
                name,
                muted,
                ..Tile::default()
            };
            if let Some(screen) = of(number, MediaStreamType::ScreenSharing) {
                screens.push(Tile {
                    stream: Some(screen),
                    is_screen: true,
                    muted: false,
                    ..tile.clone()
                });
            }
            faces.push(tile);
        }
        screens.append(&mut faces);
        screens
    }
}

fn name(display_name: &str, identifier: &Identifier) -> String {
    match display_name {
        "" => identifier.to_string(),
        name => name.to_owned(),
    }
}

fn words(state: CallState, reconnecting: bool) -> &'static str {
    match state {
        _ if reconnecting => "Reconnecting ...",
        CallState::None | CallState::Connecting => "Connecting ...",
        CallState::Ringing => "Ringing ...",
        CallState::EarlyMedia => "Announcement",
        CallState::InLobby => "Waiting to be let in ...",
        CallState::Connected => "Connected",
        CallState::LocalHold => "On hold",
        CallState::RemoteHold => "Put on hold",
        CallState::Disconnecting | CallState::Disconnected => "Over",
    }
}
