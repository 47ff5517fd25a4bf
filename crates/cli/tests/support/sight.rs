//! A screen to be seen, and what was seen.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sidetone::capture::camera::file::Y4m;
use sidetone::media::pictures::Picture;
use sidetone::media::pictures::coding::Pool;

/// Every picture of a film.
pub fn film(path: &Path) -> Vec<Picture> {
    let mut film = Y4m::new(BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    let pool = Pool::new(1000);
    std::iter::from_fn(|| film.next(&pool).unwrap()).collect()
}

/// An X server with a white screen, killed when dropped.
pub struct Desktop {
    child: Child,
    /// What clients call it.
    pub name: String,
}

impl Desktop {
    /// On a display number that was free.
    pub fn start() -> Self {
        let screen = [
            "-screen",
            "0",
            "640x360x24",
            "-nolisten",
            "tcp",
            "-noreset",
            "-wr",
        ];
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1"])
            .args(screen)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is needed: tools/packages test");
        let mut number = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        let name = format!(":{}", number.trim());
        Self { child, name }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
