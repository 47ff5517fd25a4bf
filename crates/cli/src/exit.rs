//! Exit codes of the program, and what a command that fails says.
//!
//! Scripts decide by the code, people read the message. The codes are part of the program's interface: `sidetone
//! --help` lists them.

use std::fmt;
use std::process::ExitCode;

use sidetone::{CallId, Error, Reason};
use sidetone_media::device::DeviceError;
use sidetone_server::ServerError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done,
    /// It failed for a reason that has no code of its own.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// The call did not come about, or broke.
    Call,
    /// The service is out of reach, or refused the token or key.
    Service,
    /// A device or a file cannot be used.
    Resource,
    /// `doctor` found a hop that is broken, with this code.
    Hop(u8),
    /// Ctrl-C or SIGTERM ended it early.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Call => 3,
            Self::Service => 4,
            Self::Resource => 5,
            Self::Hop(code) => code,
            // 128 + SIGINT, as shells have it.
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// The list for `--help`.
pub const HELP: &str = "\
Exit codes:
  0    done
  1    failed
  2    wrong usage
  3    the call did not come about, or broke: its code/subcode and message are printed
  4    the service is out of reach, or refused the token or key (`admin`: the missing role is printed)
  5    a device or a file cannot be used
  10   and above, of `doctor`: the first hop that is broken (see its help)
  130  interrupted by Ctrl-C or SIGTERM (`serve` ends with 0 then)";

/// Why a command failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For the person at the terminal; may be empty when there is nothing to say.
    pub message: String,
}

impl Failure {
    /// A failure with a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// Somebody wanted the program to end: no news to them.
    pub const fn interrupted() -> Self {
        Self {
            exit: Exit::Interrupted,
            message: String::new(),
        }
    }

    /// A call that did not come about, or broke. Its id is what a report must name: both ends and the service know
    /// the call by it.
    pub fn call(reason: &Reason, call: CallId) -> Self {
        Self::new(
            Exit::Call,
            format!(
                "the call failed: {reason}; in a report name call {call} (`sidetone doctor --call {call} --bundle FILE`)"
            ),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        Self::new(Exit::Resource, error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match &error {
            Error::Argument(_) => Exit::Usage,
            Error::State(_) => Exit::Call,
            Error::Device(_) | Error::Audio(_) | Error::Video(_) => Exit::Resource,
            Error::Refused(_) | Error::Network(_) => Exit::Service,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        let exit = match &error {
            ServerError::Token(_)
            | ServerError::Config(_)
            | ServerError::FileScan(_)
            | ServerError::LinkPreview(_)
            | ServerError::Translation(_) => Exit::Usage,
            ServerError::DataFolder { .. } | ServerError::Store(_) | ServerError::SigningKey => {
                Exit::Resource
            }
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented() {
        for exit in [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::Call,
            Exit::Service,
            Exit::Resource,
            Exit::Hop(10),
            Exit::Interrupted,
        ] {
            let line = format!("\n  {} ", exit.code());
            assert!(HELP.contains(&line), "{exit:?} is not in the help");
        }
    }

    #[test]
    fn the_cause_decides_the_code() {
        let exit = |error: Error| Failure::from(error).exit;
        assert_eq!(exit(Error::Argument("x".into())), Exit::Usage);
        assert_eq!(exit(Error::Refused(Reason::INVALID_TOKEN)), Exit::Service);
        assert_eq!(exit(Error::Network("x".into())), Exit::Service);
        assert_eq!(
            exit(Error::Device(DeviceError::NotFound("x".into()))),
            Exit::Resource
        );
        assert_eq!(exit(Error::Closed), Exit::Failed);
        let call = CallId(uuid::Uuid::from_u128(7));
        let message = Failure::call(&Reason::DECLINED, call).message;
        assert!(
            message.contains("603/0") && message.contains("call 00000000-0000"),
            "{message}"
        );
    }
}
