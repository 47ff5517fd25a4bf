//! A copy of everything the service keeps. It appears under its name when it is whole and known to be usable, or not at
//! all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use sidetone_store::Store;

use super::Admin;
use super::args::BackupArgs;
use crate::exit::{Exit, Failure};

pub(super) fn run(admin: &Admin, args: &BackupArgs) -> Result<(), Failure> {
    let file = &args.file;
    if file.exists() {
        return Err(taken(file));
    }
    let unfinished = Unfinished::beside(file)?;
    let size = admin.service.download("POST", "/v1/backups", &unfinished.file)?;
    unfinished.file.sync_all().map_err(|error| failed(file, &error))?;
    // Only what can be opened is a back-up.
    drop(Store::open(&unfinished.path).map_err(|error| failed(file, &error))?);
    unfinished.finish(file)?;
    let words = format!("{}: {size} bytes", file.display());
    admin.show.done(&json!({ "file": file, "bytes": size }), &words);
    Ok(())
}

/// A file that is being written; removed when dropped.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn beside(place: &Path) -> Result<Self, Failure> {
        let mut name = place.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.unfinished", std::process::id()));
        let path = place.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|error| failed(place, &error))?;
        Ok(Self { path, file })
    }

    fn finish(self, place: &Path) -> Result<(), Failure> {
        match fs::hard_link(&self.path, place) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken(place)),
            // Not every file system can give a file two names.
            Err(_) => fs::rename(&self.path, place).map_err(|error| failed(place, &error)),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // The other name, or what is not to be.
        let _ = fs::remove_file(&self.path);
    }
}

fn taken(file: &Path) -> Failure {
    let message = format!("{} exists already: name a file that does not", file.display());
    Failure::new(Exit::Resource, message)
}

fn failed(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Resource, format!("{}: {error}", file.display()))
}
