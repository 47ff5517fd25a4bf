//! Sockets between clients and the service: ordered each way, delayed, and sometimes gone without a word. Messages on
//! different sockets overtake each other.

use std::time::{Duration, Instant};

use sidetone_signaling::agent::{AgentInput, SocketEvent, SocketId};
use sidetone_signaling::switchboard::{ConnectionId, ServerInput};

use crate::world::{ClientId, Occurrence, World};

/// How long the service takes to notice a silent socket.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// One socket.
pub(crate) struct Wire {
    /// `None` when the socket was lost without the service knowing.
    client: Option<ClientId>,
    socket: SocketId,
    /// When the last message each way arrives: later ones may not overtake it.
    to_client: Instant,
    to_server: Instant,
    /// The service was told of it, and not that it is gone.
    server_knows: bool,
}

impl World {
    pub(crate) fn connect(&mut self, id: ClientId, socket: SocketId) {
        let at = self.now + self.draw_delay() * 2;
        if !self.clients[id.0].reachable {
            // A network that is away answers nothing; some stacks say so at once.
            if socket.0.is_multiple_of(2) {
                self.plan(at, Occurrence::SocketGone(id, socket));
            }
            return;
        }
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let wire = Wire {
            client: Some(id),
            socket,
            to_client: at,
            to_server: at,
            server_knows: false,
        };
        self.wires.insert(connection, wire);
        self.clients[id.0].socket = Some((socket, connection));
        self.plan(at, Occurrence::SocketOpened(id, socket, connection));
    }

    pub(crate) fn socket_opened(&mut self, id: ClientId, socket: SocketId, connection: ConnectionId) {
        if let Some(wire) = self.wires.get_mut(&connection) {
            wire.server_knows = true;
            self.tell_server(ServerInput::Connected { connection });
            let event = SocketEvent::Opened;
            self.tell_agent(id, AgentInput::Socket { socket, event });
        }
    }

    /// `None` closes.
    pub(crate) fn client_sends(&mut self, id: ClientId, socket: SocketId, text: Option<String>) {
        let client = &mut self.clients[id.0];
        let Some((_, connection)) = client.socket.filter(|(current, _)| *current == socket) else {
            return;
        };
        if text.is_none() {
            client.socket = None;
        }
        let at = self.now + self.draw_delay();
        if let Some(wire) = self.wires.get_mut(&connection) {
            wire.to_server = wire.to_server.max(at);
            let at = wire.to_server;
            self.plan(at, Occurrence::ToServer(connection, text));
        }
    }

    /// `None` closes.
    pub(crate) fn server_sends(&mut self, connection: ConnectionId, text: Option<String>) {
        let at = self.now + self.draw_delay();
        if let Some(wire) = self.wires.get_mut(&connection) {
            wire.to_client = wire.to_client.max(at);
            wire.server_knows &= text.is_some();
            let at = wire.to_client;
            self.plan(at, Occurrence::ToClient(connection, text));
        }
    }

    pub(crate) fn arrive_at_client(&mut self, connection: ConnectionId, text: Option<String>) {
        let Some(wire) = self.wires.get(&connection) else {
            return;
        };
        let (client, socket) = (wire.client, wire.socket);
        if text.is_none() {
            self.wires.remove(&connection);
        }
        if let Some(client) = client {
            let event = text.map_or(SocketEvent::Closed, SocketEvent::Text);
            self.tell_agent(client, AgentInput::Socket { socket, event });
        }
    }

    pub(crate) fn arrive_at_server(&mut self, connection: ConnectionId, text: Option<String>) {
        let Some(wire) = self.wires.get(&connection) else {
            return;
        };
        match text {
            Some(text) if wire.server_knows && wire.client.is_some() => {
                self.tell_server(ServerInput::Frame { connection, text });
            }
            Some(_) => {}
            None => {
                let known = self
                    .wires
                    .remove(&connection)
                    .is_some_and(|wire| wire.server_knows);
                if known {
                    self.tell_server(ServerInput::Disconnected { connection });
                }
            }
        }
    }

    /// The way to the service goes away or comes back. Media has ways of its own.
    pub(crate) fn set_reachable(&mut self, id: ClientId, reachable: bool) {
        self.clients[id.0].reachable = reachable;
        if !reachable {
            self.orphan(id);
        }
    }

    /// Nobody hears of the socket again; the service notices some time later.
    pub(crate) fn orphan(&mut self, id: ClientId) {
        if let Some((_, connection)) = self.clients[id.0].socket.take() {
            self.lose(connection, KEEPALIVE);
        }
    }

    /// The socket breaks, and both ends learn of it soon.
    pub(crate) fn break_socket(&mut self, id: ClientId) {
        if let Some((socket, connection)) = self.clients[id.0].socket.take() {
            let (soon, later) = (self.draw_delay(), self.draw_delay());
            self.lose(connection, later);
            self.plan(self.now + soon, Occurrence::SocketGone(id, socket));
        }
    }

    /// Messages under way are lost; the service is told later, if it knows the socket at all.
    fn lose(&mut self, connection: ConnectionId, later: Duration) {
        match self.wires.get_mut(&connection) {
            Some(wire) if wire.server_knows => {
                wire.client = None;
                self.plan(self.now + later, Occurrence::ToServer(connection, None));
            }
            _ => {
                self.wires.remove(&connection);
            }
        }
    }
}
