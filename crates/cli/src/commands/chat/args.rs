//! The command line of `sidetone chat`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use sidetone::Identifier;
use uuid::Uuid;

use crate::address::ServiceAddress;
use crate::args::EndArgs;
use crate::credential::CredentialArgs;
use crate::video::PictureArgs;

/// `sidetone chat`.
#[derive(Args, Debug)]
pub struct ChatArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ChatCommand,
}

/// What can be done in chats.
#[derive(Debug, Subcommand)]
pub enum ChatCommand {
    /// List one's threads
    #[command(after_help = "\
Examples:
  sidetone chat list --identity member:contoso:bob")]
    List {
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Begin a thread
    #[command(after_help = "\
Examples:
  sidetone chat create member:contoso:bob --topic 'Order 17' --identity external:RESOURCE:eve
      an external user begins a chat with a member
  sidetone chat create member:contoso:bob member:contoso:carol --follow --identity external:RESOURCE:eve
      and stays in it")]
    Create {
        /// Who takes part: external:RESOURCE:USER, member:ORGANISATION:USER
        #[arg(value_name = "WITH", required = true)]
        with: Vec<Identifier>,
        /// What it is about
        #[arg(long, default_value = "")]
        topic: String,
        /// Stay in it, as `follow` does
        #[arg(long)]
        follow: bool,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Send a message, and files with it
    #[command(after_help = "\
Examples:
  sidetone chat send THREAD 'Hello' --identity member:contoso:bob
  sidetone chat send THREAD 'The plan' --file plan.pdf --identity member:contoso:bob
  sidetone chat send THREAD 'Now, please' --priority urgent --mention member:contoso:carol --identity member:contoso:bob
  sidetone chat send THREAD --card approval.json --identity member:contoso:bob
      a card: {\"title\": \"Leave\", \"text\": \"Two days\", \"facts\": [{\"name\": \"From\", \"value\": \"2 March\"}],
      \"actions\": [{\"type\": \"press\", \"id\": \"yes\", \"title\": \"Approve\"}, {\"type\": \"open\", \"title\": \"Rules\",
      \"url\": \"https://rules.example\"}, {\"type\": \"choose\", \"id\": \"when\", \"title\": \"When\", \"choices\": [\"now\", \"later\"]},
      {\"type\": \"enter\", \"id\": \"why\", \"title\": \"Why\"}]}")]
    Send {
        /// The thread
        thread: Uuid,
        /// What to say; HTML with --html
        #[arg(default_value = "")]
        text: String,
        /// The text is HTML
        #[arg(long)]
        html: bool,
        /// The message that this one answers
        #[arg(long, value_name = "ID")]
        reply_to: Option<u64>,
        /// A file to go with it. May be given several times
        #[arg(long, value_name = "FILE")]
        file: Vec<PathBuf>,
        /// Who is spoken to. May be given several times
        #[arg(long, value_name = "WHO")]
        mention: Vec<Identifier>,
        /// How much it wants to be noticed
        #[arg(long, value_enum, default_value = "normal")]
        priority: HowMuch,
        /// A card, as JSON. The text is what clients show that show no cards
        #[arg(long, value_name = "FILE", conflicts_with = "html")]
        card: Option<PathBuf>,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Give a message a sign of feeling
    #[command(after_help = "\
Examples:
  sidetone chat react THREAD 5 👍 --identity member:contoso:bob")]
    React {
        /// The message.
        #[command(flatten)]
        message: MessageArgs,
        /// The sign
        sign: String,
        /// Take it back
        #[arg(long)]
        remove: bool,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Pin a message to its thread
    #[command(after_help = "\
Examples:
  sidetone chat pin THREAD 5 --identity member:contoso:bob")]
    Pin {
        /// The message.
        #[command(flatten)]
        message: MessageArgs,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Take a message down that was pinned
    #[command(after_help = "\
Examples:
  sidetone chat unpin THREAD 5 --identity member:contoso:bob")]
    Unpin {
        /// The message.
        #[command(flatten)]
        message: MessageArgs,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Answer the card of a message
    #[command(after_help = "\
Examples:
  sidetone chat answer THREAD 5 yes --identity member:contoso:carol
  sidetone chat answer THREAD 5 when later --identity member:contoso:carol")]
    Answer {
        /// The message.
        #[command(flatten)]
        message: MessageArgs,
        /// The id of the button
        action: String,
        /// One of its choices, or a text of one's own
        #[arg(default_value = "")]
        value: String,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Show the answers to a card: everybody's to one's own, one's own to that of somebody else
    #[command(after_help = "\
Examples:
  sidetone chat answers THREAD 5 --identity member:contoso:bob")]
    Answers {
        /// The message.
        #[command(flatten)]
        message: MessageArgs,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Show a message in another language, where the operator has a service for it
    #[command(after_help = "\
Examples:
  sidetone chat translate THREAD 5 de --identity member:contoso:bob")]
    Translate {
        /// The message.
        #[command(flatten)]
        message: MessageArgs,
        /// The language (BCP 47): de, zh-Hant-TW
        language: String,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Show what was said in a thread
    #[command(after_help = "\
Examples:
  sidetone chat history THREAD --limit 20 --identity member:contoso:bob")]
    History {
        /// The thread
        thread: Uuid,
        /// How many messages, the newest
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: u32,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Look for messages by their words
    #[command(after_help = "\
Examples:
  sidetone chat search 'order 17' --identity member:contoso:bob
      in all of one's threads: messages that say both; the beginning of a word is enough
  sidetone chat search plan --thread THREAD --limit 5 --identity member:contoso:bob")]
    Search {
        /// One to eight words
        words: String,
        /// In this thread alone
        #[arg(long)]
        thread: Option<Uuid>,
        /// How many messages to find
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: usize,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Be in a thread: show what happens, and send each line that is typed
    #[command(after_help = "\
Examples:
  sidetone chat follow THREAD --identity member:contoso:bob
      until Ctrl-C, or the end of what is typed
  echo 'Hello' | sidetone chat follow THREAD --for 5s --json --identity member:contoso:bob
      for scripts: one event a line

While following, a line that begins with a slash is a command: /who, /read, /react ID SIGN, /unreact ID SIGN,
/reply ID TEXT, /edit ID TEXT, /delete ID, /pin ID, /unpin ID, /mention WHO TEXT, /important TEXT, /urgent TEXT,
/card FILE, /answer ID BUTTON [VALUE], /answers ID, /translate ID LANGUAGE, /add WHO, /topic TEXT, /leave, /quit.")]
    Follow {
        /// The thread
        thread: Uuid,
        /// How long, without being asked to stop
        #[arg(long = "for", value_name = "TIME", value_parser = crate::args::duration)]
        length: Option<std::time::Duration>,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
    /// Call everyone in a thread, or join the call that runs there
    #[command(after_help = "\
Examples:
  sidetone chat call THREAD --identity member:contoso:bob
      a thread of two rings the other; one of more rings everybody, and is joined where somebody called before")]
    Call(Box<CallThreadArgs>),
    /// Leave a thread, hide or delete it
    #[command(after_help = "\
Examples:
  sidetone chat delete THREAD --how leave --identity member:contoso:bob")]
    Delete {
        /// The thread
        thread: Uuid,
        /// In which way; for all, or as the members' organisation has it, without
        #[arg(long, value_enum)]
        how: Option<How>,
        /// What all share.
        #[command(flatten)]
        user: UserArgs,
    },
}

/// `sidetone chat call`.
#[derive(Args, Debug)]
pub struct CallThreadArgs {
    /// The thread
    pub thread: Uuid,
    /// What all calls share.
    #[command(flatten)]
    pub end: EndArgs,
    /// Its pictures.
    #[command(flatten)]
    pub video: PictureArgs,
}

/// A message of a thread.
#[derive(Args, Clone, Copy, Debug)]
pub struct MessageArgs {
    /// The thread
    pub thread: Uuid,
    /// The number of the message
    #[arg(value_name = "ID")]
    pub id: u64,
}

/// How much a message wants to be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HowMuch {
    /// As any other
    Normal,
    /// More than others
    #[value(alias = "high")]
    Important,
    /// At once
    Urgent,
}

impl From<HowMuch> for sidetone::Priority {
    fn from(how: HowMuch) -> Self {
        match how {
            HowMuch::Normal => Self::Normal,
            HowMuch::Important => Self::High,
            HowMuch::Urgent => Self::Urgent,
        }
    }
}

/// How a thread is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// Take part no longer, and keep what was said
    Leave,
    /// See nothing of what was said so far
    HideForMe,
    /// It is gone for everybody
    ForAll,
    /// Remove the members and hide what was said from them: for external users
    RemoveMembers,
}

/// Who chats, and where.
#[derive(Args, Debug)]
pub struct UserArgs {
    /// The service
    #[arg(
        long,
        value_name = "URL",
        env = "SIDETONE_SERVER",
        default_value = "ws://127.0.0.1:7480"
    )]
    pub server: ServiceAddress,
    /// Who to be.
    #[command(flatten)]
    pub credential: CredentialArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}
