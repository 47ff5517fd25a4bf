//! A wire between clients and the service that can be cut, and that keeps what the service said.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Service;

pub struct Proxy {
    address: SocketAddr,
    whole: watch::Sender<bool>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// A wire to the service.
    pub fn to(service: &Service) -> Self {
        let upstream = service.server.local_addr();
        let listener = service
            .runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, state) = watch::channel(true);
        let said = Arc::new(Mutex::new(Vec::new()));
        let record = said.clone();
        service.runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // What connects to a wire that is cut finds it closed.
                if *state.borrow() {
                    tokio::spawn(carry(client, upstream, state.clone(), record.clone()));
                }
            }
        });
        Self { address, whole, said }
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub fn mend(&self) {
        self.whole.send_replace(true);
    }

    /// Whether the service said these words to a client. Its frames are not masked (RFC 6455 section 5.1).
    pub fn said(&self, words: &str) -> bool {
        self.said
            .lock()
            .unwrap()
            .windows(words.len())
            .any(|window| window == words.as_bytes())
    }
}

async fn carry(
    client: TcpStream,
    upstream: SocketAddr,
    mut whole: watch::Receiver<bool>,
    record: Arc<Mutex<Vec<u8>>>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(upstream).await?.into_split();
    let up = async { tokio::io::copy(&mut from_client, &mut to_server).await.map(drop) };
    let down = async {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok::<_, std::io::Error>(());
            }
            record.lock().unwrap().extend_from_slice(&buffer[..read]);
            to_client.write_all(&buffer[..read]).await?;
        }
    };
    tokio::select! {
        result = up => result,
        result = down => result,
        _ = whole.wait_for(|whole| !whole) => Ok(()),
    }
}
