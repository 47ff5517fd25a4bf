//! `GET /v1/ws`: the signaling WebSocket.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sidetone_signaling::protocol::SUBPROTOCOL;

use super::{Service, refuse};
use crate::PeerAddress;
use crate::listener::Peer;

/// Times the frame limit that the socket still reads, so that the sender of a frame a little too long is told in
/// the protocol's own words. Longer ones are cut off.
const READ_AHEAD: usize = 4;

/// Buffers of a socket, in bytes: room for a usual frame; longer ones grow them for a while.
const BUFFER: usize = 4 * 1024;

pub(crate) async fn open(
    State(service): State<Arc<Service>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(rejection) => return refuse(rejection.status(), rejection.body_text()),
    };
    if upgrade.selected_protocol().is_none() {
        service.connections.metrics.turned_away("subprotocol");
        return refuse(
            StatusCode::BAD_REQUEST,
            format!("the WebSocket subprotocol must be {SUBPROTOCOL}"),
        );
    }
    let client = if peer.trusted_proxy {
        forwarded_for(&headers)
    } else {
        None
    };
    let admitted = match client.map(|client| service.admission.client(client)).transpose() {
        Ok(admitted) => admitted,
        Err(_) => {
            service.connections.metrics.turned_away("address_limit");
            return refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "too many connections from this address",
            );
        }
    };
    let connections = service.connections.clone();
    let alive = service.alive.clone();
    let address = client.unwrap_or(peer.address);
    let max = connections.max_frame;
    upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(max * READ_AHEAD)
        .max_frame_size(max * READ_AHEAD)
        .on_upgrade(async move |socket| {
            connections.serve(socket, address).await;
            drop((peer, admitted, alive));
        })
        .into_response()
}

/// The client's address as the proxy nearest to us saw it: the last entry of the last header.
fn forwarded_for(headers: &HeaderMap) -> Option<PeerAddress> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    let address: IpAddr = last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()?;
    Some(PeerAddress(address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_nearest_proxys_word_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append("x-forwarded-for", "10.0.0.1".parse().unwrap());
        headers.append("x-forwarded-for", "203.0.113.9, 198.51.100.4".parse().unwrap());
        assert_eq!(
            forwarded_for(&headers),
            Some(PeerAddress("198.51.100.4".parse().unwrap()))
        );
        headers.append("x-forwarded-for", "nonsense".parse().unwrap());
        assert_eq!(forwarded_for(&headers), None);
    }
}
