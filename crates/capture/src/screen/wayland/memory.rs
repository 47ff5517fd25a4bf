//! Whether the memory of a buffer is all there: reading a mapping beyond the end of its file would kill the process.

#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

use pipewire::spa::buffer::{Data, DataType};

/// The bytes of a buffer, if its file has them all. Needs a buffer that was taken from a stream.
pub(super) fn bytes(data: &mut Data) -> Option<&[u8]> {
    if data.type_() == DataType::MemFd {
        let (start, length) = (data.as_raw().mapoffset, data.as_raw().maxsize);
        let file = data.fd();
        if file < 0 {
            return None;
        }
        // SAFETY: the library keeps the descriptors of a stream's buffers open until it takes the buffer from the
        // stream, which it does not while this thread has it.
        let file = unsafe { BorrowedFd::borrow_raw(file) };
        let there = u64::try_from(rustix::fs::fstat(file).ok()?.st_size).ok()?;
        if u64::from(start) + u64::from(length) > there {
            return None;
        }
    }
    // The server owns the memory, and could write to it while we read: we would show a torn picture, no more.
    data.data().map(|bytes| &*bytes)
}
