//! What `sidetone admin usage`, `calls` and `events` can be asked for, as types.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use sidetone_ledger::Month;
use sidetone_organisation::{OrganisationId, ResourceId};
use uuid::Uuid;

/// Which tenant.
#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
pub struct Tenant {
    /// The organisation; the tenant of your key without
    #[arg(long, short, value_name = "ID")]
    pub organisation: Option<OrganisationId>,
    /// The resource; the tenant of your key without
    #[arg(long, short, value_name = "ID")]
    pub resource: Option<ResourceId>,
}

/// `sidetone admin usage`.
#[derive(Args, Debug)]
pub struct UsageArgs {
    /// Whose.
    #[command(flatten)]
    pub tenant: Tenant,
    /// Which month, such as 2026-03, in UTC; the present one without
    #[arg(long, value_name = "MONTH")]
    pub month: Option<Month>,
    /// The single records that the sums are made of
    #[arg(long)]
    pub records: bool,
    /// For spreadsheets, the sums as comma-separated values
    #[arg(long, value_enum, conflicts_with = "records", conflicts_with = "json")]
    pub format: Option<Format>,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Comma-separated values
    Csv,
}

/// `sidetone admin calls`.
#[derive(Debug, Subcommand)]
pub enum CallsCommand {
    /// Calls that are over, newest first
    #[command(after_help = "\
Examples:
  sidetone admin calls list
  sidetone admin calls list --organisation contoso --limit 1000 --json")]
    List {
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// At most so many
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// One that is over: a summary for each participant, a diagnostic for each stream
    #[command(after_help = "\
Examples:
  sidetone admin calls show 67e55044-10b1-426f-9247-bb680e5fe0c8")]
    Show {
        /// Which.
        call: Uuid,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Calls that run right now
    #[command(after_help = "\
Examples:
  sidetone admin calls live
  sidetone admin calls live --watch
      looks again every two seconds, until Ctrl-C")]
    Live {
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// Look again and again, this often
        #[arg(long, value_name = "TIME", value_parser = often, num_args = 0..=1, default_missing_value = "2s")]
        watch: Option<Duration>,
    },
}

/// `sidetone admin events`.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Events, oldest first, for as long as they are kept
    #[command(after_help = "\
Examples:
  sidetone admin events list --after 100")]
    List {
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// Only events behind this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
        /// At most so many
        #[arg(long, value_name = "COUNT", default_value_t = 1000)]
        limit: usize,
    },
    /// Where events are sent
    #[command(after_help = "\
Examples:
  sidetone admin events subscriptions")]
    Subscriptions {
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Have events sent to an address, and show the secret that signs them
    #[command(after_help = "\
Examples:
  sidetone admin events subscribe https://app.example/hook
  sidetone admin events subscribe https://app.example/hook --type sidetone.calling.CallEnded")]
    Subscribe {
        /// The address, https
        url: String,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// Only events of this type. May be given several times
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// For people
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Begin or stop sending; what comes meanwhile is kept and sent later
    #[command(after_help = "\
Examples:
  sidetone admin events enable 67e55044-10b1-426f-9247-bb680e5fe0c8")]
    Enable {
        /// The subscription
        subscription: Uuid,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// Stop
        #[arg(long)]
        off: bool,
    },
    /// Make a new secret; what is sent from now on is signed with it
    #[command(after_help = "\
Examples:
  sidetone admin events rotate-secret 67e55044-10b1-426f-9247-bb680e5fe0c8")]
    RotateSecret {
        /// The subscription
        subscription: Uuid,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Send events again
    #[command(after_help = "\
Examples:
  sidetone admin events replay 67e55044-10b1-426f-9247-bb680e5fe0c8 --from 100
  sidetone admin events replay 67e55044-10b1-426f-9247-bb680e5fe0c8 --since 2026-03-01T10:00:00Z")]
    Replay {
        /// The subscription
        subscription: Uuid,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// From where on.
        #[command(flatten)]
        start: Start,
    },
    /// Events that a receiver never took
    #[command(after_help = "\
Examples:
  sidetone admin events dead-letters 67e55044-10b1-426f-9247-bb680e5fe0c8")]
    DeadLetters {
        /// The subscription
        subscription: Uuid,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Stop for good
    #[command(after_help = "\
Examples:
  sidetone admin events unsubscribe 67e55044-10b1-426f-9247-bb680e5fe0c8")]
    Unsubscribe {
        /// The subscription
        subscription: Uuid,
        /// Whose.
        #[command(flatten)]
        tenant: Tenant,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

/// From where on events are sent again.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub struct Start {
    /// From this number on
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<u64>,
    /// From the first event at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

/// How often to look. A service allows a key many requests a second, and nobody reads so fast.
fn often(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(length) if length >= Duration::from_millis(500) => Ok(length),
        Ok(_) => Err("at least 500ms".to_owned()),
        Err(error) => Err(format!("{error} (such as 2s)")),
    }
}
