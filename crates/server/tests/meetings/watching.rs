//! What people want to see, on the wire; and as many voices as the operator and the meeting say.

use serde_json::json;
use sidetone_server::{MediaConfig, ServerConfig};
use sidetone_signaling::Reason;
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{ParticipantId, Picture, PictureSource, Watch};

use crate::client::config;
use crate::person::{hears, link_of, place, place_with};

#[tokio::test]
async fn what_cannot_be_wanted_is_refused_and_harms_nobody() {
    let place = place().await;
    let meeting = place
        .meeting(json!({ "options": { "bypass": "everyone" } }))
        .await;
    let (mut nia, mut pat) = (place.member("nia").await, place.pat().await);
    nia.enter(link_of(&meeting)).await;
    pat.enter(link_of(&meeting)).await;
    let call = pat.call().call;
    let watch = |number, height, count| {
        let picture = Picture {
            participant: ParticipantId(number),
            source: PictureSource::Share,
            height,
            pinned: true,
        };
        Request::MeetingWatch(Watch {
            call,
            pictures: vec![picture; count],
            cameras: Some(0),
        })
    };
    pat.ask(watch(1, 1080, 1)).await.unwrap();
    for (request, reason) in [
        (watch(1, 0, 1), Reason::BAD_PARAMETERS),
        (watch(1, 9_000, 1), Reason::BAD_PARAMETERS),
        (watch(1, 90, 65), Reason::BAD_PARAMETERS),
        (watch(77, 90, 1), Reason::NO_SUCH_PARTICIPANT),
    ] {
        let refused = pat.ask(request).await.unwrap_err();
        assert!(refused.is(&reason), "{refused}");
    }
    let mut refused = 0;
    for height in 1..=40 {
        refused += usize::from(pat.ask(watch(1, height, 1)).await.is_err());
    }
    assert!(refused >= 10, "{refused} of a flood");
    let page = place.server.metrics_page().await.unwrap();
    let counted = page
        .lines()
        .filter(|line| line.contains("frames_refused"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok())
        .max();
    assert!(counted >= Some(refused), "{counted:?}");
    hears(&mut pat, &mut nia).await;
    place.server.shutdown().await;
}

#[tokio::test]
async fn the_operator_says_how_many_voices_there_are_and_a_meeting_chooses_within() {
    let server = ServerConfig {
        media: Some(MediaConfig {
            voices: 2,
            most_voices: 4,
            ..MediaConfig::default()
        }),
        ..config()
    };
    let place = place_with(server).await;
    for (voices, expected) in [(None, 2), (Some(1), 1), (Some(64), 4)] {
        let mut options = json!({ "bypass": "everyone" });
        if let Some(voices) = voices {
            options["voices"] = voices.into();
        }
        let meeting = place.meeting(json!({ "options": options })).await;
        let mut nia = place.member("nia").await;
        let joined = nia.join(link_of(&meeting)).await.unwrap();
        // Sections beyond those that there are get no direction (RFC 8829 section 5.3.1). Its own is one.
        let sends = joined
            .answer
            .lines()
            .filter(|line| line.trim() == "a=sendonly")
            .count();
        assert_eq!(
            sends,
            expected.min(3),
            "of three that the client has room for: {}",
            joined.answer
        );
    }
    let refused = crate::client::member(&place.server, "acme", "nia")
        .post(
            "/v1/organisations/acme/meetings",
            json!({ "options": { "voices": 65 } }),
        )
        .await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    place.server.shutdown().await;
}
