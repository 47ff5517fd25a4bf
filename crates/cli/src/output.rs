//! The one place that writes to standard output.
//!
//! A reader that goes away (`| head`) is no failure: what follows is dropped in silence.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Writes one line.
pub fn line(text: &str) {
    write_line(&mut io::stdout().lock(), text);
}

/// Writes one line of JSON.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        // Every type given here is plain data; should one not be, the reader is told instead of being left waiting.
        Err(error) => complain(&format!("output: {error}")),
    }
}

/// Makes the terminal sound, where there is one.
pub fn ring() {
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        let _ = stdout.write_all(b"\x07").and_then(|()| stdout.flush());
    }
}

/// Writes one line to standard error, as `sidetone: …`.
pub fn complain(text: &str) {
    write_line(&mut io::stderr().lock(), &format!("sidetone: {text}"));
}

fn write_line(to: &mut impl Write, text: &str) {
    // Standard output is line-buffered on a terminal only: without the flush a pipe would hear of it late.
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}
