//! Ctrl-C and SIGTERM, as something to wait for.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Tells when somebody wants the program to end. From its creation on the signals no longer kill the process.
pub struct Interrupt {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
}

impl Interrupt {
    /// Catches both signals.
    ///
    /// # Errors
    /// When the system lets no handler be set.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for either. Can be asked again for the next one.
    #[cfg(unix)]
    pub async fn raised(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for Ctrl-C. Can be asked again for the next one.
    #[cfg(not(unix))]
    pub async fn raised(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
