//! Facts of calls, as spans: one for each call, from its first fact to its end. Pure.

use std::collections::{HashMap, VecDeque};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use sidetone_ledger::{Fact, Timestamp, What};
use sidetone_signaling::protocol::CallId;
use sidetone_signaling::{Category, Reason};

use crate::{attribute, text};

/// Spans that wait for the collector; the oldest go first.
const MAX_WAITING: usize = 10_000;
/// Spans in one request: below the usual limit of a collector's body.
const BATCH: usize = 500;
/// Calls that are followed at once; one more is not shown.
const MAX_OPEN: usize = 100_000;
/// Events of one span.
const MAX_EVENTS: usize = 128;

/// Calls that run, and those whose spans wait to be sent.
#[derive(Default)]
pub(crate) struct Spans {
    open: HashMap<CallId, Span>,
    waiting: VecDeque<Span>,
}

impl Spans {
    /// Takes the next fact.
    pub(crate) fn take(&mut self, fact: Fact) {
        let (call, at) = (fact.call, fact.at);
        match fact.what {
            What::Started {
                kind, correlation, ..
            } if self.open.len() < MAX_OPEN => {
                let mut span = begin(call, correlation, at);
                // The names of kinds are those of call records.
                span.attributes
                    .push(text("sidetone.call.kind", format!("{kind:?}")));
                self.open.insert(call, span);
            }
            What::Refused { reason, .. } => {
                let mut span = begin(call, call, at);
                end(&mut span, &reason, at);
                self.push(span);
            }
            What::Ended { reason } => {
                // One that began before anybody looked has no beginning that could be shown.
                if let Some(mut span) = self.open.remove(&call) {
                    end(&mut span, &reason, at);
                    self.push(span);
                }
            }
            What::Rang => self.event(call, at, "ringing"),
            What::Answered => self.event(call, at, "answered"),
            What::Joined { .. } => self.event(call, at, "participant joined"),
            What::Left { .. } => self.event(call, at, "participant left"),
            _ => {}
        }
    }

    fn event(&mut self, call: CallId, at: Timestamp, name: &str) {
        let Some(span) = self.open.get_mut(&call) else {
            return;
        };
        if span.events.len() >= MAX_EVENTS {
            span.dropped_events_count += 1;
            return;
        }
        span.events.push(Event {
            time_unix_nano: nanos(at),
            name: name.to_owned(),
            ..Event::default()
        });
    }

    fn push(&mut self, span: Span) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(span);
    }

    /// The next spans to be sent, and how many they are.
    pub(crate) fn request(
        &self,
        resource: Resource,
        scope: InstrumentationScope,
    ) -> Option<(ExportTraceServiceRequest, usize)> {
        let spans: Vec<Span> = self.waiting.iter().take(BATCH).cloned().collect();
        let count = spans.len();
        if count == 0 {
            return None;
        }
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(resource),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope),
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        Some((request, count))
    }

    /// The collector has the first `count`.
    pub(crate) fn sent(&mut self, count: usize) {
        self.waiting.drain(..count.min(self.waiting.len()));
    }
}

/// A trace is a chain of calls, by the id of its first; a span's id is the second half of its call's, which is random.
fn begin(call: CallId, correlation: CallId, at: Timestamp) -> Span {
    Span {
        trace_id: correlation.0.as_bytes().to_vec(),
        span_id: call.0.as_bytes()[8..].to_vec(),
        name: "call".to_owned(),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: nanos(at),
        attributes: vec![text("sidetone.call.id", call.to_string())],
        ..Span::default()
    }
}

fn end(span: &mut Span, reason: &Reason, at: Timestamp) {
    span.end_time_unix_nano = nanos(at);
    let number = |key, value| attribute(key, Value::IntValue(value));
    span.attributes
        .push(number("sidetone.end.code", reason.code.into()));
    span.attributes
        .push(number("sidetone.end.subcode", reason.subcode.into()));
    let code = match reason.category {
        Category::Success => StatusCode::Ok,
        // Nobody at home is no fault of the service.
        Category::ExpectedError => StatusCode::Unset,
        _ => StatusCode::Error,
    };
    let failed = code == StatusCode::Error;
    span.status = Some(Status {
        code: code.into(),
        message: if failed {
            reason.message.to_string()
        } else {
            String::new()
        },
    });
}

fn nanos(at: Timestamp) -> u64 {
    at.as_millis().saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(call: u128, at: u64, what: What) -> Fact {
        Fact {
            call: CallId(uuid::Uuid::from_u128(call)),
            number: 1,
            at: Timestamp::from_millis(at),
            what,
        }
    }

    fn refused(call: u128) -> Fact {
        fact(
            call,
            1,
            What::Refused {
                by: None,
                to: None,
                reason: Reason::NOT_ALLOWED,
            },
        )
    }

    #[test]
    fn what_the_collector_has_not_taken_stays_up_to_a_bound() {
        let mut spans = Spans::default();
        for call in 0..(MAX_WAITING as u128 + 3) {
            spans.take(refused(call));
        }
        assert_eq!(spans.waiting.len(), MAX_WAITING);
        let (request, count) = spans
            .request(Resource::default(), InstrumentationScope::default())
            .unwrap();
        assert_eq!(count, BATCH);
        let first = &request.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!(first.trace_id, 3_u128.to_be_bytes(), "the oldest three are gone");
        spans.sent(count);
        assert_eq!(spans.waiting.len(), MAX_WAITING - BATCH);
        spans.sent(usize::MAX);
        assert!(
            spans
                .request(Resource::default(), InstrumentationScope::default())
                .is_none()
        );
    }

    #[test]
    fn an_end_without_a_beginning_is_not_shown() {
        let mut spans = Spans::default();
        let reason = Reason::HUNG_UP;
        spans.take(fact(1, 5, What::Ended { reason }));
        assert!(spans.waiting.is_empty());
    }
}
