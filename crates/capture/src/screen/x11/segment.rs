//! Memory shared with the X server: it writes pixels there, so that none goes through the socket.

#![allow(unsafe_code)]

use std::fs::File;

use memmap2::MmapMut;
use rustix::fs::{MemfdFlags, SealFlags};
use x11rb::connection::Connection;
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::rust_connection::RustConnection;

use super::display::Failure;
use crate::source::CaptureError;

/// A segment of memory that the server may write to.
pub(super) struct Segment {
    pub(super) id: shm::Seg,
    map: MmapMut,
}

impl Segment {
    /// `bytes` of zeroes, attached to the server of `connection`.
    ///
    /// # Errors
    /// When there is no memory, or the server is on another machine.
    pub(super) fn new(connection: &RustConnection, bytes: usize) -> Result<Self, Failure> {
        let file = sealed_memory(bytes).map_err(|error| CaptureError::Unavailable {
            id: "x11".into(),
            reason: format!("no shared memory of {bytes} bytes: {error}"),
        })?;
        // SAFETY: the memory is anonymous and sealed: neither we nor the server can make it shorter, so every byte of
        // the mapping stays there. Only the server of our own user's session gets the descriptor. It writes only while
        // it carries out a request of ours, and `bytes_mut` is called only after the reply to each has come.
        let map = unsafe { MmapMut::map_mut(&file) }.map_err(|error| CaptureError::Unavailable {
            id: "x11".into(),
            reason: format!("shared memory cannot be mapped: {error}"),
        })?;
        let id = connection.generate_id()?;
        connection.shm_attach_fd(id, file, false)?.check()?;
        Ok(Self { id, map })
    }

    /// What the server has written.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }

    /// How much fits.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Lets the server forget it. (It does so by itself when the connection ends.)
    pub(super) fn detach(self, connection: &RustConnection) -> Result<(), Failure> {
        connection.shm_detach(self.id)?;
        Ok(())
    }
}

/// Memory that stays as large as it is.
fn sealed_memory(bytes: usize) -> rustix::io::Result<File> {
    let memory = rustix::fs::memfd_create(c"screen", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&memory, bytes as u64)?;
    rustix::fs::fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(File::from(memory))
}
