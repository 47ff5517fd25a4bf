//! AC17: kinds of meetings, and their limits, at a real server.

use serde_json::{Value, json};
use sidetone_organisation::{Deployment, Setting};
use sidetone_server::{ConnectionLimits, ServerConfig};
use sidetone_signaling::protocol::Request;
use sidetone_signaling::protocol::meeting::{self as wire, Capability, Joined, Standing};
use sidetone_signaling::{Identifier, Reason};

use crate::client::config;
use crate::person::{Person, Place, hears, link_of, place_with};

/// Nia's meeting of a kind, with her in it, and Pat who is let in by the bypass.
async fn of_kind(place: &Place, kind: &str) -> (Value, Person, Person, Joined) {
    let meeting = place
        .meeting(json!({ "kind": kind, "options": { "bypass": "everyone" } }))
        .await;
    let (mut nia, mut pat) = (place.member("nia").await, place.pat().await);
    nia.enter(link_of(&meeting)).await;
    let joined = pat.enter(link_of(&meeting)).await;
    (meeting, nia, pat, joined)
}

#[tokio::test]
async fn ac17_each_kind_is_as_its_row_says() {
    let mut deployment = Deployment::new("public".parse().unwrap());
    deployment.switches.personal_organisations = Setting::Source;
    let place = place_with(ServerConfig {
        deployment: Some(deployment),
        ..config()
    })
    .await;
    // A channel's, and an ordinary one: people from outside speak and are seen, and share nothing as attendees.
    for kind in ["standard", "channel"] {
        let (_, mut nia, mut pat, joined) = of_kind(&place, kind).await;
        hears(&mut nia, &mut pat).await;
        assert_eq!(
            joined.capabilities[&Capability::ShareScreen],
            Standing::RoleRestricted
        );
    }
    // L19: in a webinar and a town hall roles are enforced by the service: nothing passes, whatever is sent.
    for kind in ["webinar", "townHall"] {
        let (meeting, mut nia, mut pat, joined) = of_kind(&place, kind).await;
        for capability in [
            Capability::UnmuteMic,
            Capability::TurnVideoOn,
            Capability::ShareScreen,
        ] {
            assert_eq!(
                joined.capabilities[&capability],
                Standing::RoleRestricted,
                "{kind}"
            );
        }
        let unmute = wire::Mute {
            call: pat.call().call,
            muted: false,
        };
        let refused = pat.ask(Request::MeetingMute(unmute)).await.unwrap_err();
        assert!(refused.is(&Reason::ROLE_RESTRICTED), "{refused}");
        let mut omar = place.member("omar").await;
        omar.enter(link_of(&meeting)).await;
        for _ in 0..10 {
            pat.talk();
            hears(&mut omar, &mut nia).await;
        }
        assert_eq!(
            omar.heard.get(&pat.number()),
            None,
            "{kind}: heard without the right"
        );
        // Given the word, they are heard.
        let promote = wire::SetRole {
            call: nia.call().call,
            participant: joined.participant,
            role: wire::Role::Presenter,
        };
        nia.ask(Request::MeetingSetRole(promote)).await.unwrap();
        pat.until("meeting.capabilities", |changed| {
            changed["new"]["unmute_mic"] == "capable"
        })
        .await;
        pat.ask(Request::MeetingMute(unmute)).await.unwrap();
        hears(&mut omar, &mut pat).await;
    }
    // L29: a kind that is refused names itself.
    place
        .allow(json!({ "switches": { "liveEvents": "source" } }))
        .await;
    let meeting = place.meeting(json!({ "kind": "townHall" })).await;
    let mut pat = place.pat().await;
    let refused = pat.join(link_of(&meeting)).await.unwrap_err();
    assert!(refused.is(&Reason::TOWN_HALL_EXTERNAL_DISABLED) && refused.message.contains("town hall"));
    // Locked.
    let (meeting, mut nia, _pat, _) = of_kind(&place, "standard").await;
    let lock = wire::Lock {
        call: nia.call().call,
        locked: true,
    };
    nia.ask(Request::MeetingLock(lock)).await.unwrap();
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    let refused = eve.join(link_of(&meeting)).await.unwrap_err();
    assert!(refused.is(&Reason::MEETING_LOCKED), "{refused}");

    // R62: of a personal organisation; and R129: from a cloud that this one does not deal with.
    let operator = crate::client::operator(&place.server);
    let home = operator
        .post(
            "/v1/organisations",
            json!({ "id": "home", "name": "Home", "kind": "personal" }),
        )
        .await
        .expect(201);
    let family = crate::client::Caller::new(
        &place.server,
        home["keys"][0]["secret"].as_str().unwrap().to_owned(),
    );
    family
        .put(
            "/v1/organisations/home/members/mum",
            json!({ "displayName": "Mum" }),
        )
        .await
        .expect(201);
    let mum = crate::client::member(&place.server, "home", "mum");
    let theirs = mum
        .post("/v1/organisations/home/meetings", json!({}))
        .await
        .expect(201);
    let refused = eve.join(link_of(&theirs)).await.unwrap_err();
    assert!(refused.is(&Reason::PERSONAL_ORGANISATION), "{refused}");
    let made = operator
        .post(
            "/v1/resources",
            json!({ "name": "Abroad", "cloud": "government" }),
        )
        .await
        .expect(201);
    let abroad = made["resource"]["id"].as_str().unwrap();
    let owner = crate::client::Caller::new(
        &place.server,
        made["keys"][0]["secret"].as_str().unwrap().to_owned(),
    );
    owner
        .put(
            &format!("/v1/resources/{abroad}/external-users/zoe"),
            json!({ "displayName": null }),
        )
        .await;
    let zoe = Identifier::external_user(abroad, "zoe").unwrap();
    let mut zoe = place.somebody(zoe, Some("Zoe")).await;
    let refused = zoe.join(link_of(&meeting)).await.unwrap_err();
    assert!(refused.is(&Reason::CLOUD_INCOMPATIBLE), "{refused}");
    place.server.shutdown().await;
}

