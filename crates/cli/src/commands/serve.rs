//! `sidetone serve`: runs the service until somebody wants it to end.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::json;
use sidetone_server::{DevTokens, Secret, Server, ServerConfig};

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
        api_requests_per_second: args.api_requests_per_second,
        no_answer: args.no_answer,
        resume_window: args.resume_window,
        keep_voicemail: args.keep_voicemail,
        ..ServerConfig::default()
    }
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
