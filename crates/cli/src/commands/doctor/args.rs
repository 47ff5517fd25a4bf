//! What `sidetone doctor` can be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sidetone::Identifier;

use crate::address::ServiceAddress;

/// `sidetone doctor`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sidetone doctor --identity external:dev:alice
      everything between this machine and the service on it
  sidetone doctor --server wss://calls.example --token \"$TOKEN\"
      as the user of that token would find it
  sidetone doctor --server https://calls.example --operator-key \"$KEY\" --bundle report.json
      the service's own state as well, kept in a file for whoever helps

Exit codes: 0 nothing is broken; else the first that is:
  10 name resolution   11 TCP port   12 TLS   13 HTTP   14 WebSocket   15 token   16 clock
  17 STUN   18 TURN   19 media   20 the service's own state")]
pub struct DoctorArgs {
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "ws://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Access token to try
    #[arg(long, value_name = "TOKEN", env = "SIDETONE_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Who to be: asks the service for a development token
    #[arg(long, value_name = "ID", conflicts_with = "token")]
    pub identity: Option<Identifier>,
    /// Key of the operator: looks at the service's own state too
    #[arg(
        long,
        value_name = "KEY",
        env = "SIDETONE_OPERATOR_KEY",
        hide_env_values = true
    )]
    pub operator_key: Option<String>,
    /// How long each check may take
    #[arg(long, value_name = "TIME", value_parser = patience, default_value = "5s")]
    pub patience: Duration,
    /// Write the report, with versions and without secrets, to a new file
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Id of the call that went wrong, for the report
    #[arg(long, value_name = "CALL", requires = "bundle")]
    pub call: Option<uuid::Uuid>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn patience(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| format!("{error} (such as 5s)"))?;
    let allowed = Duration::from_millis(100)..=Duration::from_secs(60);
    if allowed.contains(&length) {
        Ok(length)
    } else {
        Err("between 100ms and 60s".to_owned())
    }
}
