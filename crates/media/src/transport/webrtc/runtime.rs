//! The library's view of tokio, with five additions: a bell that ends its sleeps early, because a candidate that
//! is added does not wake it; a pace that makes them longer, because its rounds of checks are always equally fast;
//! short sleeps after anything happened while a relay is used, because what it writes to a relay lies there until it
//! wakes again; sockets that bring a handshake through; and notice when its driver task is gone, whatever the reason.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime,
};

use super::flights::PatientSocket;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Promise<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sleeps that are kept short after something happened: one carries what was written from DTLS to the relay's client,
/// the next from there to the socket.
const SHORT_SLEEPS: u8 = 2;

/// How long such a sleep is at most. The timer of the runtime is no finer.
const SHORT: Duration = Duration::from_millis(1);

/// Tokio, watched.
#[derive(Debug, Default)]
pub(super) struct WatchedRuntime {
    bell: Arc<Notify>,
    /// It rang and was not heard yet.
    rang: AtomicBool,
    ended: Arc<Notify>,
    driver_spawned: AtomicBool,
    /// Shortest sleep granted, in microseconds.
    pace: AtomicU64,
    /// Whether packets go through a relay, or may.
    relayed: AtomicBool,
    /// Sleeps that are to be kept short.
    short_sleeps: Arc<AtomicU8>,
}

impl WatchedRuntime {
    /// Makes the driver look at its timers now.
    pub(super) fn ring(&self) {
        self.rang.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    /// Lets the driver sleep no less than `pace` at a time. What arrives still wakes it at once.
    pub(super) fn set_pace(&self, pace: Duration) {
        self.pace.store(pace.as_micros() as u64, Ordering::Relaxed);
    }

    /// Sends what is written to a relay at once, and not with the next timer, which may be 200 ms away.
    pub(super) fn set_relayed(&self, relayed: bool) {
        self.relayed.store(relayed, Ordering::Relaxed);
    }

    /// Completes once the driver task has ended or panicked.
    pub(super) async fn driver_ended(&self) {
        self.ended.notified().await;
    }
}

/// Tells when the future that owns it is dropped.
struct Tell(Arc<Notify>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A sleep that was given up before its end: something happened.
struct Interrupted(Option<Arc<AtomicU8>>);

impl Interrupted {
    /// It came to its end.
    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Interrupted {
    fn drop(&mut self) {
        if let Some(short_sleeps) = &self.0 {
            short_sleeps.store(SHORT_SLEEPS, Ordering::Relaxed);
        }
    }
}

impl Runtime for WatchedRuntime {
    fn spawn(&self, future: Task) -> Box<dyn JoinHandle> {
        // The driver is the first task of a connection.
        if self.driver_spawned.swap(true, Ordering::Relaxed) {
            return TokioRuntime.spawn(future);
        }
        let tell = Tell(Arc::clone(&self.ended));
        TokioRuntime.spawn(Box::pin(async move {
            let _tell = tell;
            future.await;
        }))
    }

    fn sleep(&self, duration: Duration) -> Promise<'static, ()> {
        // Registered before the caller computes anything else, so a ring in between is not lost.
        let relayed = self.relayed.load(Ordering::Relaxed);
        let short = self.short_sleeps.load(Ordering::Relaxed);
        let duration = if relayed && short > 0 {
            // One driver sleeps here, one sleep at a time.
            self.short_sleeps.store(short - 1, Ordering::Relaxed);
            duration.min(SHORT)
        } else {
            duration.max(Duration::from_micros(self.pace.load(Ordering::Relaxed)))
        };
        let rung = Arc::clone(&self.bell).notified_owned();
        // Another thread may have rung between two sleeps.
        let duration = match self.rang.swap(false, Ordering::AcqRel) {
            true => Duration::ZERO,
            false => duration,
        };
        let interrupted = Interrupted(relayed.then(|| Arc::clone(&self.short_sleeps)));
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep(duration) => {}
                () = rung => {}
            }
            interrupted.over();
        })
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(PatientSocket::new(socket)))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, remote: SocketAddr) -> Promise<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(async move { TokioRuntime.connect_tcp(remote).await })
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Promise<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host(host).await?.collect()) })
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn yield_now(&self) -> Promise<'static, ()> {
        TokioRuntime.yield_now()
    }

    fn name(&self) -> &'static str {
        "tokio"
    }
}
