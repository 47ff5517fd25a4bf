//! The monitors and windows of a display, as a person would pick them.

use std::collections::HashSet;

use sidetone_video::picture::Size;
use x11rb::errors::ReplyError;
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, EventMask, MapState, Window, WindowClass,
};

use super::display::{Display, Failure};

/// Most windows and longest title looked at: whoever opens more is not helped by a longer list.
const MOST_WINDOWS: usize = 1000;
const LONGEST_TITLE: u32 = 1024;

/// One monitor: a part of the root window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Monitor {
    pub(super) name: String,
    pub(super) left: i16,
    pub(super) top: i16,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) is_primary: bool,
}

/// One window that a person would call so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Titled {
    pub(super) window: Window,
    pub(super) title: String,
    pub(super) size: Option<Size>,
}

/// The monitors there are now; where the server knows none, all of the root window is one.
pub(super) fn monitors(display: &Display) -> Result<Vec<Monitor>, Failure> {
    let connection = &display.connection;
    let root = display.root();
    let mut monitors = Vec::new();
    if display.knows_monitors {
        let listed = connection.randr_get_monitors(root, true)?.reply()?.monitors;
        let names: Vec<_> = listed
            .iter()
            .map(|monitor| connection.get_atom_name(monitor.name))
            .collect::<Result<_, _>>()?;
        for (monitor, name) in listed.iter().zip(names) {
            monitors.push(Monitor {
                name: String::from_utf8_lossy(&name.reply()?.name).into_owned(),
                left: monitor.x,
                top: monitor.y,
                width: monitor.width,
                height: monitor.height,
                is_primary: monitor.primary,
            });
        }
    }
    if monitors.is_empty() {
        let root = connection.get_geometry(root)?.reply()?;
        monitors.push(Monitor {
            name: "screen".into(),
            left: 0,
            top: 0,
            width: root.width,
            height: root.height,
            is_primary: true,
        });
    }
    Ok(monitors)
}

/// The windows there are now: those the window manager names, else whatever is shown on the root window.
pub(super) fn windows(display: &Display) -> Result<Vec<Titled>, Failure> {
    let atoms = Atoms::of(display)?;
    let managed = client_list(display, &atoms)?;
    let windows = match managed {
        Some(windows) => windows,
        None => shown(display)?,
    };
    let mut listed = Vec::new();
    for window in windows {
        match titled(display, &atoms, window) {
            Ok(window) => listed.push(window),
            // Closed since it was listed.
            Err(failure) if failure.is_refusal() => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(listed)
}

struct Atoms {
    client_list: Atom,
    name: Atom,
}

impl Atoms {
    fn of(display: &Display) -> Result<Self, Failure> {
        let connection = &display.connection;
        let client_list = connection.intern_atom(false, b"_NET_CLIENT_LIST")?;
        let name = connection.intern_atom(false, b"_NET_WM_NAME")?;
        Ok(Self {
            client_list: client_list.reply()?.atom,
            name: name.reply()?.atom,
        })
    }
}

/// What the window manager lists (Extended Window Manager Hints, `_NET_CLIENT_LIST`).
fn client_list(display: &Display, atoms: &Atoms) -> Result<Option<Vec<Window>>, Failure> {
    let most = MOST_WINDOWS as u32;
    let property = display
        .connection
        .get_property(
            false,
            display.root(),
            atoms.client_list,
            AtomEnum::WINDOW,
            0,
            most,
        )?
        .reply()?;
    // A manager that ended without a word left its list behind: then none of it may be there any more.
    let Some(windows) = property.value32() else {
        return Ok(None);
    };
    let mut seen = HashSet::new();
    Ok(Some(windows.filter(|window| seen.insert(*window)).collect()))
}

/// What is shown on the root window, and is no menu.
fn shown(display: &Display) -> Result<Vec<Window>, Failure> {
    let connection = &display.connection;
    let children = connection.query_tree(display.root())?.reply()?.children;
    let attributes: Vec<_> = children
        .into_iter()
        // The last ones are on top.
        .rev()
        .take(MOST_WINDOWS)
        .map(|window| Ok((window, connection.get_window_attributes(window)?)))
        .collect::<Result<_, Failure>>()?;
    let mut shown = Vec::new();
    for (window, attributes) in attributes {
        let attributes = match attributes.reply() {
            Ok(attributes) => attributes,
            // Closed since it was listed.
            Err(ReplyError::X11Error(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        if attributes.class == WindowClass::INPUT_OUTPUT
            && attributes.map_state == MapState::VIEWABLE
            && !attributes.override_redirect
        {
            shown.push(window);
        }
    }
    Ok(shown)
}

fn titled(display: &Display, atoms: &Atoms, window: Window) -> Result<Titled, Failure> {
    let connection = &display.connection;
    let title =
        |name: Atom| connection.get_property(false, window, name, AtomEnum::ANY, 0, LONGEST_TITLE / 4);
    let geometry = connection.get_geometry(window)?;
    let (modern, plain) = (title(atoms.name)?, title(AtomEnum::WM_NAME.into())?);
    let geometry = geometry.reply()?;
    let [modern, plain] = [modern.reply()?.value, plain.reply()?.value];
    // The older one is Latin-1 by the letter, and UTF-8 in practice.
    let name = if modern.is_empty() { plain } else { modern };
    let title = String::from_utf8_lossy(&name)
        .replace(char::is_control, " ")
        .trim()
        .to_owned();
    Ok(Titled {
        window,
        title: if title.is_empty() {
            format!("Window {window:#x}")
        } else {
            title
        },
        size: Size::new(geometry.width.into(), geometry.height.into()).ok(),
    })
}

/// The parents of a window, nearest first, without the root.
pub(super) fn ancestors(display: &Display, window: Window) -> Result<Vec<Window>, Failure> {
    let mut ancestors = Vec::new();
    let mut child = window;
    // Nobody nests deeper, and a tree that changes meanwhile must not lead in circles.
    while ancestors.len() < 32 {
        let parent = display.connection.query_tree(child)?.reply()?.parent;
        if parent == x11rb::NONE || parent == display.root() {
            break;
        }
        ancestors.push(parent);
        child = parent;
    }
    Ok(ancestors)
}

/// Asks for the event mask of a window that may be gone; `false` when it is.
pub(super) fn select(display: &Display, window: Window, mask: EventMask) -> Result<bool, Failure> {
    let aux = ChangeWindowAttributesAux::new().event_mask(mask);
    match display.connection.change_window_attributes(window, &aux)?.check() {
        Ok(()) => Ok(true),
        Err(ReplyError::X11Error(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
