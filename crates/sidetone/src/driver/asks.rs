//! What the app's handles ask of the driver.

use std::time::Instant;

use sidetone_media::device::Direction;
use sidetone_media::recording::RecordingOptions;
use sidetone_media::video::Content;
use sidetone_signaling::Reason;
use sidetone_signaling::agent::{Command, StartOptions};
use sidetone_signaling::protocol::meeting::Locator;
use sidetone_signaling::protocol::{CallId, NoticeKind, NoticeState, Request, TransferTarget};
use tokio::sync::mpsc;

use super::audio::{News as AudioNews, Opened};
use super::lookout::Reporter;
use super::{Answer, Answered, Chore, Created, Driver, Entry, Waiting, WaitingNotice};
use crate::call::{Call, CallEvent, CallStats};
use crate::meeting::JoinOptions;
use crate::options::{AcceptOptions, StartCallOptions};
use crate::pending::Reply;
use crate::statistics::{CollectorOptions, MediaStatisticsEvent};
use crate::video::{LocalVideoStream, SharedSound};
use crate::{CallAgent, Error, Recording, RecordingNotice};

/// What a handle wants.
pub(crate) enum Ask {
    Start {
        call: Call,
        options: StartCallOptions,
        reply: Reply<Call>,
    },
    Accept {
        call: Call,
        options: AcceptOptions,
        reply: Reply<Call>,
    },
    Join {
        call: Call,
        locator: Locator,
        options: JoinOptions,
        reply: Reply<Call>,
    },
    JoinBreakout {
        main: CallId,
        breakout: CallId,
        reply: Reply<Call>,
    },
    Request {
        call: CallId,
        request: Box<Request>,
        answer: Answered,
    },
    Decline {
        call: CallId,
    },
    HangUp {
        call: CallId,
    },
    Mute {
        call: CallId,
        muted: bool,
    },
    MuteIncoming {
        muted: bool,
    },
    Hold {
        call: CallId,
    },
    Resume {
        call: CallId,
    },
    PickUp {
        call: Call,
        reply: Reply<Call>,
    },
    Transfer {
        call: CallId,
        to: TransferTarget,
        target_only: bool,
    },
    SetNotice {
        call: CallId,
        kind: NoticeKind,
        state: NoticeState,
        consent: bool,
        reply: Reply<()>,
    },
    Consent {
        call: CallId,
        given: bool,
    },
    Record {
        call: Call,
        options: RecordingOptions,
        notice: RecordingNotice,
        reply: Reply<Recording>,
    },
    StartPictures {
        call: CallId,
        content: Content,
        stream: LocalVideoStream,
        sound: Option<SharedSound>,
        reply: Option<Reply<()>>,
    },
    StopPictures {
        call: CallId,
        content: Content,
        reply: Reply<()>,
    },
    /// What the app looks at has changed.
    Look {
        call: CallId,
    },
    Stats {
        call: CallId,
        reply: Reply<CallStats>,
    },
    Collect {
        call: CallId,
        options: CollectorOptions,
        events: mpsc::UnboundedSender<MediaStatisticsEvent>,
    },
    Token {
        token: String,
    },
    /// Tasks to be run for as long as the agent is there.
    Chores([Chore; 2]),
    NetworkChanged,
    Close {
        reply: Reply<()>,
    },
}

