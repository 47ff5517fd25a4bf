//! Names and identifiers as they come from requests, tokens and the wire: raw ids, labels of organisations and resources,
//! keys of entities, names of the store. Any text is one or none; what is one is written as it was read, and different
//! ones never share a place in the store.
//!
//! Input: text; a line feed parts two of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidetone_organisation::{
    ApplicationId, EntityKey, EntityName, GroupId, MemberId, OrganisationId, PolicyName, ResourceId,
};
use sidetone_signaling::Identifier;
use sidetone_signaling::identifier::Label;
use sidetone_store::{DedupeId, Key, LogName, Pattern, Subject};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (one, other) = text.split_once('\n').unwrap_or((text, ""));
    identifier(one);
    labels(one, other);
    entity(one);
    stored(one, other);
});

fn identifier(text: &str) {
    let Ok(identifier) = text.parse::<Identifier>() else {
        return;
    };
    let written = identifier.to_string();
    let again = written.parse::<Identifier>().expect("what is written is read");
    assert_eq!(again, identifier);
    assert_eq!(again.to_string(), written, "one text for each identity");
    assert_eq!(identifier.raw_id().to_string(), written);
    let json = serde_json::to_string(&identifier).expect("it is written");
    assert_eq!(serde_json::from_str::<Identifier>(&json).expect("it is read"), identifier);
}

fn labels(one: &str, other: &str) {
    let label = one.parse::<Label>();
    macro_rules! same {
        ($($type:ty),+) => {
            $(assert_eq!(one.parse::<$type>().is_ok(), label.is_ok(), "{one:?}");)+
        };
    }
    same!(OrganisationId, ResourceId, MemberId, GroupId, ApplicationId, PolicyName);
    let (Ok(a), Ok(b)) = (one.parse::<OrganisationId>(), other.parse::<MemberId>()) else {
        return;
    };
    let member = EntityKey::from(EntityName::Member(a.clone(), b.clone()));
    // Swapped, the names are another member's, unless they are the same.
    if let (Ok(c), Ok(d)) = (other.parse::<OrganisationId>(), one.parse::<MemberId>()) {
        let swapped = EntityKey::from(EntityName::Member(c.clone(), d.clone()));
        assert_eq!(member.as_str() == swapped.as_str(), a == c && b == d);
    }
    Key::new(member.as_str()).expect("whatever exists has a place in the store");
}

fn entity(text: &str) {
    if let Ok(key) = text.parse::<EntityKey>() {
        assert_eq!(key.as_str(), text);
        assert_eq!(EntityKey::from(key.name().clone()), key);
    }
}

fn stored(one: &str, other: &str) {
    let subject = Subject::new(one);
    for valid in [Key::new(one).is_ok(), LogName::new(one).is_ok(), DedupeId::new(one).is_ok()] {
        assert_eq!(valid, subject.is_ok(), "one alphabet for all");
    }
    let Ok(subject) = subject else { return };
    assert_eq!(subject.as_str(), one);
    assert!(Pattern::from(subject.clone()).matches(&subject));
    assert!(Pattern::new(">").expect("a pattern").matches(&subject));
    if let Ok(pattern) = Pattern::new(other)
        && pattern.matches(&subject)
    {
        // A pattern has as many parts as what it matches, or fewer and a `>`.
        let parts = |text: &str| text.split('.').count();
        assert!(parts(other) == parts(one) || (other.ends_with('>') && parts(other) <= parts(one)));
    }
}
