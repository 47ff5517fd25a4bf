//! `sidetone meet breakout`: the breakout rooms of a meeting that is held, for those who organise it.

use serde_json::{Value, json};
use sidetone::Identifier;

use super::args::{BreakoutArgs, BreakoutCommand};
use crate::commands::admin::client::Service;
use crate::commands::admin::connection::Connection;
use crate::commands::doctor::token;
use crate::commands::name;
use crate::exit::{Exit, Failure};
use crate::output;

/// Does what was asked, and shows the rooms as they are then.
pub fn run(args: BreakoutArgs) -> Result<Exit, Failure> {
    let key = args.credential.token(&args.server)?;
    let organisation = match token::identity(&key) {
        Some(Identifier::Member { organisation, .. }) => organisation,
        _ => {
            let words = "only members of organisations have meetings";
            return Err(Failure::new(Exit::Usage, words));
        }
    };
    let connection = Connection {
        server: args.server.http(),
        key,
        ca_file: args.ca_file.clone(),
        insecure_http: args.insecure_http,
    };
    connection.check()?;
    let service = Service::new(connection)?;
    let meeting = number(&args.meeting).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("{}: no meeting's number or link", args.meeting),
        )
    })?;
    let path = format!("/v1/organisations/{organisation}/meetings/{meeting}/breakouts");
    if let Some((method, below, body)) = wanted(&args.command) {
        service.call(method, &format!("{path}{below}"), body.as_ref())?;
    }
    let rooms = service.call("GET", &path, None)?;
    if args.json {
        output::json(&rooms);
    } else {
        output::line(&words(&rooms));
    }
    Ok(Exit::Done)
}

/// A meeting's number, as it is read out or in its link.
fn number(meeting: &str) -> Option<String> {
    let digits = |text: &str| -> Option<String> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let others = text
            .chars()
            .all(|one| one.is_ascii_digit() || one == ' ' || one == '-');
        (digits.len() == 12 && others).then_some(digits)
    };
    let mut parts = meeting.rsplit(['/', ':']);
    let last = parts.next().unwrap_or_default();
    digits(last).or_else(|| digits(parts.next()?))
}

/// How it is asked for. None: nothing is to change.
fn wanted(command: &BreakoutCommand) -> Option<(&'static str, String, Option<Value>)> {
    Some(match command {
        BreakoutCommand::List => return None,
        BreakoutCommand::Create {
            names,
            distribute,
            by_hand,
        } => {
            let room = |name: &String| json!({ "displayName": name, "autoMoveParticipants": !by_hand });
            let rooms: Vec<Value> = names.iter().map(room).collect();
            let body = json!({ "rooms": rooms, "distribute": distribute });
            ("POST", String::new(), Some(body))
        }
        BreakoutCommand::Remove { room } => ("DELETE", format!("/{room}"), None),
        BreakoutCommand::Assign { room, identities } => {
            let body = json!({ "room": room, "identities": identities });
            ("POST", "/assign".to_owned(), Some(body))
        }
        BreakoutCommand::Open { rooms } => ("POST", "/open".to_owned(), Some(json!({ "rooms": rooms }))),
        BreakoutCommand::Close { rooms } => ("POST", "/close".to_owned(), Some(json!({ "rooms": rooms }))),
        BreakoutCommand::Set {
            ends_in,
            forbid_return,
            self_select,
            manager,
        } => {
            let mut body = json!({});
            if let Some(ends_in) = ends_in {
                body["endsInMs"] = u64::try_from(ends_in.as_millis()).unwrap_or(u64::MAX).into();
            }
            if let Some(forbid) = forbid_return {
                body["disableReturnToMainMeeting"] = (*forbid).into();
            }
            if let Some(self_select) = self_select {
                body["selfSelect"] = (*self_select).into();
            }
            if !manager.is_empty() {
                body["managers"] = json!(manager);
            }
            ("PATCH", String::new(), Some(body))
        }
    })
}

fn words(rooms: &Value) -> String {
    let list = rooms["rooms"].as_array().cloned().unwrap_or_default();
    if list.is_empty() {
        return "no breakout rooms".to_owned();
    }
    let count = |room: &Value, what: &str| room[what].as_array().map_or(0, Vec::len);
    let mut lines: Vec<String> = list
        .iter()
        .map(|room| {
            format!(
                "{:>3}  {:<6}  {:>3} of {:<3}  {}",
                room["room"].as_u64().unwrap_or_default(),
                room["state"].as_str().unwrap_or_default(),
                count(room, "present"),
                count(room, "invitees"),
                name::plain(room["displayName"].as_str().unwrap_or_default()),
            )
        })
        .collect();
    if let Some(ends) = rooms["endsInMs"].as_u64() {
        lines.push(format!("they close in {} s", ends / 1_000));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meeting_is_named_by_its_number_or_its_link() {
        let of = |text: &str| number(text);
        let wanted = Some("123456789012".to_owned());
        assert_eq!(of("123 456-789 012"), wanted);
        assert_eq!(of("sidetone:meet/123456789012/abcdefghijklmnopqrstuv"), wanted);
        assert_eq!(of("https://meet.example/join/123456789012/abc"), wanted);
        assert_eq!(of("12345"), None);
        assert_eq!(of("https://meet.example/join/12345678901x/abc"), None);
    }

    #[test]
    fn rooms_are_told_with_how_many_are_there() {
        let rooms = json!({ "rooms": [
            { "room": 1, "displayName": "Red\u{7}", "state": "open", "present": [2], "invitees": ["a", "b"] },
        ], "endsInMs": 61_000 });
        assert_eq!(words(&rooms), "  1  open      1 of 2    Red\nthey close in 61 s");
        assert_eq!(words(&json!({ "rooms": [] })), "no breakout rooms");
    }
}
