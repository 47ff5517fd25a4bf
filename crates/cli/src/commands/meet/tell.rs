//! What happens in a meeting, in words and as JSON.

use serde_json::{Value, json};
use sidetone::{
    Call, CallEvent, Capability, CapabilityCause, LobbyReason, MeetingInfo, MeetingKind, ParticipantId,
    Reaction, Role, Standing, UnlobbiedWhy,
};

use crate::commands::journal::Journal;
use crate::commands::name;

/// Tells of an event, if it is one of a meeting.
pub fn tell(call: &Call, event: &CallEvent, journal: &Journal) {
    if let Some((event, words, fields)) = describe(call, event) {
        journal.event(event, &words, fields);
    }
}

/// Its name, words for people, fields for programs.
fn describe(call: &Call, event: &CallEvent) -> Option<(&'static str, String, Value)> {
    Some(match event {
        CallEvent::MeetingJoined(info) => {
            let fields = json!({
                "call": call.id(),
                "participant": info.participant,
                "kind": info.kind,
                "subject": info.subject,
                "role": info.role,
                "displayName": info.display_name,
                "link": info.link,
            });
            let name = name::plain(&info.display_name);
            let words = format!("{} as {name}, {}", title(info), role(info.role));
            // Whoever waits may do nothing yet.
            let unheard = unheard(call).filter(|_| call.lobby_reason().is_none());
            let mut words = unheard.map_or(words.clone(), |unheard| format!("{words}; {unheard}"));
            // Nobody was sent the link of a call that became one of many.
            if let (MeetingKind::GroupCall, Some(link)) = (info.kind, &info.link) {
                words += &format!("; others come by: sidetone meet join \"{link}\"");
            }
            ("joined", words, fields)
        }
        CallEvent::LobbyReasonChanged(reason) => {
            let words = reason.map_or("let in", lobby_reason);
            ("lobbyReason", words.to_owned(), json!({ "reason": reason }))
        }
        CallEvent::MeetingChanged(info) => {
            let words = match (info.is_locked, info.attendee_audio) {
                (true, _) => "the meeting is locked",
                (false, false) => "attendees cannot switch their microphones on",
                (false, true) => "the meeting is open",
            };
            let fields = json!({
                "locked": info.is_locked,
                "attendeeAudio": info.attendee_audio,
                "attendeeVideo": info.attendee_video,
            });
            ("meetingChanged", words.to_owned(), fields)
        }
        CallEvent::ParticipantsUpdated {
            added,
            changed,
            removed,
        } => {
            let left: Vec<_> = removed.iter().map(|(one, _)| name::remote(one)).collect();
            let mut words = Vec::new();
            for (who, what) in [
                (name::all(call, added), "in the meeting"),
                (name::all(call, changed), "changed"),
                (left.join(", "), "left"),
            ] {
                if !who.is_empty() {
                    words.push(format!("{what}: {who}"));
                }
            }
            words.push(format!("{} in all", call.total_participants()));
            let fields = json!({
                "added": people(call, added),
                "changed": people(call, changed),
                "removed": removed.iter().map(|(one, reason)| json!({
                    "participant": one.participant,
                    "identifier": one.identifier,
                    "displayName": one.display_name,
                    "code": reason.as_ref().map(|reason| reason.code),
                    "subcode": reason.as_ref().map(|reason| reason.subcode),
                })).collect::<Vec<_>>(),
                "total": call.total_participants(),
            });
            ("participants", words.join("; "), fields)
        }
        CallEvent::LobbyUpdated { added, removed } => {
            let mut words = Vec::new();
            let name = |one: &sidetone::LobbyParticipant| match one.display_name.as_str() {
                "" => one.identifier.to_string(),
                name => name::plain(name),
            };
            words.extend(
                added
                    .iter()
                    .map(|one| format!("{} waits in the lobby", name(one))),
            );
            words.extend(
                removed
                    .iter()
                    .map(|(one, why)| format!("{} {}", name(one), unlobbied(*why))),
            );
            let waiting = |one: &sidetone::LobbyParticipant| {
                json!({
                    "participant": one.participant,
                    "identifier": one.identifier,
                    "displayName": one.display_name,
                })
            };
            let fields = json!({
                "added": added.iter().map(waiting).collect::<Vec<_>>(),
                "removed": removed.iter().map(|(one, why)| json!({
                    "participant": one.participant,
                    "why": why,
                })).collect::<Vec<_>>(),
            });
            ("lobby", words.join("; "), fields)
        }
        CallEvent::DominantSpeakersChanged(who) => (
            "dominantSpeakers",
            format!("speaking: {}", nobody(call, who)),
            json!({ "participants": who }),
        ),
        CallEvent::SpeakingChanged(who) => (
            "heard",
            format!("heard: {}", nobody(call, who)),
            json!({ "participants": who }),
        ),
        CallEvent::RoleChanged(now) => ("role", format!("now {}", role(*now)), json!({ "role": now })),
        CallEvent::CapabilitiesChanged { new, cause, .. } => {
            let fields = json!({ "capabilities": new, "cause": cause });
            if *cause == CapabilityCause::Admitted {
                // The rest is what the role says that whoever comes in has just read.
                return Some(("capabilities", unheard(call).unwrap_or_default(), fields));
            }
            let list = |capable: bool| {
                let of = new
                    .iter()
                    .filter(|(_, standing)| standing.is_capable() == capable);
                let names = of.map(|(capability, standing)| match standing {
                    Standing::Capable => word(&json!(capability)),
                    other => format!("{} ({})", word(&json!(capability)), word(&json!(other))),
                });
                names.collect::<Vec<_>>().join(", ")
            };
            let words: Vec<_> = [("may", list(true)), ("may not", list(false))]
                .into_iter()
                .filter(|(_, list)| !list.is_empty())
                .map(|(may, list)| format!("{may}: {list}"))
                .collect();
            ("capabilities", words.join("; "), fields)
        }
        CallEvent::HandsChanged { raised, lowered } => {
            let up: Vec<_> = raised.iter().map(|hand| hand.participant).collect();
            let mut words = Vec::new();
            for (who, what) in [(&up, "hand up"), (lowered, "hand down")] {
                if !who.is_empty() {
                    words.push(format!("{what}: {}", name::all(call, who)));
                }
            }
            (
                "hands",
                words.join("; "),
                json!({ "raised": up, "lowered": lowered }),
            )
        }
        CallEvent::Reaction {
            reaction,
            count,
            participants,
        } => {
            let by = match &participants[..] {
                [] => format!("{count} times"),
                few => name::all(call, few),
            };
            let fields = json!({ "reaction": reaction, "count": count, "participants": participants });
            ("reaction", format!("{} {by}", sign(*reaction)), fields)
        }
        CallEvent::SpotlightChanged(who) => (
            "spotlight",
            format!("in front: {}", nobody(call, who)),
            json!({ "participants": who }),
        ),
        CallEvent::Engagement(event) => return super::engagement::describe(call, event),
        CallEvent::BreakoutRoomJoined(room) => (
            "breakoutRoomJoined",
            "in a breakout room meanwhile".to_owned(),
            json!({ "call": room.id() }),
        ),
        CallEvent::MutedByOthers(by) => (
            "mutedByOthers",
            format!("switched off by {}", name::of(call, *by)),
            json!({ "by": by }),
        ),
        _ => return None,
    })
}

