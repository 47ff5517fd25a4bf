//! Tells an OpenTelemetry collector what a service counted and which calls there were, by OTLP over HTTP (protobuf).
//!
//! It reads what the service shows anybody who embeds it, the page of metrics and the facts of calls, and refuses to be
//! in the way of a call: a collector that is slow or gone costs memory up to a bound, then the oldest spans.
//!
//! A chain of calls is a trace whose id is the call's own, so that whoever has an issue report has the trace. Spans
//! carry ids, kinds and reasons: no identity, name or address.

#![forbid(unsafe_code)]

mod metrics;
mod send;
mod spans;

use std::time::{Duration, Instant, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use sidetone_server::ServerHandle;
use tokio::time::{MissedTickBehavior, interval};

pub use send::{Collector, SendError};
use spans::Spans;

/// Facts that are read at once.
const PAGE: usize = 1_000;

/// How the export behaves.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// The collector's base address, such as `http://127.0.0.1:4318`: `/v1/traces` and `/v1/metrics` come behind it.
    pub collector: Collector,
    /// How often it is told. Longer is cheaper; shorter shows sooner.
    pub every: Duration,
}

/// Exports until the server has ended, and once more then.
pub async fn export(server: &ServerHandle, config: TelemetryConfig) {
    let mut spans = Spans::default();
    let mut next = match server.next_call_fact().await {
        Ok(next) => next,
        Err(error) => return tracing::error!(%error, "calls cannot be followed, nothing is exported"),
    };
    let started = unix_nanos();
    let mut ticks = interval(config.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut down_since: Option<Instant> = None;
    loop {
        let last = tokio::select! {
            _ = ticks.tick() => false,
            () = server.wait() => true,
        };
        loop {
            match server.call_facts(next, PAGE).await {
                Ok(facts) => {
                    let count = facts.len();
                    for (sequence, fact) in facts {
                        next = sequence.next();
                        spans.take(fact);
                    }
                    if count < PAGE {
                        break;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "facts of calls cannot be read");
                    break;
                }
            }
        }
        let told = tell(server, &config, &mut spans, started).await;
        match (told, down_since) {
            (Ok(()), Some(since)) => {
                tracing::info!(seconds = since.elapsed().as_secs(), "the collector is back");
                down_since = None;
            }
            (Err(error), None) => {
                tracing::warn!(%error, "the collector takes nothing; the newest calls are kept for it");
                down_since = Some(Instant::now());
            }
            _ => {}
        }
        if last {
            return;
        }
    }
}

async fn tell(
    server: &ServerHandle,
    config: &TelemetryConfig,
    spans: &mut Spans,
    started: u64,
) -> Result<(), SendError> {
    while let Some((request, count)) = spans.request(resource(), scope()) {
        config.collector.send("v1/traces", &request).await?;
        spans.sent(count);
    }
    // The last words of a server that has ended are its calls: its page is gone.
    if let Some(page) = server.metrics_page().await {
        let request = metrics::request(&page, started, unix_nanos(), resource(), scope());
        config.collector.send("v1/metrics", &request).await?;
    }
    Ok(())
}

fn resource() -> Resource {
    Resource {
        attributes: vec![
            text("service.name", "sidetone"),
            text("service.version", env!("CARGO_PKG_VERSION")),
        ],
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "sidetone".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// An attribute.
fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}
