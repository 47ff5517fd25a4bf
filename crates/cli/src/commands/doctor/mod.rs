//! `sidetone doctor`: walks the hops between this machine and a call that works, in order, and names the first that is
//! broken, with what to do about it. Looks; changes nothing, at neither end.

pub mod args;
mod bundle;
mod http;
mod ice;
mod report;
mod service;
mod socket;
pub mod token;
mod way;

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use sidetone_media::transport::IceServer;

use self::args::DoctorArgs;
use self::report::{Fine, Hop, Report, Trouble};
use self::way::{Place, Stream};
use crate::dev_token::{self, Wish};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output;

/// Looks at everything and tells.
///
/// # Errors
/// [`Exit::Resource`] when the report cannot be written, [`Exit::Interrupted`]. What is broken is no error but the
/// exit code.
pub fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let report = super::runtime()?.block_on(async {
        let mut interrupt = Interrupt::new()?;
        tokio::select! {
            report = examine(&args) => Ok(report),
            () = interrupt.raised() => Err(Failure::interrupted()),
        }
    })?;
    if args.json {
        let broken = report.first_broken();
        output::json(&json!({ "broken": broken, "checks": report }));
    } else {
        report.show();
    }
    if let Some(file) = &args.bundle {
        bundle::write(file, &args, &report)?;
        if !args.json {
            output::line(&format!("report  {}", file.display()));
        }
    }
    Ok(report.exit())
}

async fn examine(args: &DoctorArgs) -> Report {
    let mut report = Report::default();
    let way = Way::find(args, &mut report).await;
    let well = match &way {
        Some(way) => way.speaks(&mut report).await,
        None => {
            report.skip(&[Hop::Http, Hop::Clock], "the service is out of reach");
            false
        }
    };
    let socket = match (&way, well) {
        (Some(way), true) => {
            let start = Instant::now();
            let upgraded = match way.open().await {
                Ok(stream) => socket::upgrade(stream, &args.server, args.patience).await,
                Err(trouble) => Err(trouble),
            };
            report.add(Hop::Socket, start, upgraded)
        }
        _ => {
            report.skip(&[Hop::Socket], "the service is out of reach");
            None
        }
    };
    let servers = session(args, socket, &mut report).await;
    media(servers.as_deref(), args.patience, &mut report).await;
    if let Some(key) = &args.operator_key {
        let start = Instant::now();
        match &way {
            Some(way) if well => {
                let looked = match way.get("/v1/health", Some(key)).await {
                    Ok(answer) => service::judge(&answer),
                    Err(trouble) => Err(trouble),
                };
                report.add(Hop::Service, start, looked);
            }
            _ => report.skip(&[Hop::Service], "the service is out of reach"),
        }
    }
    report
}

/// The way to the service, which can be gone again and again.
struct Way<'a> {
    args: &'a DoctorArgs,
    place: Place,
    addresses: Vec<SocketAddr>,
}

impl<'a> Way<'a> {
    /// Finds it, hop by hop.
    async fn find(args: &'a DoctorArgs, report: &mut Report) -> Option<Self> {
        let place = match Place::of(&args.server) {
            Ok(place) => place,
            Err(trouble) => {
                report.add::<()>(Hop::Name, Instant::now(), Err(trouble));
                report.skip(&[Hop::Port, Hop::Tls], "no address");
                return None;
            }
        };
        let start = Instant::now();
        let resolved = way::resolve(&place.host, place.port, args.patience).await;
        let Some(addresses) = report.add(Hop::Name, start, resolved) else {
            report.skip(&[Hop::Port, Hop::Tls], "no address");
            return None;
        };
        let start = Instant::now();
        let connected = way::connect(&addresses, args.patience).await;
        let Some(stream) = report.add(Hop::Port, start, connected) else {
            report.skip(&[Hop::Tls], "no connection");
            return None;
        };
        let way = Self {
            args,
            place,
            addresses,
        };
        if way.place.secure {
            let start = Instant::now();
            let secured = way::secure(stream, &way.place.host, args.patience).await;
            report.add(Hop::Tls, start, secured)?;
        } else if way.addresses.iter().all(|address| address.ip().is_loopback()) {
            report.skip(&[Hop::Tls], "plain ws://, within this machine");
        } else {
            let fine = Fine::but(
                "none: plain ws://",
                "tokens and addresses go over the network in the clear: put a proxy that speaks TLS in front",
            );
            report.add(Hop::Tls, Instant::now(), Ok(((), fine)));
        }
        Some(way)
    }

    /// A new stream to it.
    async fn open(&self) -> Result<Stream, Trouble> {
        let (stream, _) = way::connect(&self.addresses, self.args.patience).await?;
        if !self.place.secure {
            return Ok(Stream::Plain(stream));
        }
        let (stream, _) = way::secure(stream, &self.place.host, self.args.patience).await?;
        Ok(stream)
    }

