//! What an operator watches, in the Prometheus text format (OpenMetrics 1.0). Names and labels only: no identity,
//! address or call id ever becomes a label.

use std::fmt::Write as _;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sidetone_meeting::Fact;
use sidetone_signaling::Reason;
use sidetone_signaling::switchboard::{Record, Stats};

/// Code and subcode of a reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByReason {
    code: u32,
    subcode: u32,
}

impl From<&Reason> for ByReason {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.into(),
            subcode: reason.subcode,
        }
    }
}

/// A cause that has no reason in the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByCause {
    cause: &'static str,
}

/// Seconds from ringing to the answer: people take 2 to 30, machines milliseconds.
const ANSWER_BUCKETS: [f64; 13] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 90.0, 120.0,
];
/// Seconds from placing the call to ringing: one round trip to the callee.
const RINGING_BUCKETS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Seconds of talk.
const TALK_BUCKETS: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 14400.0];

/// All metrics of one server.
pub(crate) struct Metrics {
    registry: Registry,
    connections: Gauge,
    sessions: Gauge,
    sessions_detached: Gauge,
    identities: Gauge,
    calls_ringing: Gauge,
    calls_active: Gauge,
    events_unacknowledged: Gauge,
    events_passed_over: Gauge,
    pub(crate) connections_opened: Counter,
    connections_turned_away: Family<ByCause, Counter>,
    connections_failed: Family<ByCause, Counter>,
    sessions_opened: Counter,
    sessions_resumed: Counter,
    events_replayed: Counter,
    sessions_ended: Family<ByReason, Counter>,
    calls_started: Counter,
    calls_answered: Counter,
    calls_merged: Counter,
    calls_ended: Family<ByReason, Counter>,
    call_ringing_seconds: Histogram,
    call_answer_seconds: Histogram,
    call_talk_seconds: Histogram,
    meetings_active: Gauge,
    meeting_joins: Counter,
    meeting_lobby_waits: Counter,
    meeting_leaves: Family<ByReason, Counter>,
    pub(crate) frames_received: Counter,
    pub(crate) frames_sent: Counter,
    frames_refused: Family<ByReason, Counter>,
    pub(crate) tokens_issued: Counter,
    pub(crate) records_lost: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("sidetone");
        let r = &mut registry;
        macro_rules! metric {
            ($make:expr, $name:literal, $help:literal) => {{
                let metric = $make;
                r.register($name, $help, metric.clone());
                metric
            }};
        }
        Self {
            connections: metric!(Gauge::default(), "connections", "Open WebSocket connections"),
            sessions: metric!(
                Gauge::default(),
                "sessions",
                "Sessions, with or without a connection"
            ),
            sessions_detached: metric!(
                Gauge::default(),
                "sessions_detached",
                "Sessions that lost their connection and may be resumed"
            ),
            identities: metric!(Gauge::default(), "identities", "Identities with a session"),
            calls_ringing: metric!(Gauge::default(), "calls_ringing", "Calls that ring"),
            calls_active: metric!(
                Gauge::default(),
                "calls_active",
                "Calls that were answered and go on"
            ),
            events_unacknowledged: metric!(
                Gauge::default(),
                "events_unacknowledged",
                "Events that wait for a client's acknowledgement"
            ),
            events_passed_over: metric!(
                Gauge::default(),
                "events_passed_over",
                "Messages, text and captions that clients were spared which lag behind, since the start"
            ),
            connections_opened: metric!(
                Counter::default(),
                "connections_opened",
                "WebSocket connections accepted"
            ),
            connections_turned_away: metric!(
                Family::default(),
                "connections_turned_away",
                "Connections refused at the door, by limit"
            ),
            connections_failed: metric!(
                Family::default(),
                "connections_failed",
                "WebSocket connections that this end gave up, by cause"
            ),
            sessions_opened: metric!(Counter::default(), "sessions_opened", "Sessions opened"),
            sessions_resumed: metric!(
                Counter::default(),
                "sessions_resumed",
                "Sessions continued on a new connection"
            ),
            events_replayed: metric!(
                Counter::default(),
                "events_replayed",
                "Events sent again on resume"
            ),
            sessions_ended: metric!(Family::default(), "sessions_ended", "Sessions ended, by reason"),
            calls_started: metric!(Counter::default(), "calls_started", "Calls placed"),
            calls_answered: metric!(Counter::default(), "calls_answered", "Calls answered"),
            calls_merged: metric!(
                Counter::default(),
                "calls_merged",
                "Calls that crossed another between the same two people"
            ),
            calls_ended: metric!(
                Family::default(),
                "calls_ended",
                "Calls ended or refused, by the reason given to the caller"
            ),
            call_ringing_seconds: metric!(
                Histogram::new(RINGING_BUCKETS),
                "call_ringing_seconds",
                "From placing a call to its ringing"
            ),
            call_answer_seconds: metric!(
                Histogram::new(ANSWER_BUCKETS),
                "call_answer_seconds",
                "From ringing to the answer"
            ),
            call_talk_seconds: metric!(
                Histogram::new(TALK_BUCKETS),
                "call_talk_seconds",
                "From the answer to the end"
            ),
            meetings_active: metric!(
                Gauge::default(),
                "meetings_active",
                "Meetings and group calls that go on"
            ),
            meeting_joins: metric!(
                Counter::default(),
                "meeting_joins",
                "Participants that came into meetings and group calls"
            ),
            meeting_lobby_waits: metric!(
                Counter::default(),
                "meeting_lobby_waits",
                "Participants that waited in a lobby"
            ),
            meeting_leaves: metric!(
                Family::default(),
                "meeting_leaves",
                "Participants that left meetings, group calls and lobbies, by reason"
            ),
            frames_received: metric!(Counter::default(), "frames_received", "Text frames received"),
            frames_sent: metric!(Counter::default(), "frames_sent", "Text frames sent"),
            frames_refused: metric!(
                Family::default(),
                "frames_refused",
                "Frames and requests refused, by reason"
            ),
            tokens_issued: metric!(Counter::default(), "tokens_issued", "Tokens issued"),
            records_lost: metric!(
                Counter::default(),
                "records_lost",
                "Call records that could not be stored"
            ),
            registry,
        }
    }

    /// A connection that was not let in.
    pub(crate) fn turned_away(&self, cause: &'static str) {
        self.connections_turned_away
            .get_or_create(&ByCause { cause })
            .inc();
    }

    /// A connection that this end gave up.
    pub(crate) fn connection_failed(&self, cause: &'static str) {
        self.connections_failed.get_or_create(&ByCause { cause }).inc();
    }

    /// A frame that was not accepted.
    pub(crate) fn refused(&self, reason: &Reason) {
        self.frames_refused.get_or_create(&reason.into()).inc();
    }

    /// Counts what the switchboard reports.
    pub(crate) fn record(&self, record: &Record) {
        match record {
            Record::SessionOpened { .. } => {
                self.sessions_opened.inc();
            }
            Record::SessionResumed { replayed, .. } => {
                self.sessions_resumed.inc();
                self.events_replayed.inc_by((*replayed).into());
            }
            Record::SessionEnded { reason, .. } => {
                self.sessions_ended.get_or_create(&reason.into()).inc();
            }
            Record::CallsMerged { .. } => {
                self.calls_merged.inc();
            }
            Record::CallStarted { .. } => {
                self.calls_started.inc();
            }
            Record::CallRinging { after, .. } => self.call_ringing_seconds.observe(after.as_secs_f64()),
            Record::CallAnswered { after, .. } => {
                self.calls_answered.inc();
                self.call_answer_seconds.observe(after.as_secs_f64());
            }
            Record::CallEnded {
                reason, talk_time, ..
            } => {
                self.calls_ended.get_or_create(&reason.into()).inc();
                if let Some(talk_time) = talk_time {
                    self.call_talk_seconds.observe(talk_time.as_secs_f64());
                }
            }
            Record::Refused { reason, .. } => self.refused(reason),
            Record::CallRefused { reason, .. } => {
                self.calls_ended.get_or_create(&reason.into()).inc();
            }
            Record::SessionDetached { .. }
            | Record::CallForwarded { .. }
            | Record::SessionTakesCalls { .. }
            | Record::TransferRequested { .. }
            | Record::CallMoved { .. }
            | Record::NoticeChanged { .. }
            | Record::ConsentChanged { .. }
            | Record::ParticipantAdded { .. }
            | Record::Reported { .. }
            | Record::ParticipantRemoved { .. } => {}
        }
    }

    /// Counts what meetings report.
    pub(crate) fn meeting(&self, fact: &Fact) {
        match fact {
            Fact::Started { .. } | Fact::Escalated { .. } => {
                self.meetings_active.inc();
            }
            Fact::Waits { .. } => {
                self.meeting_lobby_waits.inc();
            }
            Fact::Joined { .. } => {
                self.meeting_joins.inc();
            }
            Fact::Left { reason, .. } => {
                self.meeting_leaves.get_or_create(&reason.into()).inc();
            }
            Fact::Ended { .. } => {
                self.meetings_active.dec();
            }
            Fact::Invited { .. }
            | Fact::Noticed { .. }
            | Fact::Consented { .. }
            | Fact::Polled { .. }
            | Fact::Asked { .. }
            | Fact::BreakoutOpened { .. }
            | Fact::BreakoutClosed { .. }
            | Fact::BreakoutJoined { .. }
            | Fact::BreakoutLeft { .. }
            | Fact::Minutes { .. } => {}
        }
    }

    /// The page, with the gauges as of `stats`.
    pub(crate) fn page(&self, stats: &Stats) -> String {
        let set = |gauge: &Gauge, value: usize| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.connections, stats.connections);
        set(&self.sessions, stats.sessions);
        set(&self.sessions_detached, stats.detached_sessions);
        set(&self.identities, stats.identities);
        set(&self.calls_ringing, stats.ringing_calls);
        set(&self.calls_active, stats.active_calls);
        set(&self.events_unacknowledged, stats.unacknowledged_events);
        self.events_passed_over
            .set(i64::try_from(stats.passed_over_events).unwrap_or(i64::MAX));
        let mut page = String::new();
        if encode(&mut page, &self.registry).is_err() {
            // Writing to a string does not fail; a metric that cannot be encoded must not take the page down.
            page.clear();
            let _ = page.write_str("# EOF\n");
        }
        page
    }
}