/// Its words alone, for a line of news.
pub fn words(call: &Call, event: &CallEvent) -> Option<String> {
    match event {
        // Seen otherwise, and often.
        CallEvent::SpeakingChanged(_) | CallEvent::DominantSpeakersChanged(_) => None,
        // Half a line is no line of news.
        CallEvent::Engagement(event) if super::engagement::is_unfinished(event) => None,
        _ => describe(call, event)
            .map(|(_, words, _)| words)
            .filter(|words| !words.is_empty()),
    }
}

/// That nobody hears this end, and why, where it may not speak.
fn unheard(call: &Call) -> Option<String> {
    let standing = call.capabilities().get(Capability::UnmuteMic);
    (standing != Standing::Capable).then(|| format!("nobody hears you here ({})", word(&json!(standing))))
}

/// What a meeting is called.
pub fn title(info: &MeetingInfo) -> String {
    match info.subject.as_str() {
        "" => word(&json!(info.kind)),
        subject => name::plain(subject),
    }
}

/// Why somebody waits.
pub fn lobby_reason(reason: LobbyReason) -> &'static str {
    match reason {
        LobbyReason::WaitingForMember => "waiting in the lobby until a member is there",
        LobbyReason::WaitingForAdmission => "waiting in the lobby to be let in",
    }
}

/// A role in words.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Organiser => "organiser",
        Role::CoOrganiser => "co-organiser",
        Role::Presenter => "presenter",
        Role::Collaborator => "collaborator",
        Role::Attendee => "attendee",
        Role::Consumer => "listening",
    }
}

fn unlobbied(why: UnlobbiedWhy) -> &'static str {
    match why {
        UnlobbiedWhy::Admitted => "was let in",
        UnlobbiedWhy::Rejected => "was turned away",
        UnlobbiedWhy::TimedOut => "waited too long",
        UnlobbiedWhy::Left => "waits no longer",
    }
}

fn sign(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Like => "👍",
        Reaction::Love => "❤️",
        Reaction::Applause => "👏",
        Reaction::Laugh => "😂",
        Reaction::Surprise => "😮",
    }
}

/// A name of the wire's, for people.
fn word(name: &Value) -> String {
    name.as_str().unwrap_or_default().replace('_', " ")
}

fn nobody(call: &Call, who: &[ParticipantId]) -> String {
    match who {
        [] => "nobody".to_owned(),
        who => name::all(call, who),
    }
}

fn people(call: &Call, who: &[ParticipantId]) -> Vec<Value> {
    who.iter()
        .map(|number| match call.participant(*number) {
            Some(one) => json!({
                "participant": number,
                "identifier": one.identifier,
                "displayName": one.display_name,
                "role": one.role,
                "state": one.state,
                "isMuted": one.is_muted,
            }),
            None => json!({ "participant": number }),
        })
        .collect()
}
