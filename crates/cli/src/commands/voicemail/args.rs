//! `sidetone voicemail`, as types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sidetone::Identifier;

use crate::address::ServiceAddress;
use crate::args::duration;

/// `sidetone voicemail`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone voicemail --token \"$(sidetone admin applications token voicemail)\"
      as the voice application of that token, which is renewed while it runs
  sidetone voicemail --identity application:contoso:voicemail --lines 2 --longest 1m
      with a development token, two callers at once

Before: `sidetone admin applications set voicemail --name Voicemail --kind voicemail`. Which calls come here is each
member's routing.")]
pub struct VoicemailArgs {
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "ws://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Access token of the voicemail application
    #[arg(long, value_name = "TOKEN", env = "SIDETONE_TOKEN", hide_env_values = true)]
    #[arg(required_unless_present = "identity")]
    pub token: Option<String>,
    /// Which application to be: asks the service for a development token
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    pub identity: Option<Identifier>,
    /// Callers that are taken at once, 1 to 16: each is an endpoint that rings
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub lines: u8,
    /// Longest message
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "3m")]
    pub longest: Duration,
    /// A caller who is silent for so long is done
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "6s")]
    pub silence: Duration,
    /// Where messages are recorded before the service has them; a new folder of this user's without
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Local address for media, port 0 for any; every interface without. May be given several times
    #[arg(long, value_name = "ADDRESS")]
    pub media_bind: Vec<SocketAddr>,
    /// Trust the certificates in this PEM file and no others, for the mailboxes
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Send the token over plain HTTP to another machine, where everybody between can read it
    #[arg(long)]
    pub insecure_http: bool,
    /// Print one JSON object a line for each event
    #[arg(long)]
    pub json: bool,
}
