//! The world's sockets: ordered each way, delayed, and sometimes gone without a word.

use std::time::{Duration, Instant};

use super::{ClientId, Happening, Occurrence, World};
use crate::agent::{AgentInput, SocketEvent, SocketId};
use crate::switchboard::{ConnectionId, ServerInput};

/// One socket between a client and the service.
pub(super) struct Wire {
    /// `None` when the socket was lost without the service knowing.
    client: Option<ClientId>,
    socket: SocketId,
    /// When the last message each way arrives: later ones may not overtake it.
    to_client: Instant,
    to_server: Instant,
    /// The service has been told of it, and not that it is gone.
    server_knows: bool,
}

impl World {
    pub(super) fn connect(&mut self, client: ClientId, socket: SocketId) {
        let delay = self.draw_delay() * 2;
        let at = self.now + delay;
        if !self.client(client).is_some_and(|client| client.reachable) {
            // A network that is away answers nothing; some stacks say so at once.
            if socket.0.is_multiple_of(2) {
                self.plan(at, Occurrence::SocketRefused(client, socket));
            }
            return;
        }
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let wire = Wire {
            client: Some(client),
            socket,
            to_client: at,
            to_server: at,
            server_knows: false,
        };
        self.wires.insert(connection, wire);
        if let Some(client) = self.client_mut(client) {
            client.socket = Some((socket, connection));
        }
        self.plan(at, Occurrence::SocketOpened(client, socket, connection));
    }

    pub(super) fn socket_opened(&mut self, client: ClientId, socket: SocketId, connection: ConnectionId) {
        let Some(wire) = self.wires.get_mut(&connection) else {
            return;
        };
        wire.server_knows = true;
        self.tell_server(ServerInput::Connected { connection });
        self.tell_agent(
            client,
            AgentInput::Socket {
                socket,
                event: SocketEvent::Opened,
            },
        );
    }

    /// `None` closes.
    pub(super) fn client_sends(&mut self, client: ClientId, socket: SocketId, text: Option<String>) {
        let known = self.client(client).and_then(|client| client.socket);
        let Some((_, connection)) = known.filter(|(current, _)| *current == socket) else {
            return;
        };
        if text.is_none()
            && let Some(client) = self.client_mut(client)
        {
            client.socket = None;
        }
        let at = self.now + self.draw_delay();
        let Some(wire) = self.wires.get_mut(&connection) else {
            return;
        };
        wire.to_server = wire.to_server.max(at);
        let at = wire.to_server;
        self.plan(at, Occurrence::ToServer(connection, text));
    }

    pub(super) fn server_sends(&mut self, connection: ConnectionId, text: Option<String>) {
        let at = self.now + self.draw_delay();
        let Some(wire) = self.wires.get_mut(&connection) else {
            return;
        };
        wire.to_client = wire.to_client.max(at);
        if text.is_none() {
            wire.server_knows = false;
        }
        let at = wire.to_client;
        self.plan(at, Occurrence::ToClient(connection, text));
    }

    pub(super) fn arrive_at_client(&mut self, connection: ConnectionId, text: Option<String>) {
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

    pub(super) fn arrive_at_server(&mut self, connection: ConnectionId, text: Option<String>) {
        let Some(wire) = self.wires.get(&connection) else {
            return;
        };
        match text {
            Some(text) if wire.server_knows && wire.client.is_some() => {
                self.tell_server(ServerInput::Frame { connection, text });
            }
            Some(_) => {}
            None => self.server_loses(connection),
        }
    }

    pub(super) fn server_loses(&mut self, connection: ConnectionId) {
        if self
            .wires
            .remove(&connection)
            .is_some_and(|wire| wire.server_knows)
        {
            self.tell_server(ServerInput::Disconnected { connection });
        }
    }

    /// The network of a client goes away or comes back. Its sockets do not survive.
    pub(super) fn set_reachable(&mut self, client: ClientId, reachable: bool, media: bool) {
        let Some(known) = self.client_mut(client) else {
            return;
        };
        known.reachable = reachable;
        known.media_reachable = media;
        if !reachable {
            self.orphan_socket(client);
        }
        self.check_all_media(client);
    }

    /// Nobody hears of the socket again; the service notices some time later.
    fn orphan_socket(&mut self, client: ClientId) {
        let later = self.conditions.keepalive;
        let taken = self.client_mut(client).and_then(|client| client.socket.take());
        if let Some((_, connection)) = taken {
            self.lose_wire(connection, later);
        }
    }

    /// Messages under way are lost; the service is told later, if it knows the socket at all.
    fn lose_wire(&mut self, connection: ConnectionId, later: Duration) {
        let Some(wire) = self.wires.get_mut(&connection) else {
            return;
        };
        if wire.server_knows {
            wire.client = None;
            self.plan(self.now + later, Occurrence::ToServer(connection, None));
        } else {
            self.wires.remove(&connection);
        }
    }

    pub(super) fn break_socket(&mut self, client: ClientId) {
        let taken = self.client_mut(client).and_then(|client| client.socket.take());
        let Some((socket, connection)) = taken else { return };
        let (soon, later) = (self.draw_delay(), self.draw_delay());
        self.lose_wire(connection, later);
        self.plan(self.now + soon, Occurrence::SocketRefused(client, socket));
    }

    pub(super) fn kill(&mut self, client: ClientId) {
        self.orphan_socket(client);
        if let Some(client) = self.client_mut(client) {
            client.agent = None;
            client.wake = None;
            client.media.clear();
        }
        self.check_all_peers();
    }

    /// Whether a client runs and its media has a network.
    pub(super) fn is_alive(&self, client: ClientId) -> bool {
        self.client(client)
            .is_some_and(|client| client.media_reachable && client.agent.is_some())
    }

    /// Restores every network that was cut.
    pub fn restore_all(&mut self) {
        for client in 0..self.clients.len() {
            if !self.clients.get(client).is_some_and(|client| client.reachable) {
                self.happen(ClientId(client), Happening::Restore);
            }
        }
    }
}
