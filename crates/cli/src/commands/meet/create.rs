//! `sidetone meet create`: makes a meeting of a member's, and says where it is.

use serde_json::{Map, Value, json};
use sidetone::Identifier;
use sidetone_organisation::{Bypass, MeetingKind};

use super::args::{BypassName, CreateArgs, KindName};
use crate::commands::admin::client::Service;
use crate::commands::admin::connection::Connection;
use crate::commands::doctor::token;
use crate::exit::{Exit, Failure};
use crate::output;

/// Makes it.
pub fn run(args: CreateArgs) -> Result<Exit, Failure> {
    let token = args.credential.token(&args.server)?;
    let organisation = match token::identity(&token) {
        Some(Identifier::Member { organisation, .. }) => organisation,
        _ => {
            return Err(Failure::new(
                Exit::Usage,
                "only members of organisations have meetings",
            ));
        }
    };
    let connection = Connection {
        server: args.server.http(),
        key: token,
        ca_file: args.ca_file.clone(),
        insecure_http: args.insecure_http,
    };
    connection.check()?;
    let path = format!("/v1/organisations/{organisation}/meetings");
    let made = Service::new(connection)?.call("POST", &path, Some(&wanted(&args)))?;
    if args.json {
        output::json(&made);
    } else {
        output::line(&words(&made));
    }
    Ok(Exit::Done)
}

/// What is asked for. What is not said is left to the organisation's policy.
fn wanted(args: &CreateArgs) -> Value {
    let mut options = Map::new();
    if let Some(bypass) = args.bypass {
        options.insert("bypass".into(), json!(Bypass::from(bypass)));
    }
    if let Some(most) = args.max_participants {
        options.insert("maxParticipants".into(), most.into());
    }
    if let Some(voices) = args.voices {
        options.insert("voices".into(), voices.into());
    }
    if args.hard_mute {
        options.insert("attendeeAudioForbidden".into(), true.into());
    }
    let mut wanted = json!({
        "subject": args.subject,
        "kind": MeetingKind::from(args.kind),
        "coOrganisers": args.co_organiser,
        "presenters": args.presenter,
        "attendees": args.attendee,
        "options": options,
    });
    for (name, time) in [("startTime", &args.start), ("endTime", &args.end)] {
        if let Some(time) = time {
            wanted[name] = time.as_str().into();
        }
    }
    wanted
}

/// Where it is, in words.
fn words(made: &Value) -> String {
    let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
    format!(
        "link      {}\nnumber    {}\npasscode  {}\n\njoin it: sidetone meet join \"{}\" --identity …",
        text("link"),
        spaced(&text("id")),
        text("passcode"),
        text("link"),
    )
}

/// A number as it is read out, three digits at a time.
fn spaced(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

impl From<BypassName> for Bypass {
    fn from(name: BypassName) -> Self {
        match name {
            BypassName::Organiser => Self::OrganizerOnly,
            BypassName::Invited => Self::InvitedUsers,
            BypassName::MembersWithoutGuests => Self::EveryoneInCompanyExcludingGuests,
            BypassName::Members => Self::EveryoneInCompany,
            BypassName::Federated => Self::EveryoneInSameAndFederatedCompany,
            BypassName::Everyone => Self::Everyone,
        }
    }
}

impl From<KindName> for MeetingKind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Standard => Self::Standard,
            KindName::Channel => Self::Channel,
            KindName::Webinar => Self::Webinar,
            KindName::TownHall => Self::TownHall,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: CreateArgs,
    }

    #[test]
    fn what_is_not_said_is_left_to_the_policy() {
        let of = |line: &str| wanted(&Line::parse_from(line.split(' ')).args);
        let plain = of("create --token t");
        assert_eq!(plain["options"], json!({}));
        assert!(plain.get("startTime").is_none() && plain["kind"] == "standard");
        let full = of(
            "create --token t --subject Visit --kind webinar --bypass everyone --hard-mute --max-participants 250 --voices 9 \
             --presenter member:acme:ann --start 2026-12-01T09:00:00Z",
        );
        let options = json!({ "bypass": "everyone", "attendeeAudioForbidden": true, "maxParticipants": 250, "voices": 9 });
        assert_eq!(full["options"], options);
        assert_eq!(
            (&full["kind"], &full["startTime"]),
            (&json!("webinar"), &json!("2026-12-01T09:00:00Z"))
        );
        assert_eq!(full["presenters"], json!(["member:acme:ann"]));
    }

    #[test]
    fn a_number_is_shown_as_it_is_read_out() {
        assert_eq!(spaced("123456789012"), "123 456 789 012");
    }
}
