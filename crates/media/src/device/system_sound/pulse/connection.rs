//! A connection to the sound server: commands out, messages in. It refuses to know what they are about.

use std::ffi::CString;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, DESCRIPTOR_SIZE, Prop, Props, ProtocolError,
    PulseError, SetClientNameReply, TagStructReader,
};
use pulseaudio::{cookie_path_from_env, socket_path_from_env};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::device::DeviceError;

/// A server that takes longer for a word hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// No message is longer. Our streams' are some kilobytes.
const LONGEST: usize = protocol::MAX_MEMBLOCKQ_LENGTH;

/// Bytes of the word that lets in, where one is asked for; the server reads as many anyway.
const COOKIE: usize = 256;

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// What the server said.
pub enum Message {
    /// The answer to a command, to be read by [`Connection::answer`].
    Answer(u32, Body),
    /// A command was refused.
    Refused(u32, PulseError),
    /// Something happened.
    Event(Box<Command>),
    /// Sound of a stream, as `f32`, little endian.
    Sound(u32, Body),
}

/// Where in what was received a message lies. Good until the next one is asked for.
pub struct Body(std::ops::Range<usize>);

/// A connection on which this process has said who it is.
pub struct Connection {
    socket: UnixStream,
    version: u16,
    commands: u32,
    received: Vec<u8>,
    /// How much of it has been taken.
    taken: usize,
}

fn broken(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl Connection {
    /// Connects to the server that the environment names.
    ///
    /// # Errors
    /// [`DeviceError`]: there is none, it lets nobody in, or does not answer.
    pub fn open() -> Result<Self, DeviceError> {
        let path = socket_path_from_env().ok_or_else(|| DeviceError::NotFound("a sound server".into()))?;
        let id = path.display().to_string();
        let unavailable = |error: io::Error| DeviceError::Unavailable {
            id: id.clone(),
            reason: error.to_string(),
        };
        let socket = UnixStream::connect(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => DeviceError::NotFound(id.clone()),
            io::ErrorKind::PermissionDenied => DeviceError::Denied {
                id: id.clone(),
                reason: error.to_string(),
            },
            _ => unavailable(error),
        })?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(unavailable)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(unavailable)?;
        Self::greet(socket).map_err(|error| match error {
            ProtocolError::ServerError(PulseError::AccessDenied | PulseError::AuthKey) => {
                DeviceError::Denied {
                    id: id.clone(),
                    reason: error.to_string(),
                }
            }
            error => DeviceError::Unavailable {
                id: id.clone(),
                reason: error.to_string(),
            },
        })
    }

    fn greet(socket: UnixStream) -> Result<Self, ProtocolError> {
        let mut reader = BufReader::new(socket);
        let cookie = cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let auth = AuthParams {
            version: protocol::MAX_VERSION,
            // Sound comes through the socket: it is little.
            supports_shm: false,
            supports_memfd: false,
            cookie: cookie
                .filter(|cookie| cookie.len() == COOKIE)
                .unwrap_or_else(|| vec![0; COOKIE]),
        };
        let auth = Command::Auth(auth);
        protocol::write_command_message(reader.get_mut(), 0, &auth, protocol::MAX_VERSION)?;
        let (_, reply): (_, AuthReply) = protocol::read_reply_message(&mut reader, protocol::MAX_VERSION)?;
        let version = reply.version.min(protocol::MAX_VERSION);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"sidetone");
        let process = CString::new(std::process::id().to_string()).unwrap_or_default();
        props.set(Prop::ApplicationProcessId, process);
        let name = Command::SetClientName(props);
        protocol::write_command_message(reader.get_mut(), 1, &name, version)?;
        let _: (_, SetClientNameReply) = protocol::read_reply_message(&mut reader, version)?;
        // Nothing is said unasked before this.
        Ok(Self {
            received: reader.buffer().to_vec(),
            socket: reader.into_inner(),
            version,
            commands: 1,
            taken: 0,
        })
    }

    /// Tells the server something and returns the number that its answer will have.
    pub fn send(&mut self, command: &Command) -> io::Result<u32> {
        self.commands += 1;
        protocol::write_command_message(&mut self.socket, self.commands, command, self.version)
            .map_err(broken)?;
        Ok(self.commands)
    }

    /// Waits until then for something to come, and takes it in.
    ///
    /// # Errors
    /// The connection is over.
    pub fn receive(&mut self, until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(broken)?;
        let mut files = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)];
        match poll(&mut files, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        self.received.drain(..self.taken);
        self.taken = 0;
        let before = self.received.len();
        self.received.resize(before + PIECE, 0);
        let read = self.socket.read(&mut self.received[before..]);
        self.received.truncate(before + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next message that is here whole.
    ///
    /// # Errors
    /// What comes is no message.
    pub fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            let mut rest = &self.received[self.taken..];
            if rest.len() < DESCRIPTOR_SIZE {
                return Ok(None);
            }
            let descriptor = protocol::read_descriptor(&mut rest).map_err(broken)?;
            let length = descriptor.length as usize;
            if length > LONGEST {
                return Err(broken("a message is too long"));
            }
            if rest.len() < length {
                return Ok(None);
            }
            let start = self.taken + DESCRIPTOR_SIZE;
            self.taken = start + length;
            if descriptor.channel != u32::MAX {
                return Ok(Some(Message::Sound(descriptor.channel, Body(start..self.taken))));
            }
            let mut body = &self.received[start..self.taken];
            match Command::read_tag_prefixed(&mut body, self.version) {
                Ok((number, Command::Reply)) => {
                    let body = Body(self.taken - body.len()..self.taken);
                    return Ok(Some(Message::Answer(number, body)));
                }
                Ok((number, Command::Error(error))) => return Ok(Some(Message::Refused(number, error))),
                Ok((_, command)) => return Ok(Some(Message::Event(Box::new(command)))),
                // Newer servers say what older ones did not, and none of it need be known.
                Err(error) => tracing::debug!(%error, "a message of the sound server"),
            }
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// It is none.
    pub fn answer<T: CommandReply>(&self, body: &Body) -> io::Result<T> {
        let mut bytes = self.bytes(body);
        TagStructReader::new(&mut bytes, self.version)
            .read()
            .map_err(broken)
    }

    /// The bytes of a message.
    pub fn bytes(&self, body: &Body) -> &[u8] {
        &self.received[body.0.clone()]
    }
}
