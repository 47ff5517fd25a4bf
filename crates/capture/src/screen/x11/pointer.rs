//! Where the mouse pointer is and how it looks, from the server.

use x11rb::errors::ReplyError;
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xinput::{self, ConnectionExt as _};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::display::{Display, Failure};
use super::view::{Follower, View};
use crate::screen::Cursor;

/// The pointer's looks, fetched again only when they change.
pub(super) struct Pointer {
    /// `None` until fetched, and while there is no pointer. Its place is that of its hot spot, negated.
    looks: Option<Cursor>,
    changed: bool,
}

impl Pointer {
    /// Asks to be told of motion and of new looks.
    pub(super) fn watch(display: &Display) -> Result<Self, Failure> {
        let connection = &display.connection;
        let root = display.root();
        connection
            .xfixes_select_cursor_input(root, xfixes::CursorNotifyMask::DISPLAY_CURSOR)?
            .check()?;
        if display.tells_motion {
            // Raw: told wherever the pointer is, whoever else listens.
            let motion = xinput::EventMask {
                deviceid: xinput::Device::ALL_MASTER.into(),
                mask: vec![xinput::XIEventMask::RAW_MOTION],
            };
            connection.xinput_xi_select_events(root, &[motion])?.check()?;
        }
        Ok(Self {
            looks: None,
            changed: true,
        })
    }

    /// It looks different from now on.
    pub(super) fn set_changed(&mut self) {
        self.changed = true;
    }

    /// The pointer as it lies in the view, or `None` where it does not.
    pub(super) fn look(
        &mut self,
        display: &Display,
        follower: &Follower,
        view: &View,
    ) -> Result<Option<Cursor>, Failure> {
        let connection = &display.connection;
        let at_root = connection.query_pointer(display.root())?;
        let inside = follower
            .window()
            .map(|window| connection.query_pointer(window))
            .transpose()?;
        if self.changed {
            self.looks = match connection.xfixes_get_cursor_image()?.reply() {
                Ok(image) => Some(Cursor {
                    pixels: image.cursor_image,
                    width: image.width.into(),
                    height: image.height.into(),
                    left: -i64::from(image.xhot),
                    top: -i64::from(image.yhot),
                }),
                // There is none at the moment.
                Err(ReplyError::X11Error(_)) => None,
                Err(error) => return Err(error.into()),
            };
            self.changed = false;
        }
        let at_root = at_root.reply()?;
        let (x, y, is_over) = match inside {
            Some(inside) => {
                let inside = inside.reply()?;
                (
                    inside.win_x,
                    inside.win_y,
                    follower.family.contains(&at_root.child),
                )
            }
            None => (
                at_root.root_x.saturating_sub(view.left),
                at_root.root_y.saturating_sub(view.top),
                true,
            ),
        };
        let within = |at: i16, length: u32| (0..i64::from(length)).contains(&i64::from(at));
        if !(is_over && at_root.same_screen && within(x, view.size.width()) && within(y, view.size.height()))
        {
            return Ok(None);
        }
        Ok(self.looks.as_ref().map(|looks| Cursor {
            left: looks.left + i64::from(x),
            top: looks.top + i64::from(y),
            ..looks.clone()
        }))
    }
}
