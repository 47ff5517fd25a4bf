//! What can be asked for of messages and greetings.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sidetone_organisation::MemberId;

use super::Of;

/// `sidetone admin voicemail`.
#[derive(Debug, Subcommand)]
pub enum VoicemailCommand {
    /// List the messages in a mailbox, the newest first
    #[command(after_help = "\
Examples:
  sidetone admin voicemail list
      your own, with your access token as the key
  sidetone admin voicemail list --member ann --json")]
    List {
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Save the sound of a message, Ogg Opus
    #[command(after_help = "\
Examples:
  sidetone admin voicemail fetch 7c9e6679-7425-40de-944b-e07fc1f90ae7 --member ann --file message.ogg")]
    Fetch {
        /// Which, as listed
        message: uuid::Uuid,
        /// The file; the message's id with .ogg without
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Mark a message as heard
    #[command(after_help = "\
Examples:
  sidetone admin voicemail heard 7c9e6679-7425-40de-944b-e07fc1f90ae7
  sidetone admin voicemail heard 7c9e6679-7425-40de-944b-e07fc1f90ae7 --not
      as not heard")]
    Heard {
        /// Which, as listed
        message: uuid::Uuid,
        /// As not heard
        #[arg(long)]
        not: bool,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Delete a message and its sound
    #[command(after_help = "\
Examples:
  sidetone admin voicemail delete 7c9e6679-7425-40de-944b-e07fc1f90ae7 --member ann")]
    Delete {
        /// Which, as listed
        message: uuid::Uuid,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// What callers are greeted with: a member's greeting, or the organisation's
    #[command(subcommand)]
    Greeting(GreetingCommand),
}

/// `sidetone admin voicemail greeting`.
#[derive(Debug, Subcommand)]
pub enum GreetingCommand {
    /// Set one: an Ogg Opus file of at most 384 KiB
    #[command(after_help = "\
Examples:
  sidetone admin voicemail greeting set hello.opus --member ann
  sidetone admin voicemail greeting set office.opus
      of the organisation, with its key: for members who have none")]
    Set {
        /// The file
        file: PathBuf,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Save one
    #[command(after_help = "\
Examples:
  sidetone admin voicemail greeting fetch hello.opus --member ann")]
    Fetch {
        /// The file to write
        file: PathBuf,
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
    /// Delete one
    #[command(after_help = "\
Examples:
  sidetone admin voicemail greeting delete --member ann")]
    Delete {
        /// Whose.
        #[command(flatten)]
        of: Whose,
    },
}

/// Whose mailbox or greeting.
#[derive(Args, Clone, Debug)]
pub struct Whose {
    /// The member; the one of your token without
    #[arg(long, short, value_name = "ID")]
    pub member: Option<MemberId>,
    /// In which organisation.
    #[command(flatten)]
    pub of: Of,
}
