//! A lost network: the session and the participant come back as the same, with media.

use serde_json::json;

use crate::person::{hears, link_of, place};
use crate::support::Client;

#[tokio::test]
async fn after_a_lost_socket_the_participant_is_the_same() {
    let place = place().await;
    let meeting = place
        .meeting(json!({ "options": { "bypass": "everyone" } }))
        .await;
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    let mut pat = place.pat().await;
    let joined = pat.enter(link_of(&meeting)).await;
    hears(&mut nia, &mut pat).await;

    let fresh = Client::connect(&place.server.url()).await;
    let last = pat.client.last_seq;
    drop(std::mem::replace(&mut pat.client, fresh));
    nia.until("meeting.roster", |roster| {
        let rows = roster["present"].as_array().cloned().unwrap_or_default();
        rows.iter()
            .any(|row| row["participant"] == joined.participant.0 && row["state"] == "reconnecting")
    })
    .await;
    let (session, token) = (pat.opened.session, pat.opened.resume_token.clone());
    pat.client.resume(session, &token, last).await.unwrap();
    pat.restart().await;
    // Shown whole again, with nobody twice.
    let whole = |roster: &serde_json::Value| roster["snapshot"] == true && roster["total"] == 2;
    let roster = pat.until("meeting.roster", whole).await;
    assert_eq!(roster["present"].as_array().unwrap().len(), 2, "{roster}");
    nia.until("meeting.roster", |roster| {
        let rows = roster["present"].as_array().cloned().unwrap_or_default();
        roster["total"] == 2
            && rows
                .iter()
                .any(|row| row["participant"] == joined.participant.0 && row["state"].is_null())
    })
    .await;
    place.server.shutdown().await;
}

#[tokio::test]
async fn whoever_closes_their_session_leaves_at_once() {
    let place = place().await;
    let meeting = place
        .meeting(json!({ "options": { "bypass": "everyone" } }))
        .await;
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    let mut pat = place.pat().await;
    let joined = pat.enter(link_of(&meeting)).await;
    nia.until("meeting.roster", |roster| roster["total"] == 2).await;
    let close = sidetone_signaling::protocol::Request::Close(sidetone_signaling::protocol::Close {});
    pat.ask(close).await.unwrap();
    let roster = nia
        .until("meeting.roster", |roster| roster["left"][0].is_object())
        .await;
    assert_eq!(roster["left"][0]["participant"], joined.participant.0);
    place.server.shutdown().await;
}
