//! Files come into being whole: made beside their place, put there when they are finished. Who is killed meanwhile
//! leaves an unfinished file under another name, and at the place what was there before, or nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A file that is being made. Removed when dropped before it is put into its place.
pub(super) struct Unfinished {
    path: PathBuf,
    place: PathBuf,
}

impl Unfinished {
    /// Makes an empty file beside `place`, readable by its owner only: a store holds signing keys.
    pub(super) fn beside(place: &Path) -> Result<Self, StoreError> {
        let name = place.file_name().ok_or_else(|| StoreError::Storage {
            message: format!("{} is not the name of a file", place.display()),
        })?;
        let mut name = name.to_os_string();
        // Two processes, or two copies at a time, never share one.
        name.push(format!(".{}.{}.unfinished", std::process::id(), next_number()));
        let path = place.with_file_name(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).map_err(storage)?;
        Ok(Self {
            path,
            place: place.to_owned(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the finished file, which nobody has open any more, into its place.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when something is there by now.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        match fs::hard_link(&self.path, &self.place) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(StoreError::Exists {
                    path: self.place.clone(),
                });
            }
            // Not every file system can give a file two names.
            Err(_) if !self.place.exists() => fs::rename(&self.path, &self.place).map_err(storage)?,
            Err(error) => return Err(storage(error)),
        }
        // The name reaches the disk with its folder.
        if let Some(folder) = self.place.parent() {
            let folder = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            // Where folders cannot be opened (Windows) there is nothing to flush.
            if let Ok(folder) = File::open(folder) {
                folder.sync_all().map_err(storage)?;
            }
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // The other name, or what is not to be; nothing depends on it.
        let _ = fs::remove_file(&self.path);
    }
}

fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(super) fn storage(error: io::Error) -> StoreError {
    StoreError::Storage {
        message: error.to_string(),
    }
}
