//! A connection to an X server that has what capturing needs, and the one place that says what its errors mean.

use sidetone_video::picture;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::damage::ConnectionExt as _;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{ImageOrder, Screen, VisualClass, Visualid};
use x11rb::protocol::{composite, damage, randr, shm, xfixes, xinput};
use x11rb::rust_connection::RustConnection;

use crate::source::CaptureError;

/// A connection and the screen that was asked for. (A *screen* of the protocol holds all monitors.)
pub(super) struct Display {
    pub(super) connection: RustConnection,
    screen: usize,
    /// Whether there is RANDR 1.5, which knows monitors.
    pub(super) knows_monitors: bool,
    /// Whether pointer motion is told (XInput 2).
    pub(super) tells_motion: bool,
}

/// What went wrong between us and the server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server answered with an error, or not at all.
    #[error(transparent)]
    Server(#[from] ReplyOrIdError),
    /// What is captured cannot be, whatever the server says.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A picture cannot be made of it.
    #[error(transparent)]
    Picture(#[from] picture::Error),
}

impl From<ReplyError> for Failure {
    fn from(error: ReplyError) -> Self {
        Self::Server(error.into())
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self::Server(error.into())
    }
}

impl Failure {
    /// Whether the server only refused one request: what it was about has changed since, or is gone.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Server(ReplyOrIdError::X11Error(_)))
    }

    /// As people are told, of source `id` that runs, or is to be opened.
    pub(super) fn into_error(self, id: &str, running: bool) -> CaptureError {
        let (id, reason) = (id.to_owned(), self.to_string());
        match self {
            Self::Capture(error) => error,
            Self::Picture(error) => CaptureError::Picture { id, error },
            Self::Server(_) if running => CaptureError::Lost { id, reason },
            Self::Server(_) => CaptureError::Unavailable { id, reason },
        }
    }
}

impl Display {
    /// Connects to the display `name`, or the one of the environment, and asks for the extensions.
    ///
    /// # Errors
    /// [`CaptureError::Unavailable`] when there is no server, or it lacks something.
    pub(super) fn connect(name: Option<&str>) -> Result<Self, CaptureError> {
        let unavailable = |reason: String| CaptureError::Unavailable {
            id: format!("x11 display {}", name.unwrap_or("(default)")),
            reason,
        };
        check_number(name).map_err(unavailable)?;
        let (connection, screen) =
            RustConnection::connect(name).map_err(|error| unavailable(error.to_string()))?;
        for extension in [
            composite::X11_EXTENSION_NAME,
            damage::X11_EXTENSION_NAME,
            shm::X11_EXTENSION_NAME,
            xfixes::X11_EXTENSION_NAME,
        ] {
            let found = connection.extension_information(extension);
            if found.map_err(|error| unavailable(error.to_string()))?.is_none() {
                return Err(unavailable(format!("the server has no extension {extension}")));
            }
        }
        let mut display = Self {
            connection,
            screen,
            knows_monitors: false,
            tells_motion: false,
        };
        display
            .negotiate()
            .map_err(|error| unavailable(error.to_string()))?;
        Ok(display)
    }

    /// Every extension wants to be asked for its version before it is used.
    fn negotiate(&mut self) -> Result<(), Failure> {
        let connection = &self.connection;
        let composite = connection.composite_query_version(0, 4)?;
        let damage = connection.damage_query_version(1, 1)?;
        let fixes = connection.xfixes_query_version(5, 0)?;
        let shm = connection.shm_query_version()?;
        composite.reply()?;
        damage.reply()?;
        fixes.reply()?;
        shm.reply()?;
        if connection
            .extension_information(randr::X11_EXTENSION_NAME)?
            .is_some()
        {
            let version = connection.randr_query_version(1, 5)?.reply()?;
            self.knows_monitors = (version.major_version, version.minor_version) >= (1, 5);
        }
        if connection
            .extension_information(xinput::X11_EXTENSION_NAME)?
            .is_some()
        {
            let version = xinput::xi_query_version(connection, 2, 2)?.reply();
            // An error is a server that knows the first XInput only.
            self.tells_motion = version.is_ok_and(|version| version.major_version >= 2);
        }
        Ok(())
    }

    /// The screen that was asked for. Its size is that of the moment we connected.
    pub(super) fn screen(&self) -> &Screen {
        // The library has checked that the number is one of the list's.
        &self.connection.setup().roots[self.screen]
    }

    /// The window behind all windows.
    pub(super) fn root(&self) -> u32 {
        self.screen().root
    }

    /// Whether pixels of a drawable with this depth and visual are blue, green, red and a byte of anything.
    ///
    /// # Errors
    /// [`CaptureError::Format`], saying what they are instead.
    pub(super) fn check_format(&self, id: &str, depth: u8, visual: Visualid) -> Result<(), CaptureError> {
        let setup = self.connection.setup();
        let refuse = |reason: String| {
            Err(CaptureError::Format {
                id: id.to_owned(),
                reason,
            })
        };
        if !matches!(depth, 24 | 32) {
            return refuse(format!("{depth} bits of colour; 24 or 32 are needed"));
        }
        let format = setup.pixmap_formats.iter().find(|format| format.depth == depth);
        match format.map(|format| format.bits_per_pixel) {
            Some(32) => {}
            bits => return refuse(format!("{bits:?} bits a pixel; 32 are needed")),
        }
        if setup.image_byte_order != ImageOrder::LSB_FIRST {
            return refuse("the most significant byte comes first".into());
        }
        let all = setup.roots.iter().flat_map(|screen| &screen.allowed_depths);
        let found = all
            .flat_map(|depth| &depth.visuals)
            .find(|listed| listed.visual_id == visual);
        match found {
            Some(found)
                if found.class == VisualClass::TRUE_COLOR
                    && [found.red_mask, found.green_mask, found.blue_mask] == [0xFF_0000, 0xFF00, 0xFF] =>
            {
                Ok(())
            }
            Some(found) => refuse(format!(
                "visual {:?} with masks {:06x} {:06x} {:06x}",
                found.class, found.red_mask, found.green_mask, found.blue_mask
            )),
            None => refuse(format!("unknown visual {visual}")),
        }
    }
}

/// The library adds the number of a display to that of a port without looking whether it fits.
fn check_number(name: Option<&str>) -> Result<(), String> {
    let name = name.map_or_else(|| std::env::var("DISPLAY").unwrap_or_default(), str::to_owned);
    let number = name
        .rsplit(':')
        .next()
        .and_then(|rest| rest.split('.').next())
        .unwrap_or_default();
    match number.parse::<u16>() {
        Ok(number) if number > u16::MAX - 6000 => Err(format!("there is no display {number}")),
        _ => Ok(()),
    }
}
