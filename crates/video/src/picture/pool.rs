//! Buffers of pictures, made when first needed and lent out again and again. The pool refuses to hold more than its
//! bound and to clean: a picture taken holds what an earlier one left in the same memory.

use super::{Error, Picture, Size};
use crossbeam_queue::ArrayQueue;
use std::mem::{self, ManuallyDrop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

/// At most so many pictures in use at a time. Clones share them. Taking and giving back never waits.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shelf>);

#[derive(Debug)]
struct Shelf {
    free: ArrayQueue<Arc<Slot>>,
    /// Slots there are, free or lent.
    made: AtomicUsize,
}

/// The memory of one picture.
#[derive(Debug)]
struct Slot {
    bytes: Vec<u8>,
    shelf: Weak<Shelf>,
}

/// A share in a slot; the last one to go puts it back on its shelf.
#[derive(Clone, Debug)]
pub(super) struct Lease(ManuallyDrop<Arc<Slot>>);

impl Pool {
    /// A pool of at most `bound` pictures (at least one) of any size. Memory is taken when it is first needed, and
    /// kept: a slot stays as large as the largest picture it ever held.
    pub fn new(bound: usize) -> Self {
        Self(Arc::new(Shelf {
            free: ArrayQueue::new(bound.max(1)),
            made: AtomicUsize::new(0),
        }))
    }

    /// A picture to write, with whatever was in its memory, taken at zero. Allocates only while the pool has not
    /// yet lent as many pictures, or as large ones, as now.
    ///
    /// # Errors
    /// [`Error::Exhausted`] when all are in use.
    pub fn take(&self, size: Size) -> Result<Picture, Error> {
        let slot = match self.0.free.pop() {
            Some(slot) => slot,
            None => self.make()?,
        };
        Ok(Picture::over(Lease(ManuallyDrop::new(slot)), size))
    }

    /// A copy of `picture` that nobody else holds.
    ///
    /// # Errors
    /// [`Error::Exhausted`].
    pub fn copy(&self, picture: &Picture) -> Result<Picture, Error> {
        let mut copy = self.take(picture.size())?;
        copy.copy_from(picture)?;
        Ok(copy)
    }

    /// Pictures that may be in use at a time.
    pub fn bound(&self) -> usize {
        self.0.free.capacity()
    }

    fn make(&self) -> Result<Arc<Slot>, Error> {
        self.0
            .made
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |made| {
                (made < self.bound()).then_some(made + 1)
            })
            .map_err(|_| Error::Exhausted)?;
        Ok(Arc::new(Slot {
            bytes: Vec::new(),
            shelf: Arc::downgrade(&self.0),
        }))
    }
}

impl Lease {
    /// Of no pool.
    pub(super) fn loose() -> Self {
        Self(ManuallyDrop::new(Arc::new(Slot {
            bytes: Vec::new(),
            shelf: Weak::new(),
        })))
    }

    /// Makes room for `bytes`, where nobody else holds the slot.
    pub(super) fn reserve(&mut self, bytes: usize) {
        if let Some(slot) = Arc::get_mut(&mut self.0)
            && slot.bytes.len() < bytes
        {
            slot.bytes.resize(bytes, 0);
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub(super) fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Arc::get_mut(&mut self.0).map(|slot| slot.bytes.as_mut_slice())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // SAFETY: the value is being dropped, so nothing reads the field after this.
        let mut slot = unsafe { ManuallyDrop::take(&mut self.0) };
        // Alone: nobody can clone what only this value holds. Two clones that go at the very same time may both
        // see the other; then the slot itself is dropped, and goes back from there.
        if Arc::get_mut(&mut slot).is_some()
            && let Some(shelf) = slot.shelf.upgrade()
        {
            // The queue has room for every slot there is.
            let _ = shelf.free.push(slot);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.upgrade() {
            let bytes = mem::take(&mut self.bytes);
            let shelf_again = mem::take(&mut self.shelf);
            let _ = shelf.free.push(Arc::new(Self {
                bytes,
                shelf: shelf_again,
            }));
        }
    }
}
