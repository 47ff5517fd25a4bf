//! A TCP relay that stands for the network between a client and its service: it can be cut and mended.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running relay.
pub struct Relay {
    /// Where clients connect.
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cut: bool,
    open: Vec<TcpStream>,
}

impl Relay {
    /// A relay to the service at `target` (`host:port`).
    pub fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("ws://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        // Ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().expect("a lock");
                if state.cut {
                    continue;
                }
                let Ok(service) = TcpStream::connect(&target) else {
                    continue;
                };
                for stream in [&client, &service] {
                    stream.set_nodelay(true).expect("a socket");
                    state.open.push(stream.try_clone().expect("a socket"));
                }
                let ends = (
                    client.try_clone().expect("a socket"),
                    service.try_clone().expect("a socket"),
                );
                thread::spawn(move || pump(client, service));
                thread::spawn(move || pump(ends.1, ends.0));
            }
        });
        Self { url, state }
    }

    /// Breaks every connection, and lets no new one through.
    pub fn cut(&self) {
        let mut state = self.state.lock().expect("a lock");
        state.cut = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.lock().expect("a lock").cut = false;
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut block = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut block) {
        if to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
