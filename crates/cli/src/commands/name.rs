//! Names that other people chose, made fit for a terminal.

use sidetone::{Call, ParticipantId, RemoteParticipant};

/// `text` without anything that could do more to a terminal than be read.
pub fn plain(text: &str) -> String {
    // Marks that turn the direction of writing could make a name read like another (UAX #9).
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).collect()
}

/// How somebody in a meeting is called.
pub fn of(call: &Call, number: ParticipantId) -> String {
    if call
        .meeting()
        .is_some_and(|meeting| meeting.participant == number)
    {
        return "you".to_owned();
    }
    match call.participant(number) {
        Some(one) => remote(&one),
        None => format!("participant {number}"),
    }
}

/// How somebody else is called, who may have left.
pub fn remote(one: &RemoteParticipant) -> String {
    match one.display_name.as_str() {
        "" => one.identifier.to_string(),
        name => plain(name),
    }
}

/// Several of them.
pub fn all(call: &Call, numbers: &[ParticipantId]) -> String {
    let names: Vec<_> = numbers.iter().map(|number| of(call, *number)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_paint() {
        assert_eq!(plain("\u{1b}[2JEve\r\n\u{202e}nnA"), "[2JEvennA");
        assert_eq!(plain("Zoë 🙂"), "Zoë 🙂");
    }
}
