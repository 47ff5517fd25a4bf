//! `sidetone serve`: runs the service until somebody wants it to end.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::json;
use sidetone_ledger::Rounding;
use sidetone_organisation::{ApprovalPolicy, Deployment, Undeclared};
use sidetone_server::{
    ChatHook, DevTokens, FileScan, MediaConfig, OutboundConfig, Secret, Server, ServerConfig, ServerHandle,
    TurnConfig, Unanswered,
};
use sidetone_signaling::protocol::IceServer;

use crate::args::{self, ServeArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output;

/// Runs the service.
pub fn run(args: ServeArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: ServeArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::new()?;
    let server = Server::start(config(&args)).await?;
    let first_key = server.first_operator_key().map(Secret::expose);
    announce(server.local_addr(), first_key, &args);
    tokio::select! {
        () = interrupt.raised() => {}
        () = export(&server, &args) => {}
        () = server.wait() => return Err(Failure::new(Exit::Failed, "the service ended by itself; see the log")),
    }
    if !args.json {
        output::line("ending: clients are told, records written");
    }
    tokio::select! {
        () = server.shutdown() => Ok(Exit::Done),
        // Whoever asks twice does not want to wait.
        () = interrupt.raised() => Ok(Exit::Interrupted),
    }
}

/// Tells the collector, where there is one, until the service ends.
#[cfg(feature = "otlp")]
async fn export(server: &ServerHandle, args: &ServeArgs) {
    if let Some(collector) = args.otlp.clone() {
        let config = sidetone_telemetry::TelemetryConfig {
            collector,
            // An interval of nothing would be a loop without pause.
            every: args.otlp_every.max(std::time::Duration::from_millis(100)),
        };
        sidetone_telemetry::export(server, config).await;
    }
    std::future::pending().await
}

/// This build has no exporter.
#[cfg(not(feature = "otlp"))]
async fn export(_: &ServerHandle, _: &ServeArgs) {
    std::future::pending().await
}

fn config(args: &ServeArgs) -> ServerConfig {
    ServerConfig {
        bind: args.bind,
        data_dir: args.data_dir.clone(),
        dev_tokens: match args.dev_tokens {
            args::DevTokens::Off => DevTokens::Off,
            args::DevTokens::Loopback => DevTokens::Loopback,
            args::DevTokens::Anyone => DevTokens::Anyone,
        },
        operator_key: args.operator_key.as_deref().map(Secret::new),
        deployment: Some(deployment(args)),
        api_requests_per_second: args.api_requests_per_second,
        no_answer: args.no_answer,
        resume_window: args.resume_window,
        keep_records: args.keep_records,
        keep_voicemail: args.keep_voicemail,
        trusted_proxies: args.trusted_proxy.clone(),
        outbound: OutboundConfig {
            loopback: args.reach_loopback,
            private_networks: args.reach_private_networks,
        },
        file_scan: args.scan_files.as_ref().map(|url| FileScan {
            secret: args.scan_secret.as_deref().map(Secret::new),
            timeout: args.scan_timeout,
            unanswered: if args.scan_fail_open {
                Unanswered::GiveOut
            } else {
                Unanswered::Withhold
            },
            ..FileScan::new(url)
        }),
        link_preview: chat_hook(args, args.preview_links.as_deref()),
        translation: chat_hook(args, args.translate_messages.as_deref()),
        usage_rounding: match args.usage_rounding {
            args::UsageRounding::Second => Rounding::Second,
            args::UsageRounding::MinuteOfStay => Rounding::MinuteOfStay,
            args::UsageRounding::MinuteOfReport => Rounding::MinuteOfReport,
        },
        ice_servers: stun(&args.stun),
        turn: turn(args),
        media: Some(MediaConfig {
            bind: args.media_bind.ip(),
            port: args.media_bind.port(),
            advertise: args.media_advertise.clone(),
            threads: usize::from(args.media_threads),
            voices: args.voices,
            most_voices: args.most_voices,
        }),
        meeting_links: args.meeting_links.clone(),
        ..ServerConfig::default()
    }
}

fn deployment(args: &ServeArgs) -> Deployment {
    Deployment {
        approval: match args.approval {
            args::Approval::Automatic => ApprovalPolicy::Automatic,
            args::Approval::Manual => ApprovalPolicy::Manual,
        },
        trusted_clouds: args.trust_cloud.iter().cloned().collect(),
        // Their tokens come from the operator alone: from the signing key, or as development tokens.
        undeclared: Undeclared::Admitted,
        ..Deployment::new(args.cloud.clone())
    }
}

/// A service that is asked about chat messages.
fn chat_hook(args: &ServeArgs, url: Option<&str>) -> Option<ChatHook> {
    Some(ChatHook {
        secret: args.chat_hook_secret.as_deref().map(Secret::new),
        timeout: args.chat_hook_timeout,
        ..ChatHook::new(url?)
    })
}

fn stun(urls: &[String]) -> Vec<IceServer> {
    let server = |url: &String| IceServer {
        urls: vec![url.clone()],
        username: String::new(),
        credential: String::new(),
    };
    urls.iter().map(server).collect()
}

/// The command line asks for a secret where there is a server. A secret alone, left in the environment, is no wish.
fn turn(args: &ServeArgs) -> Option<TurnConfig> {
    let secret = args.turn_secret.as_deref().filter(|_| !args.turn.is_empty())?;
    Some(TurnConfig {
        urls: args.turn.clone(),
        secret: Secret::new(secret),
    })
}

fn announce(bound: SocketAddr, first_key: Option<&str>, args: &ServeArgs) {
    let at = reachable(bound);
    let (url, health, metrics) = (
        format!("ws://{at}"),
        format!("http://{at}/healthz"),
        format!("http://{at}/metrics"),
    );
    if args.json {
        let mut event = json!({ "event": "listening", "url": url, "health": health, "metrics": metrics });
        if let Some(key) = first_key {
            event["operatorKey"] = key.into();
        }
        output::json(&event);
        return;
    }
    output::line(&format!("listening  {url}"));
    output::line(&format!("health     {health}"));
    output::line(&format!("metrics    {metrics}"));
    output::line(&match &args.data_dir {
        Some(folder) => format!("data       {}", folder.display()),
        None => "data       in memory: tokens and records end with this process".to_owned(),
    });
    if let Some(key) = first_key {
        output::line(&format!("operator   {key}"));
        output::line("           the key for `sidetone admin connect`; it is not shown again");
    }
    output::line("Ctrl-C ends it.");
}

/// Where programs on this machine find it.
fn reachable(mut bound: SocketAddr) -> SocketAddr {
    match bound {
        SocketAddr::V4(at) if at.ip().is_unspecified() => bound.set_ip(Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(at) if at.ip().is_unspecified() => bound.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    bound
}
