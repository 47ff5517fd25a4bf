//! Boxes made once and lent out again and again, so that packets and blocks cross threads by pointer and nothing
//! is allocated after start-up. The pool refuses to grow: an empty pool is counted and answered with `None`.
//! It also refuses to clean: a lent box holds what its last user left in it.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crossbeam_queue::ArrayQueue;

struct Shelf<T> {
    free: ArrayQueue<Box<T>>,
    exhausted: AtomicU64,
}

/// A fixed number of boxes of `T`. Clones share them.
pub struct Pool<T>(Arc<Shelf<T>>);

impl<T> Pool<T> {
    /// Makes a pool of `n` boxes (at least one), each filled by `make`. The only allocations are here.
    pub fn new(n: usize, mut make: impl FnMut() -> T) -> Self {
        let n = n.max(1);
        let free = ArrayQueue::new(n);
        for _ in 0..n {
            // The queue was made for exactly `n`.
            let _ = free.push(Box::new(make()));
        }
        Self(Arc::new(Shelf {
            free,
            exhausted: AtomicU64::new(0),
        }))
    }

    /// Lends a box, with whatever its last user left in it. `None`, and a count, when all are out.
    pub fn take(&self) -> Option<Pooled<T>> {
        match self.0.free.pop() {
            Some(item) => Some(Pooled {
                item: ManuallyDrop::new(item),
                shelf: Arc::clone(&self.0),
            }),
            None => {
                self.0.exhausted.fetch_add(1, Relaxed);
                None
            }
        }
    }

    /// How often a box was asked for when all were out.
    pub fn exhausted(&self) -> u64 {
        self.0.exhausted.load(Relaxed)
    }

    /// Boxes that could be lent now.
    pub fn available(&self) -> usize {
        self.0.free.len()
    }

    /// Boxes in all, lent or not.
    pub fn capacity(&self) -> usize {
        self.0.free.capacity()
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("available", &self.available())
            .field("capacity", &self.capacity())
            .finish()
    }
}

/// A lent box. Dropping it, on whatever thread, gives it back; nothing is freed while the pool or another lent
/// box lives.
pub struct Pooled<T> {
    item: ManuallyDrop<Box<T>>,
    shelf: Arc<Shelf<T>>,
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T> DerefMut for Pooled<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T> Drop for Pooled<T> {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: `item` is taken here only, and a value is dropped once; nobody can reach it afterwards.
        let item = unsafe { ManuallyDrop::take(&mut self.item) };
        // There is a place for every box that was ever lent, so this cannot be refused.
        let _ = self.shelf.free.push(item);
    }
}

impl<T: fmt::Debug> fmt::Debug for Pooled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
