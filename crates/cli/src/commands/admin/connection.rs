//! Where the service is and as whom one speaks to it: from the command line, or as `connect` stored it in a file that
//! only its owner can read.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::args::ServiceArgs;
use crate::address::ServiceAddress;
use crate::exit::{Exit, Failure};

/// Used where nothing else is said.
const USUAL: &str = "http://127.0.0.1:7480";

/// What `connect` stores. No `Debug`: the key is a secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Base address, for HTTP.
    pub server: String,
    /// API key or access token.
    pub key: String,
    /// Trusted certificates, where not the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether the key may cross a network in the clear.
    #[serde(default)]
    pub insecure_http: bool,
}

impl Connection {
    /// As the command line says, and where it says nothing as stored.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there is no key, [`Exit::Resource`] for a file that cannot be used.
    pub fn find(args: &ServiceArgs) -> Result<Self, Failure> {
        let stored = match path() {
            Some(path) => load(&path)?,
            None => None,
        };
        let server = address(args, stored.as_ref())?;
        // A key is for the service it was stored with, and is shown to no other.
        let same = stored.filter(|stored| stored.server == server);
        let key = args
            .key
            .clone()
            .or_else(|| same.as_ref().map(|stored| stored.key.clone()));
        let Some(key) = key else {
            let message =
                format!("no key for {server}: sign in with `sidetone admin connect`, or give --key");
            return Err(Failure::new(Exit::Usage, message));
        };
        let connection = Self {
            server,
            key,
            ca_file: args.ca_file.clone().or_else(|| same.as_ref()?.ca_file.clone()),
            insecure_http: args.insecure_http || same.is_some_and(|stored| stored.insecure_http),
        };
        connection.check()?;
        Ok(connection)
    }

    /// For `connect`: as the command line says, with a key from there or from the person at the terminal.
    ///
    /// # Errors
    /// As [`Connection::find`].
    pub fn ask(args: &ServiceArgs) -> Result<Self, Failure> {
        let connection = Self {
            server: address(args, None)?,
            key: String::new(),
            ca_file: args.ca_file.clone(),
            insecure_http: args.insecure_http,
        };
        connection.check()?;
        let key = match &args.key {
            Some(key) => key.clone(),
            None => typed(&connection.server).map_err(|error| {
                Failure::new(
                    Exit::Usage,
                    format!("no key: {error}; give --key or SIDETONE_ADMIN_KEY"),
                )
            })?,
        };
        let key = key.trim().to_owned();
        if key.is_empty() {
            return Err(Failure::new(Exit::Usage, "no key was given"));
        }
        Ok(Self { key, ..connection })
    }

    /// Keeps the connection for later commands; gives the file.
    ///
    /// # Errors
    /// [`Exit::Resource`].
    pub fn store(&self) -> Result<PathBuf, Failure> {
        let path = path().ok_or_else(|| {
            Failure::new(
                Exit::Resource,
                "no place for the key: set SIDETONE_ADMIN_FILE to a file",
            )
        })?;
        write(&path, self).map_err(|error| unusable(&path, &error))?;
        Ok(path)
    }

    /// Whether this is what `connect` stored.
    ///
    /// # Errors
    /// [`Exit::Resource`].
    pub fn is_stored(&self) -> Result<bool, Failure> {
        let stored = match path() {
            Some(path) => load(&path)?,
            None => None,
        };
        Ok(stored.is_some_and(|stored| stored.server == self.server && stored.key == self.key))
    }

    /// Plain HTTP shows the key to everybody between: only this machine is fine with that.
    ///
    /// # Errors
    /// [`Exit::Usage`].
    pub fn check(&self) -> Result<(), Failure> {
        let address = self.server.strip_prefix("http://");
        if address.is_none_or(is_local) || self.insecure_http {
            return Ok(());
        }
        let message = "the key would cross the network in the clear: use https://, or say --insecure-http";
        Err(Failure::new(Exit::Usage, message))
    }
}

/// Forgets what was stored; tells whether there was anything.
///
/// # Errors
/// [`Exit::Resource`].
pub fn forget() -> Result<bool, Failure> {
    let Some(path) = path() else { return Ok(false) };
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unusable(&path, &error)),
    }
}

/// The key that a person types, unseen, or that another program writes.
fn typed(server: &str) -> std::io::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return rpassword::prompt_password(format!("API key for {server}: "));
    }
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line)
}

fn address(args: &ServiceArgs, stored: Option<&Connection>) -> Result<String, Failure> {
    let text = match (&args.server, stored) {
        (Some(server), _) => return Ok(server.http()),
        (None, Some(stored)) => stored.server.as_str(),
        (None, None) => USUAL,
    };
    let address: ServiceAddress = text.parse().map_err(|error| Failure::new(Exit::Usage, error))?;
    Ok(address.http())
}

/// Whether `host[:port][/path]` is on this machine.
fn is_local(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.to_canonical().is_loopback())
}

/// `SIDETONE_ADMIN_FILE`, or a file in the user's folder for configuration.
fn path() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = variable("SIDETONE_ADMIN_FILE") {
        return Some(path);
    }
    let folder = variable("XDG_CONFIG_HOME")
        .or_else(|| variable("APPDATA"))
        .or_else(|| variable("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("sidetone").join("admin.json"))
}

fn load(path: &Path) -> Result<Option<Connection>, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, &error)),
    };
    check_mode(path, &file)?;
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|error| unusable(path, &error))?;
    let connection = serde_json::from_str(&text).map_err(|error| unusable(path, &error))?;
    Ok(Some(connection))
}

/// A file that others can read holds no secret.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file
        .metadata()
        .map_err(|error| unusable(path, &error))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        return Err(unusable(
            path,
            &"others can read it: chmod 600, and rotate the key",
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &File) -> Result<(), Failure> {
    Ok(())
}

/// Writes beside and renames, so that the file is never seen half, nor with the mode of an older one.
fn write(path: &Path, connection: &Connection) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(serde_json::to_string_pretty(connection)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Resource, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for local in [
            "127.0.0.1:7480",
            "localhost",
            "LOCALHOST:1/x",
            "[::1]:7480",
            "127.9.9.9",
        ] {
            assert!(is_local(local), "{local}");
        }
        for other in [
            "calls.example",
            "localhost.example:80",
            "10.0.0.1",
            "[2001:db8::1]:7480",
            "",
        ] {
            assert!(!is_local(other), "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone_and_must_stay_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("admin.json");
        let connection = Connection {
            server: "https://calls.example".into(),
            key: "secret".into(),
            ca_file: None,
            insecure_http: false,
        };
        assert!(load(&path).unwrap().is_none());
        write(&path, &connection).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(load(&path).unwrap().unwrap().key, "secret");
        write(&path, &connection).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(load(&path).err().unwrap().exit, Exit::Resource);
    }
}
