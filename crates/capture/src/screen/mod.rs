//! Screens and windows. What is pure about them is here: which parts changed, and how a pointer is drawn; the systems
//! that have them are below. It refuses to know who looks.

#[cfg(any(feature = "portable", all(feature = "x11", target_os = "linux")))]
mod canvas;
mod cursor;
mod damage;
#[cfg(feature = "portable")]
pub mod portable;
#[cfg(all(any(feature = "wayland", feature = "x11"), target_os = "linux"))]
mod stop;
#[cfg(all(feature = "wayland", target_os = "linux"))]
pub mod wayland;
#[cfg(all(feature = "x11", target_os = "linux"))]
pub mod x11;

pub use cursor::Cursor;
pub use damage::Damage;
