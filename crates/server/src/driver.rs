//! Drives the switchboard: one task owns it, hands it what connections bring, and carries out what it wants. The only
//! place that reads the monotonic clock for it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use sidetone_meeting::{MediaEvent, Minutes, Order};
use sidetone_organisation::MeetingId;
use sidetone_signaling::protocol::meeting::{Breakout, BreakoutSettings};
use sidetone_signaling::protocol::{CallId, Event};
use sidetone_signaling::switchboard::{
    CloseCode, ConnectionId, Record, ServerInput, ServerOutput, Stats, Switchboard,
};
use sidetone_signaling::{Identifier, Reason};
use tokio::sync::{mpsc, oneshot};

use crate::accounting::Recorder;
use crate::clock::wall_now;
use crate::meetings::{Present, Running, Stage};
use crate::metrics::Metrics;
use crate::outbox::{Outbox, Queued};
use crate::token::{TokenError, Tokens, Withdrawn};

/// Inputs that may wait for the task. A full queue holds back the sockets that fill it, nothing else.
const WAITING_INPUTS: usize = 1_024;

/// What the task is told.
pub(crate) enum Input {
    /// A client opened a connection.
    Connected(ConnectionId, Outbox),
    /// A client sent a text frame.
    Frame(ConnectionId, String),
    /// A connection is gone.
    Disconnected(ConnectionId),
    /// Another part of the service has something to tell to an identity's endpoints.
    Tell(Identifier, Box<Event>),
    /// An operator ends a call.
    EndCall(CallId, Reason),
    /// The directory is another.
    Changed,
    /// Who is and was in a meeting that runs.
    Present(MeetingId, oneshot::Sender<Option<Present>>),
    /// What people did beside talking in a meeting that runs.
    Minutes(MeetingId, oneshot::Sender<Option<(CallId, Minutes)>>),
    /// The breakout rooms of a meeting that runs.
    Breakouts(
        MeetingId,
        oneshot::Sender<Option<(BreakoutSettings, Vec<Breakout>)>>,
    ),
    /// Somebody who is not in a meeting wants something done in it.
    Order(MeetingId, Order, oneshot::Sender<Result<(), Reason>>),
    /// Tokens no longer count although they have not expired.
    Withdrawn(Withdrawn),
    /// Someone wants figures.
    Stats(oneshot::Sender<Stats>),
    /// The service stops.
    Shutdown,
}

/// Why the task goes on.
enum Woken {
    Timer,
    Media(CallId, MediaEvent),
    Input(Input),
}

/// Hands inputs to the task.
pub(crate) type Inputs = mpsc::Sender<Input>;

/// The task's state.
struct Driver {
    switchboard: Switchboard,
    stage: Stage,
    outboxes: HashMap<ConnectionId, Outbox>,
    tokens: Arc<Tokens>,
    metrics: Arc<Metrics>,
    recorder: Recorder,
    /// Who opened a session.
    opened: mpsc::Sender<Identifier>,
}

/// Starts the task; it ends once every [`Inputs`] is dropped.
pub(crate) fn start(
    (switchboard, stage, left_running): (Switchboard, Stage, Vec<Running>),
    heard: mpsc::UnboundedReceiver<(CallId, MediaEvent)>,
    tokens: Arc<Tokens>,
    metrics: Arc<Metrics>,
    recorder: Recorder,
    opened: mpsc::Sender<Identifier>,
) -> (Inputs, tokio::task::JoinHandle<()>) {
    let (inputs, waiting) = mpsc::channel(WAITING_INPUTS);
    let driver = Driver {
        switchboard,
        stage,
        outboxes: HashMap::new(),
        tokens,
        metrics,
        recorder,
        opened,
    };
    (inputs, tokio::spawn(driver.run(left_running, waiting, heard)))
}

