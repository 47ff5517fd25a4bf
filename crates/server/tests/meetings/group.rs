//! Group calls: begun by an application's user and joined by link (L31), and a call between two that a third comes into
//! without its ending (L3).

use serde_json::json;
use sidetone_signaling::Identifier;
use sidetone_signaling::protocol::meeting::{self as wire, Locator, Role};
use sidetone_signaling::protocol::{Accept, CallId, LegId, Request, Ring, Start};
use uuid::Uuid;

use crate::person::{hears, place};

#[tokio::test]
async fn a_member_comes_by_its_link_to_a_call_that_an_application_began() {
    let place = place().await;
    let mut eve = place.somebody(place.external("eve"), Some("Eve")).await;
    let call = CallId(Uuid::new_v4());
    let group = Locator::Group {
        call,
        invite: Vec::new(),
    };
    let joined = eve.enter(group).await;
    assert_eq!((joined.call, joined.role), (call, Role::Organiser));
    let mut omar = place.member("omar").await;
    let link = Locator::Link(joined.link.unwrap());
    omar.enter(link.clone()).await;
    hears(&mut omar, &mut eve).await;
    hears(&mut eve, &mut omar).await;
    // L31: the source lets no member in.
    let switch = json!({ "switches": { "groupCallMembers": "source" } });
    place
        .admin
        .patch("/v1/organisations/acme", switch)
        .await
        .expect(200);
    let mut nia = place.member("nia").await;
    let refusal = nia.join(link).await.unwrap_err();
    assert!(
        refusal.is(&sidetone_signaling::Reason::GROUP_CALL_MEMBERS_DISABLED),
        "{refusal}"
    );
    place.server.shutdown().await;
}

#[tokio::test]
async fn a_third_comes_into_a_call_between_two() {
    let place = place().await;
    let (mut eve, mut nia) = (
        place.somebody(place.external("eve"), Some("Eve")).await,
        place.member("nia").await,
    );
    let mut omar = place.member("omar").await;
    let call = CallId(Uuid::new_v4());
    let start = Start::new(call, Identifier::member("acme", "nia").unwrap());
    eve.ask(Request::Start(start)).await.unwrap();
    nia.until("call.incoming", |_| true).await;
    let leg = LegId(1);
    nia.ask(Request::Ring(Ring { call, leg })).await.unwrap();
    nia.ask(Request::Accept(Accept { call, leg })).await.unwrap();
    let add = Request::MeetingAdd(wire::Add {
        call,
        to: Identifier::member("acme", "omar").unwrap(),
    });
    let added = nia.ask(add).await.unwrap();
    assert_eq!(added["participant"], 3);
    let incoming = omar.until("meeting.incoming", |_| true).await;
    assert_eq!(
        (&incoming["call"], &incoming["display_name"]),
        (&json!(call), &json!("Nia Nurse"))
    );
    for person in [&mut eve, &mut nia] {
        person
            .until("meeting.moved", |moved| moved["call"] == json!(call))
            .await;
    }
    for person in [&mut eve, &mut nia, &mut omar] {
        assert_eq!(person.enter(Locator::Call(call)).await.call, call);
    }
    hears(&mut omar, &mut eve).await;
    hears(&mut eve, &mut nia).await;
    let facts = || async {
        let facts = place
            .server
            .call_facts(sidetone_store::Sequence(0), 100)
            .await
            .unwrap();
        let named = |fact: &sidetone_ledger::Fact| serde_json::to_value(fact).unwrap()["fact"].clone();
        facts.iter().map(|(_, fact)| named(fact)).collect::<Vec<_>>()
    };
    // One call: it began once, became one of more, and nobody left it on the way.
    let expected = [
        "started", "called", "rang", "answered", "joined", "joined", "grown", "called", "joined",
    ];
    crate::support::until("the facts to be written", async || {
        facts().await.len() >= expected.len()
    })
    .await;
    assert_eq!(facts().await, expected);
    place.server.shutdown().await;
}