/// Fills a meeting; the one too many is told how many it holds.
async fn fill(place: &Place, most: u32, options: Value) {
    let meeting = place.meeting(json!({ "options": options })).await;
    let mut nia = place.member("nia").await;
    nia.enter(link_of(&meeting)).await;
    let mut crowd = Vec::new();
    let counted = if most == 350 { most } else { most - 1 };
    for number in 0..counted {
        let guest = format!("guest:g{number}").parse().unwrap();
        let mut person = place.somebody(guest, Some("G")).await;
        let joined = person.join(link_of(&meeting)).await.unwrap();
        assert_eq!(joined.passage, wire::Passage::Connected, "{number}");
        crowd.push(person);
    }
    let mut late = place.somebody("guest:late".parse().unwrap(), Some("Late")).await;
    let refused = late.join(link_of(&meeting)).await.unwrap_err();
    assert!(refused.is(&Reason::LIMIT_REACHED), "{refused}");
    assert!(refused.message.contains(&most.to_string()), "{refused}");
    // One goes, and there is room for one.
    let gone = &mut crowd[0];
    gone.ask(Request::MeetingLeave(gone.call())).await.unwrap();
    late.join(link_of(&meeting)).await.unwrap();
    nia.ask(Request::MeetingEnd(nia.call())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ac17_a_meeting_holds_as_many_as_it_says_and_one_more_is_told_so() {
    let place = place_with(ServerConfig {
        connections: ConnectionLimits {
            max_per_address: 5_000,
            ..ConnectionLimits::default()
        },
        ..config()
    })
    .await;
    fill(
        &place,
        250,
        json!({ "bypass": "everyone", "maxParticipants": 250 }),
    )
    .await;
    // L22: the source counts those who come by applications.
    place
        .allow(json!({ "switches": { "meetingSizes": "source" } }))
        .await;
    fill(&place, 350, json!({ "bypass": "everyone" })).await;
    place
        .allow(json!({ "switches": { "meetingSizes": "open" } }))
        .await;
    fill(&place, 1_000, json!({ "bypass": "everyone" })).await;
    place.server.shutdown().await;
}