impl Driver {
    async fn run(
        mut self,
        left_running: Vec<Running>,
        mut waiting: mpsc::Receiver<Input>,
        mut heard: mpsc::UnboundedReceiver<(CallId, MediaEvent)>,
    ) {
        let now = Instant::now();
        for running in left_running {
            self.stage.restore(running, (now, wall_now()));
        }
        let mut wake_at = self.carry_out(now);
        loop {
            let timer = async {
                match wake_at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            let woken = tokio::select! {
                // Timers first: a flood of frames must not put off a deadline.
                biased;
                () = timer => Woken::Timer,
                // Whoever joins waits for this one.
                Some((call, event)) = heard.recv() => Woken::Media(call, event),
                input = waiting.recv() => match input {
                    Some(input) => Woken::Input(input),
                    None => return,
                },
            };
            let now = Instant::now();
            match woken {
                Woken::Timer => {
                    self.switchboard.handle(ServerInput::Timeout, now);
                    self.stage.timeout((now, wall_now()));
                }
                Woken::Media(call, event) => self.stage.media(call, event, (now, wall_now())),
                Woken::Input(input) => self.take(input, now),
            }
            wake_at = self.carry_out(now);
        }
    }

    fn take(&mut self, input: Input, now: Instant) {
        let input = match input {
            Input::Connected(connection, outbox) => {
                self.outboxes.insert(connection, outbox);
                ServerInput::Connected { connection }
            }
            Input::Frame(connection, text) => {
                self.metrics.frames_received.inc();
                if !self.outboxes.contains_key(&connection) {
                    // Closed from this side; what was still under way is void.
                    return;
                }
                ServerInput::Frame { connection, text }
            }
            Input::Disconnected(connection) => {
                self.outboxes.remove(&connection);
                ServerInput::Disconnected { connection }
            }
            Input::Tell(identity, event) => ServerInput::Tell { identity, event },
            Input::EndCall(call, reason) => ServerInput::EndCall { call, reason },
            Input::Withdrawn(Withdrawn::Identity(identity)) => ServerInput::EndIdentity {
                identity,
                reason: TokenError::Revoked.reason(),
            },
            Input::Withdrawn(Withdrawn::Key) => {
                // Which key each session's token was signed with is not remembered: all of them come back with new
                // tokens.
                ServerInput::EndSessions {
                    reason: TokenError::UnknownKey.reason(),
                }
            }
            Input::Changed => return self.stage.changed((now, wall_now())),
            Input::Present(meeting, reply) => {
                // The asker may have given up, here and below.
                let _ = reply.send(self.stage.present(&meeting, (now, wall_now())));
                return;
            }
            Input::Minutes(meeting, reply) => {
                let _ = reply.send(self.stage.minutes(&meeting));
                return;
            }
            Input::Breakouts(meeting, reply) => {
                let _ = reply.send(self.stage.breakouts(&meeting, now));
                return;
            }
            Input::Order(meeting, order, reply) => {
                let _ = reply.send(self.stage.order(&meeting, order, (now, wall_now())));
                return;
            }
            Input::Shutdown => {
                // Their media ends with this process.
                self.stage.end_all((now, wall_now()));
                while let Some(reply) = self.stage.reply() {
                    self.switchboard.handle(reply, now);
                }
                ServerInput::Shutdown
            }
            Input::Stats(reply) => {
                // The asker may have given up.
                let _ = reply.send(self.switchboard.stats());
                return;
            }
        };
        self.switchboard.handle(input, now);
    }

    /// Carries out everything the switchboard wants; returns when it wants to be woken. What comes of it goes back in
    /// only after everything is carried out, as the switchboard's contract asks.
    fn carry_out(&mut self, now: Instant) -> Option<Instant> {
        let mut answers = VecDeque::new();
        loop {
            match self.switchboard.poll() {
                ServerOutput::Send { connection, text } => {
                    if !self.send(connection, text) {
                        answers.push_back(ServerInput::Disconnected { connection });
                    }
                }
                ServerOutput::Close { connection, code } => {
                    if let Some(outbox) = self.outboxes.remove(&connection) {
                        outbox.close(code);
                    }
                }
                ServerOutput::Authenticate { connection, token } => {
                    let result = self.tokens.grant(&token, wall_now());
                    let result = result.map_err(|error| error.reason());
                    answers.push_back(ServerInput::Authenticated { connection, result });
                }
                ServerOutput::Ask(ask) => self.stage.asked(ask, (now, wall_now())),
                ServerOutput::Record(record) => {
                    log(&record);
                    self.metrics.record(&record);
                    self.recorder.record(&record);
                    self.stage.heard(&record, (now, wall_now()));
                    if let Record::SessionOpened { identity, .. } = *record {
                        // So many at once that some are not told of their messages now will see them listed.
                        let _ = self.opened.try_send(identity);
                    }
                }
                ServerOutput::Timeout(at) => match answers.pop_front().or_else(|| self.stage.reply()) {
                    Some(answer) => self.switchboard.handle(answer, now),
                    None => return [at, self.stage.wake()].into_iter().flatten().min(),
                },
            }
        }
    }

    /// False when the connection was cut off because its client reads too slowly.
    fn send(&mut self, connection: ConnectionId, text: String) -> bool {
        let Some(outbox) = self.outboxes.get(&connection) else {
            return true;
        };
        match outbox.send(text) {
            Queued::Yes => {
                self.metrics.frames_sent.inc();
                true
            }
            Queued::Full => {
                tracing::warn!(
                    connection = connection.0,
                    "client reads too slowly, connection closed"
                );
                if let Some(outbox) = self.outboxes.remove(&connection) {
                    outbox.cut_off(Reason::TOO_SLOW, CloseCode::Overload);
                }
                false
            }
            // Its client has left, but what it said before still waits for its turn: the connection tells its end
            // itself, after all of it.
            Queued::Gone => true,
        }
    }
}

/// Writes a fact to the log: ids and reasons, no identity, address or secret.
fn log(record: &Record) {
    match record {
        Record::SessionOpened { session, .. } => tracing::info!(%session, "session opened"),
        Record::SessionTakesCalls { session, takes_calls } => {
            tracing::info!(%session, takes_calls, "session has another token")
        }
        Record::SessionResumed {
            session,
            replayed,
            outage,
        } => {
            tracing::info!(%session, replayed, outage_ms = outage.as_millis(), "session resumed");
        }
        Record::SessionDetached { session } => tracing::info!(%session, "session lost its connection"),
        Record::SessionEnded { session, reason } => tracing::info!(%session, %reason, "session ended"),
        Record::CallsMerged { call, void } => tracing::info!(%call, %void, "calls crossed and were merged"),
        Record::CallStarted { call, legs, .. } => tracing::info!(%call, legs, "call started"),
        Record::CallRefused { call, reason, .. } => tracing::info!(%call, %reason, "call refused"),
        Record::CallForwarded { call, why, .. } => tracing::info!(%call, ?why, "call forwarded"),
        Record::TransferRequested { call, .. } => tracing::info!(%call, "call to be transferred"),
        Record::NoticeChanged {
            call, kind, state, ..
        } => tracing::info!(%call, ?kind, ?state, "notice changed"),
        Record::ConsentChanged { call, given, .. } => tracing::info!(%call, given, "consent changed"),
        Record::CallRinging { call, after } => {
            tracing::info!(%call, after_ms = after.as_millis(), "call rings");
        }
        Record::CallAnswered { call, after } => {
            tracing::info!(%call, after_ms = after.as_millis(), "call answered");
        }
        Record::ParticipantAdded { call, .. } => tracing::debug!(%call, "participant added"),
        Record::Reported { report, .. } => {
            tracing::debug!(call = %report.call, streams = report.streams.len(), "reported");
        }
        Record::ParticipantRemoved { call, .. } => tracing::debug!(%call, "participant removed"),
        Record::CallMoved { call, .. } => tracing::info!(%call, "call of two goes on as one of more"),
        Record::CallEnded {
            call,
            reason,
            duration,
            ..
        } => {
            tracing::info!(%call, %reason, duration_ms = duration.as_millis(), "call ended");
        }
        Record::Refused { connection, reason } => {
            tracing::debug!(connection = connection.0, %reason, "frame refused");
        }
    }
}
