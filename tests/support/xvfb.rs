//! An X server without a screen, on a display number of its own.
//!
//! Shared by the tests that need one:
//! `#[path = ".../tests/support/xvfb.rs"] mod xvfb;`.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running Xvfb, killed when dropped.
pub struct Xvfb {
    pub child: Child,
    /// What clients call it.
    pub name: String,
}

impl Xvfb {
    /// A screen of `screen` (`WIDTHxHEIGHTxDEPTH`) on a display number that was free; `more` are further options.
    pub fn start(screen: &str, more: &[&str]) -> Self {
        let mut child = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", screen])
            .args(["-nolisten", "tcp", "-noreset"])
            .args(more)
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

impl Drop for Xvfb {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
