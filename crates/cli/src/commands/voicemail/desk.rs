//! What all lines share: who answers which call, the token, and the mailboxes at the service.

use std::collections::HashSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use sidetone::media::recording::read_ogg_opus;
use sidetone::{CallId, Identifier, Participant};

use super::args::VoicemailArgs;
use super::greeting::{self, LONGEST};
use crate::address::ServiceAddress;
use crate::commands::admin::client::{Service, encode};
use crate::commands::admin::connection::Connection;
use crate::dev_token::{self, Wish};
use crate::exit::{Exit, Failure};

/// How often leaving a message is tried, and the pause after the first failure, which doubles.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// Shared by all lines.
pub struct Desk {
    server: ServiceAddress,
    connection: Connection,
    token: Mutex<String>,
    /// Who to ask a development token for; without, the token renews itself.
    development: Option<Identifier>,
    identity: OnceLock<Identifier>,
    /// Calls that a line answers or has answered.
    claimed: Mutex<HashSet<CallId>>,
    folder: PathBuf,
    /// It was made for this run.
    passing: bool,
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.passing {
            // What could not be handed over is kept: then the folder is not empty, and stays.
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No holder can leave half a value behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Gets a token and makes the folder.
    ///
    /// # Errors
    /// Whatever is wrong with service, token or folder.
    pub async fn open(args: &VoicemailArgs) -> Result<Self, Failure> {
        let token = match (&args.token, &args.identity) {
            (Some(token), _) => token.clone(),
            (None, Some(identity)) => {
                let (server, wish) = (args.server.clone(), wish(identity));
                let asked = tokio::task::spawn_blocking(move || dev_token::ask(&server, &wish)).await;
                asked
                    .map_err(|error| Failure::new(Exit::Failed, error.to_string()))??
                    .token
            }
            // The command line asks for one of the two.
            (None, None) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "neither --token nor --identity is given",
                ));
            }
        };
        let connection = Connection {
            server: args.server.http(),
            key: token.clone(),
            ca_file: args.ca_file.clone(),
            insecure_http: args.insecure_http,
        };
        connection.check()?;
        let folder = args.folder.clone().unwrap_or_else(|| {
            // A name that nobody could have made before.
            std::env::temp_dir().join(format!("sidetone-voicemail-{}", uuid::Uuid::new_v4()))
        });
        private_folder(&folder)
            .map_err(|error| Failure::new(Exit::Resource, format!("{}: {error}", folder.display())))?;
        Ok(Self {
            server: args.server.clone(),
            connection,
            token: Mutex::new(token),
            development: args.identity.clone(),
            identity: OnceLock::new(),
            claimed: Mutex::default(),
            folder,
            passing: args.folder.is_none(),
        })
    }

    /// The token that is good now.
    pub fn token(&self) -> String {
        lock(&self.token).clone()
    }

    /// Who the application is, once a line is online.
    pub fn identity(&self) -> Option<&Identifier> {
        self.identity.get()
    }

    /// A line is online as this.
    pub fn is_known(&self, identity: Identifier) {
        // Every line is the same.
        let _ = self.identity.set(identity);
    }

    /// Gets a new token with the one that is good still.
    pub fn renew(&self) -> Result<String, Failure> {
        let token = match (&self.development, self.identity()) {
            (Some(identity), _) => dev_token::ask(&self.server, &wish(identity))?.token,
            (
                None,
                Some(Identifier::Application {
                    organisation,
                    application,
                }),
            ) => {
                let path = format!("/v1/organisations/{organisation}/applications/{application}/tokens");
                let answer = self.service()?.call("POST", &path, Some(&json!({})))?;
                let token = answer["token"].as_str();
                token
                    .ok_or_else(|| Failure::new(Exit::Service, "the service gave no token"))?
                    .to_owned()
            }
            _ => {
                return Err(Failure::new(
                    Exit::Usage,
                    "the token is not of a voice application: it cannot be renewed",
                ));
            }
        };
        lock(&self.token).clone_from(&token);
        Ok(token)
    }

    /// Whether the line that asks is the one to answer.
    pub fn claim(&self, call: CallId) -> bool {
        lock(&self.claimed).insert(call)
    }

    /// The call is over, or could not be answered.
    pub fn release(&self, call: CallId) {
        lock(&self.claimed).remove(&call);
    }

    /// Where a call is recorded.
    pub fn file(&self, call: CallId) -> PathBuf {
        self.folder.join(format!("{call}.ogg"))
    }

    /// What callers of a member are greeted with: the member's own greeting, or the organisation's, or tones. Whatever
    /// is wrong with one, the next is taken: a caller must hear something. Blocks.
    pub fn greeting(&self, mailbox: &Mailbox) -> (Vec<f32>, &'static str) {
        let Mailbox { organisation, member } = mailbox;
        let places = [
            (
                format!("/v1/organisations/{organisation}/members/{member}/voicemail/greeting"),
                "member",
            ),
            (
                format!("/v1/organisations/{organisation}/voicemail/greeting"),
                "organisation",
            ),
        ];
        for (path, whose) in places {
            let found = self.service().and_then(|service| service.sound(&path));
            match found.map(|bytes| bytes.map(|bytes| read_ogg_opus(Cursor::new(bytes), LONGEST))) {
                Ok(None) => {}
                Ok(Some(Ok(sound))) => return (sound, whose),
                Ok(Some(Err(error))) => crate::output::complain(&format!("{path}: {error}")),
                Err(failure) => crate::output::complain(&failure.message),
            }
        }
        (greeting::built_in(), "builtIn")
    }

    /// Leaves a message. Tries again while the service is away. Blocks.
    ///
    /// # Errors
    /// As the service refuses, or the file cannot be read.
    pub fn leave(
        &self,
        mailbox: &Mailbox,
        call: CallId,
        caller: &Participant,
        file: &Path,
    ) -> Result<Value, Failure> {
        let sound = std::fs::read(file)
            .map_err(|error| Failure::new(Exit::Resource, format!("{}: {error}", file.display())))?;
        let Mailbox { organisation, member } = mailbox;
        let mut path = format!(
            "/v1/organisations/{organisation}/members/{member}/voicemail/messages?call={call}&from={}",
            encode(&caller.identifier.to_string())
        );
        if !caller.display_name.is_empty() {
            path.push_str(&format!("&displayName={}", encode(&caller.display_name)));
        }
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let left = self
                .service()
                .and_then(|service| service.send_sound("POST", &path, &sound));
            match left {
                Err(failure) if failure.exit == Exit::Service && tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                left => return left,
            }
        }
    }

    fn service(&self) -> Result<Service, Failure> {
        Service::new(Connection {
            key: self.token(),
            ..self.connection.clone()
        })
    }
}

fn wish(identity: &Identifier) -> Wish {
    Wish {
        identity: identity.clone(),
        name: None,
        lifetime: None,
    }
}

/// Messages are private: nobody else on the machine reads them.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whose mailbox.
#[derive(Clone, Debug)]
pub struct Mailbox {
    organisation: String,
    member: String,
}

impl Mailbox {
    /// The mailbox of a member; others have none.
    pub fn of(identity: &Identifier) -> Option<Self> {
        match identity {
            Identifier::Member { organisation, user } => Some(Self {
                organisation: organisation.to_string(),
                member: user.to_string(),
            }),
            _ => None,
        }
    }
}
