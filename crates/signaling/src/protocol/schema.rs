//! The JSON Schema of the protocol, for people who write a client in another language.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{ClientFrame, Event, Opened, Refreshed, Request, Resumed, ServerFrame, Started, meeting};

/// JSON Schema (draft 2020-12) of every frame, request, event and result.
///
/// `cargo test -p sidetone-signaling --test schema` compares it with the file in `schema/`.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let roots = json!({
        "client_frame": generator.subschema_for::<ClientFrame>(),
        "server_frame": generator.subschema_for::<ServerFrame>(),
        "request": generator.subschema_for::<Request>(),
        "event": generator.subschema_for::<Event>(),
        "session.open result": generator.subschema_for::<Opened>(),
        "session.resume result": generator.subschema_for::<Resumed>(),
        "session.refresh result": generator.subschema_for::<Refreshed>(),
        "call.start result": generator.subschema_for::<Started>(),
        "meeting.join result": generator.subschema_for::<meeting::Joined>(),
        "meeting.restart result": generator.subschema_for::<meeting::Restarted>(),
        "meeting.add result": generator.subschema_for::<meeting::AddAnswer>(),
        "meeting.engage result": generator.subschema_for::<meeting::Engaged>(),
    });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:sidetone:signaling:v1",
        "title": "sidetone.v1",
        "description": "Frames of the sidetone.v1 WebSocket protocol. A frame is a client_frame or a server_frame; \
                        `method` with `params` is a request, `event` with `params` is an event. Results not named \
                        here are empty objects.",
        "properties": roots,
        "$defs": generator.take_definitions(true),
    })
}