impl Driver {
    pub(super) fn ask(&mut self, ask: Ask, now: Instant) {
        match ask {
            Ask::Start { call, options, reply } => {
                self.calls.push(Entry::new(call.shared.clone(), true, now));
                self.calls_updated();
                self.waiting.push(Waiting::Start { call, options, reply });
                self.open_audio(now);
            }
            Ask::Join {
                call,
                locator,
                options,
                reply,
            } => {
                self.calls.push(Entry::new(call.shared.clone(), true, now));
                self.calls_updated();
                self.waiting.push(Waiting::Join {
                    call,
                    locator,
                    options,
                    reply,
                });
                self.open_audio(now);
            }
            Ask::JoinBreakout {
                main,
                breakout,
                reply,
            } => self.join_breakout(main, breakout, reply, now),
            Ask::Request {
                call,
                request,
                answer,
            } => self.request(call, request, answer, now),
            Ask::Accept { call, options, reply } => self.accept(call, options, reply, now),
            Ask::Decline { call } => self.command(Command::Decline { call }, now),
            Ask::HangUp { call } => {
                self.command(Command::HangUp { call }, now);
                self.forget_start(call);
            }
            Ask::Mute { call, muted } => self.mute(call, muted, now),
            Ask::MuteIncoming { muted } => {
                self.incoming_muted = muted;
                if let Some(engine) = self.audio.engine() {
                    engine.set_incoming_muted(muted);
                }
            }
            Ask::Hold { call } => self.command(Command::Hold { call }, now),
            Ask::Resume { call } => self.command(Command::Resume { call }, now),
            Ask::PickUp { call, reply } => {
                self.calls.push(Entry::new(call.shared.clone(), true, now));
                self.calls_updated();
                self.waiting.push(Waiting::PickUp { call, reply });
                self.open_audio(now);
            }
            Ask::Transfer {
                call,
                to,
                target_only,
            } => {
                let transfer = Command::Transfer {
                    call,
                    to,
                    target_only,
                };
                self.command(transfer, now);
            }
            Ask::SetNotice {
                call,
                kind,
                state,
                consent,
                reply,
            } => {
                if self.entry(call).is_none() {
                    let _ = reply.send(Err(Error::State("over")));
                    return;
                }
                self.set_notice((call, kind, state), consent, Answer::App(reply), now);
            }
            Ask::Consent { call, given } => self.command(Command::Consent { call, given }, now),
            Ask::Record {
                call,
                options,
                notice,
                reply,
            } => self.record(call, options, notice, reply, now),
            Ask::StartPictures {
                call,
                content,
                stream,
                sound,
                reply,
            } => self.start_pictures(call, content, stream, sound, reply),
            Ask::StopPictures { call, content, reply } => self.stop_pictures(call, content, reply, now),
            Ask::Look { call } => self.look(call),
            Ask::Stats { call, reply } => {
                let _ = reply.send(self.stats(call));
            }
            Ask::Collect {
                call,
                options,
                events,
            } => {
                if let Some(entry) = self.entry(call) {
                    entry.reporters.push(Reporter::new(options, events));
                }
            }
            Ask::Chores(chores) => {
                for chore in chores {
                    self.chores.spawn(chore);
                }
            }
            Ask::Token { token } => self.new_token(token, now),
            Ask::NetworkChanged => self.command(Command::NetworkChanged, now),
            Ask::Close { reply } => self.close(Some(reply), now),
        }
    }

    fn accept(&mut self, call: Call, options: AcceptOptions, reply: Reply<Call>, now: Instant) {
        let refusal = match self.entry(call.id()) {
            None => "over",
            Some(entry) if entry.active => "accepted already",
            Some(entry) => {
                entry.active = true;
                self.calls_updated();
                self.waiting.push(Waiting::Accept { call, options, reply });
                return self.open_audio(now);
            }
        };
        let _ = reply.send(Err(Error::State(refusal)));
    }

    fn mute(&mut self, call: CallId, muted: bool, now: Instant) {
        let Some(entry) = self.entry(call) else { return };
        if entry.shared.snapshot().muted == muted {
            return;
        }
        entry.muted_by_others = false;
        entry.shared.update(CallEvent::IsMutedChanged(muted), |snapshot| {
            snapshot.muted = muted
        });
        if let Some(mute) = self.silence(call) {
            self.command(mute, now);
        }
    }

    /// Lets the microphone be on or off as the call has it now. Gives back what the other end is to be told.
    pub(super) fn silence(&mut self, call: CallId) -> Option<Command> {
        let entry = self.entry(call)?;
        let (talking, muted) = (entry.talking, entry.shared.snapshot().is_silent());
        // A forwarding unit passes nothing of whom the roster shows as muted. What is shared is not muted by oneself.
        let told = muted && !entry.is_heard_muted();
        if let Some(engine) = self.audio.engine().filter(|_| talking) {
            engine.set_muted(muted);
        }
        Some(Command::Mute { call, muted: told })
    }

    /// Asks the service for a notice.
    pub(super) fn set_notice(
        &mut self,
        (call, kind, state): (CallId, NoticeKind, NoticeState),
        consent: bool,
        answer: Answer,
        now: Instant,
    ) {
        self.notices.push(WaitingNotice {
            call,
            kind,
            state,
            answer,
        });
        let set = Command::SetNotice {
            call,
            kind,
            state,
            consent,
        };
        self.command(set, now);
    }

    fn stats(&self, call: CallId) -> Result<CallStats, Error> {
        let leg = self
            .legs
            .of(call)
            .max_by_key(|leg| leg.port.is_none())
            .ok_or(Error::State("without media"))?;
        let voice = self
            .audio
            .engine()
            .map(|engine| engine.stats())
            .unwrap_or_default();
        let sight = self.calls.iter().find(|entry| entry.id() == call);
        let video = sight.map(|entry| entry.sight.stats(leg));
        Ok(leg.call_stats(voice, video.unwrap_or_default()))
    }

    pub(super) fn open_audio(&mut self, now: Instant) {
        if self.audio.engine().is_some() {
            self.resume_waiting(now);
        } else {
            let picked = self.selection.borrow_and_update().clone();
            self.audio.open(&picked, self.devices.roster().platform(), now);
        }
    }

