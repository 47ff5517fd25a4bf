//! A service that tells a collector, which reads what it is sent with the types of the OpenTelemetry project.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../server/tests/support/mod.rs"]
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use sidetone_server::ServerConfig;
use sidetone_signaling::protocol::{HangUp, IncomingLeg, Request};
use sidetone_telemetry::{TelemetryConfig, export};
use support::{Client, server, until};

/// A small OTLP/HTTP receiver.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
    metrics: Arc<Mutex<Vec<Metric>>>,
    down: Arc<AtomicBool>,
    turned_away: Arc<AtomicBool>,
}

impl Collector {
    /// Starts it; gives its address.
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let this = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let status = this.take(&mut reader);
                let _ = write!(stream, "HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n");
            }
        });
        address
    }

    fn take(&self, reader: &mut BufReader<std::net::TcpStream>) -> u16 {
        let (mut head, mut line) = (String::new(), String::new());
        while reader.read_line(&mut line).unwrap() > 2 {
            head += &line.to_ascii_lowercase();
            line.clear();
        }
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
        if self.down.load(Ordering::SeqCst) {
            self.turned_away.store(true, Ordering::SeqCst);
            return 503;
        }
        if head.starts_with("post /v1/traces ") {
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
            self.spans
                .lock()
                .unwrap()
                .extend(scopes.flat_map(|scope| scope.spans));
        } else {
            assert!(head.starts_with("post /v1/metrics "), "{head}");
            let request = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
            let of = &request.resource_metrics[0];
            let service = &of.resource.as_ref().unwrap().attributes[0];
            assert_eq!(service.key, "service.name");
            *self.metrics.lock().unwrap() = of.scope_metrics[0].metrics.clone();
        }
        200
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_traces_and_counters_metrics_also_after_an_outage() {
    let collector = Collector::default();
    let config = TelemetryConfig {
        collector: collector.start().parse().unwrap(),
        every: Duration::from_millis(100),
    };
    let server = Arc::new(server(ServerConfig::default()).await);
    let exporting = tokio::spawn({
        let server = server.clone();
        async move { export(&server, config).await }
    });
    until("the first metrics", async || {
        !collector.metrics.lock().unwrap().is_empty()
    })
    .await;

    collector.down.store(true, Ordering::SeqCst);
    let (mut ann, _) = Client::open(&server, "ann").await;
    let (mut bob, _) = Client::open(&server, "bob").await;
    let call = ann.start("bob").await;
    let incoming = bob.event("call.incoming").await;
    let leg = serde_json::from_value(incoming["leg"].clone()).unwrap();
    let this = IncomingLeg { call, leg };
    bob.call(&Request::Ring(this)).await.unwrap();
    bob.call(&Request::Accept(this)).await.unwrap();
    bob.call(&Request::HangUp(HangUp { call, failure: None }))
        .await
        .unwrap();
    until("the collector to turn something away", async || {
        collector.turned_away.load(Ordering::SeqCst)
    })
    .await;
    assert!(collector.spans.lock().unwrap().is_empty());

    collector.down.store(false, Ordering::SeqCst);
    until("the span of the call", async || {
        !collector.spans.lock().unwrap().is_empty()
    })
    .await;
    {
        let spans = collector.spans.lock().unwrap();
        let span = &spans[0];
        assert_eq!((spans.len(), span.name.as_str()), (1, "call"));
        assert_eq!(
            span.trace_id,
            call.0.as_bytes(),
            "a report's call id is the trace's"
        );
        assert_eq!((span.span_id.len(), span.parent_span_id.len()), (8, 0));
        assert!(span.start_time_unix_nano > 0 && span.end_time_unix_nano >= span.start_time_unix_nano);
        let events: Vec<_> = span.events.iter().map(|event| event.name.as_str()).collect();
        assert!(events.starts_with(&["ringing", "answered"]), "{events:?}");
        // Ids and reasons, and nobody's name.
        assert!(!format!("{span:?}").contains("acme"), "{span:?}");
    }
    until("the counter of calls", async || {
        let metrics = collector.metrics.lock().unwrap();
        metrics.iter().any(|metric| metric.name == "sidetone_calls_ended")
    })
    .await;
    drop((ann, bob));
    exporting.abort();
    let _ = exporting.await;
    Arc::into_inner(server).unwrap().shutdown().await;
}