    async fn get(&self, path: &str, key: Option<&str>) -> Result<http::Answer, Trouble> {
        let stream = self.open().await?;
        http::get(stream, &self.args.server, path, key, self.args.patience).await
    }

    /// Whether our service answers, and is ready for calls.
    async fn speaks(&self, report: &mut Report) -> bool {
        let start = Instant::now();
        let answer = match self.get("/v1/capabilities", None).await {
            Ok(answer) => answer,
            Err(trouble) => {
                report.add::<()>(Hop::Http, start, Err(trouble));
                report.skip(&[Hop::Clock], "no answer");
                return false;
            }
        };
        let ours = match http::ours(&answer) {
            Ok((version, fine)) => self.ready().await.map(|()| (version, fine)),
            Err(trouble) => Err(trouble),
        };
        let ours = report.add(Hop::Http, start, ours).is_some();
        if ours {
            report.add(Hop::Clock, start, http::clock(&answer, SystemTime::now()));
        } else {
            report.skip(&[Hop::Clock], "not our service's");
        }
        ours
    }

    async fn ready(&self) -> Result<(), Trouble> {
        let answer = self.get("/readyz", None).await?;
        // A proxy need not pass it on.
        if answer.status.as_u16() != 503 {
            return Ok(());
        }
        let said = answer.json();
        let words = said["message"].as_str().unwrap_or("not ready");
        Err(Trouble::new(
            format!("the service cannot place calls: {words}"),
            "look into its log",
        ))
    }
}

/// Token and session; gives the servers that the service hands out, where it came to that.
async fn session(
    args: &DoctorArgs,
    socket: Option<socket::Socket>,
    report: &mut Report,
) -> Option<Vec<IceServer>> {
    let start = Instant::now();
    let token = match (&args.token, &args.identity) {
        (Some(token), _) => Ok(token.clone()),
        (None, Some(_)) if socket.is_none() => {
            report.skip(
                &[Hop::Token, Hop::Session, Hop::Scopes],
                "the service is out of reach",
            );
            return None;
        }
        (None, Some(identity)) => {
            let (server, wish) = (
                args.server.clone(),
                Wish {
                    identity: identity.clone(),
                    name: None,
                    lifetime: None,
                },
            );
            match tokio::task::spawn_blocking(move || dev_token::ask(&server, &wish)).await {
                Ok(Ok(issued)) => Ok(issued.token),
                Ok(Err(failure)) => Err(Trouble::new(
                    failure.message,
                    "give a token with --token, or start the service with --dev-tokens loopback",
                )),
                Err(error) => Err(Trouble::new(error.to_string(), "report this")),
            }
        }
        (None, None) => {
            report.skip(
                &[Hop::Token, Hop::Session, Hop::Scopes],
                "none given: --token or --identity",
            );
            return None;
        }
    };
    let read = token.and_then(|token| {
        let (claims, fine) = token::read(token.trim(), now())?;
        Ok(((token.trim().to_owned(), claims), fine))
    });
    let Some((token, claims)) = report.add(Hop::Token, start, read) else {
        report.skip(&[Hop::Session, Hop::Scopes], "no token that could be shown");
        return None;
    };
    let Some(socket) = socket else {
        report.skip(&[Hop::Session, Hop::Scopes], "no WebSocket");
        return None;
    };
    let start = Instant::now();
    let opened = socket::session(socket, &token, args.patience).await;
    let Some(opened) = report.add(Hop::Session, start, opened) else {
        report.skip(&[Hop::Scopes], "no session");
        return None;
    };
    report.add(Hop::Scopes, Instant::now(), token::scopes(&claims));
    let servers = opened.ice_servers.into_iter().map(|server| IceServer {
        urls: server.urls,
        username: server.username,
        credential: server.credential,
    });
    Some(servers.collect())
}

async fn media(servers: Option<&[IceServer]>, patience: Duration, report: &mut Report) {
    let relays = match servers {
        None => {
            report.skip(&[Hop::Stun, Hop::Turn], "no session that would name them");
            Vec::new()
        }
        Some([]) => {
            let why = "the service hands out none (`serve --stun`, `--turn`)";
            report.skip(&[Hop::Stun, Hop::Turn], why);
            Vec::new()
        }
        Some(servers) => ice::servers(servers, patience, report).await,
    };
    let start = Instant::now();
    report.add(Hop::Media, start, ice::media(Vec::new(), false).await);
    if relays.is_empty() {
        report.skip(&[Hop::Relay], "no relay");
    } else {
        let start = Instant::now();
        report.add(Hop::Relay, start, ice::media(relays, true).await);
    }
}

/// Since 1970. This machine's clock is judged elsewhere.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