    pub(super) fn audio_opened(&mut self, outcome: Opened, now: Instant) {
        let platform = self.devices.roster().platform();
        match self.audio.opened(outcome, &platform, now) {
            AudioNews::Nothing => {}
            AudioNews::Begun => {
                for (direction, device) in [Direction::Input, Direction::Output]
                    .into_iter()
                    .zip(self.audio.in_use())
                {
                    self.trouble.opened(direction);
                    self.devices.set_in_use(direction, device);
                }
                if let Some(engine) = self.audio.engine() {
                    engine.set_incoming_muted(self.incoming_muted);
                }
                self.resume_waiting(now);
            }
            AudioNews::Failed(direction, error) => {
                self.note_failure(&error, direction);
                if direction.is_some() {
                    self.tell_active(&CallEvent::DeviceFailed(error.to_string()));
                } else {
                    self.refuse_waiting(error);
                }
            }
        }
        self.supervise(now);
    }

    fn resume_waiting(&mut self, now: Instant) {
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Start { call, options, reply } => {
                    let video = options.video;
                    let (id, to, muted) = {
                        let snapshot = call.shared.snapshot();
                        (snapshot.id, snapshot.remote.identifier.clone(), snapshot.muted)
                    };
                    let options = StartOptions {
                        display_name: options.display_name,
                        context: options.context,
                        ring_for: options.ring_for,
                        on_behalf_of: options.on_behalf_of,
                        thread: options.thread,
                    };
                    let _ = reply.send(Ok(call.clone()));
                    self.command(
                        Command::StartCall {
                            call: id,
                            to,
                            options,
                        },
                        now,
                    );
                    if muted {
                        // Its id may have changed on the spot: both ends called each other.
                        self.command(
                            Command::Mute {
                                call: call.id(),
                                muted,
                            },
                            now,
                        );
                    }
                    self.begin_video(call.id(), video);
                }
                Waiting::Join {
                    call,
                    locator,
                    options,
                    reply,
                } => {
                    let id = call.id();
                    let _ = reply.send(Ok(call));
                    let join = Command::Join {
                        call: id,
                        locator,
                        display_name: options.display_name,
                        muted: options.muted,
                    };
                    self.command(join, now);
                    self.begin_video(id, options.video);
                }
                Waiting::PickUp { call, reply } => {
                    let id = call.id();
                    let _ = reply.send(Ok(call));
                    self.command(Command::PickUp { call: id }, now);
                }
                Waiting::Accept { call, options, reply } => {
                    let id = call.id();
                    self.command(Command::Accept { call: id }, now);
                    let _ = reply.send(Ok(call));
                    if options.muted {
                        self.mute(id, true, now);
                    }
                    self.begin_video(id, options.video);
                }
            }
        }
    }

    /// A camera that is to be sent from the start. Where that fails, diagnostics tell, and the call goes on.
    fn begin_video(&mut self, call: CallId, stream: Option<LocalVideoStream>) {
        if let Some(stream) = stream {
            self.start_pictures(call, Content::Camera, stream, None, None);
        }
    }

    /// No sound, no call: an outgoing one never happened, an incoming one rings on.
    fn refuse_waiting(&mut self, error: Error) {
        // One cause, told to each; only the device's own words can be told twice.
        let words = error.to_string();
        let mut first = Some(error);
        for waiting in std::mem::take(&mut self.waiting) {
            let error = first.take().unwrap_or_else(|| Error::Audio(words.clone()));
            match waiting {
                Waiting::Start { call, reply, .. }
                | Waiting::Join { call, reply, .. }
                | Waiting::PickUp { call, reply } => {
                    call.shared.end(Reason::MEDIA_SETUP_FAILED);
                    self.remove(call.id());
                    let _ = reply.send(Err(error));
                }
                Waiting::Accept { call, reply, .. } => {
                    if let Some(entry) = self.entry(call.id()) {
                        entry.active = false;
                    }
                    self.calls_updated();
                    let _ = reply.send(Err(error));
                }
            }
        }
    }

    fn take_waiting(&mut self, id: CallId) -> Vec<Waiting> {
        let (gone, kept) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.id() == id);
        self.waiting = kept;
        gone
    }

    /// A call that was hung up before the microphone was open was never told to the service.
    fn forget_start(&mut self, id: CallId) {
        for waiting in self.take_waiting(id) {
            if let Waiting::Start { call, reply, .. }
            | Waiting::Join { call, reply, .. }
            | Waiting::PickUp { call, reply } = waiting
            {
                call.shared.end(Reason::CANCELLED);
                self.remove(id);
                let _ = reply.send(Ok(call));
            }
        }
    }

    /// A call that ended while the microphone was being opened for its answer.
    pub(super) fn forget_accept(&mut self, id: CallId) {
        for waiting in self.take_waiting(id) {
            if let Waiting::Accept { reply, .. } = waiting {
                let _ = reply.send(Err(Error::State("over")));
            }
        }
    }

    /// The agent is there: whoever asked for it gets it.
    pub(super) fn created(&mut self, (created, agent): (Created, CallAgent)) {
        // A call may ring before the app has had a chance to ask for events.
        self.shared.events.keep();
        // Nobody may be waiting any more: dropping the agent unheard drops its handle, and the driver closes.
        created(Ok(agent));
    }
}
