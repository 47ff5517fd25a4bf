//! Captions: what is said, as text, passed on to those who want to read it in the language they want. The service hears
//! nothing: a bot publishes what others say, or each client what its own speaker says. Lines that change no more are kept
//! while the meeting is transcribed, and at no other time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{
    Capability, Caption, CaptionsState, News, ParticipantId, PersonKind, PublishCaption, ReceiveCaptions,
    SetCaptions,
};

use super::{Allowance, Context, Part, Room, may};
use crate::minutes::TranscriptLine;
use crate::rights::presides;

/// Longest text of a caption in one language, in bytes.
const LONGEST: usize = 2 * 1024;
/// Most languages beside the spoken one.
const MOST_LANGUAGES: usize = 8;
/// Most lines that are kept of one call.
const MOST_LINES: usize = 20_000;
/// Lines that are kept together.
pub(super) const SHEET: usize = 50;
/// What a speaker's own client publishes: five a second, four seconds' worth at once.
const OWN: Duration = Duration::from_millis(200);
/// What whoever publishes for others does: forty a second.
const FOR_OTHERS: Duration = Duration::from_millis(25);
const BURST: Duration = Duration::from_secs(4);
/// What is spoken where nobody said.
const SPOKEN: &str = "en";

/// Whether there are captions, who reads them, and what is kept.
#[derive(Debug)]
pub(super) struct Captions {
    pub(super) on: bool,
    pub(super) spoken: String,
    /// Who reads them, and in which language.
    pub(super) readers: BTreeMap<ParticipantId, Option<String>>,
    publishers: BTreeMap<ParticipantId, Allowance>,
    pub(super) transcript: Vec<TranscriptLine>,
    /// Those who switched them on or off were told so last.
    told: CaptionsState,
}

impl Default for Captions {
    fn default() -> Self {
        Self {
            on: false,
            spoken: SPOKEN.to_owned(),
            readers: BTreeMap::new(),
            publishers: BTreeMap::new(),
            transcript: Vec::new(),
            told: CaptionsState {
                language: SPOKEN.to_owned(),
                ..CaptionsState::default()
            },
        }
    }
}

impl Captions {
    pub(super) fn left(&mut self, id: ParticipantId) {
        self.readers.remove(&id);
        self.publishers.remove(&id);
    }

    fn keep(&mut self, line: TranscriptLine) {
        if self.transcript.len() < MOST_LINES {
            self.transcript.push(line);
        }
    }
}

/// Whether this looks like a language tag (BCP 47, RFC 5646 section 2.1).
fn tag(language: &str) -> Result<(), Reason> {
    let subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    if language.len() <= 35 && language.split('-').all(subtag) {
        Ok(())
    } else {
        Err(Reason::BAD_PARAMETERS)
    }
}

/// Which of these languages serves whoever wants `wanted`: that one, or another kind of the same (RFC 4647 section 3.4).
fn choose<'a>(wanted: &str, mut offered: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let primary = |language: &str| {
        language
            .split('-')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    offered
        .clone()
        .find(|one| one.eq_ignore_ascii_case(wanted))
        .or_else(|| offered.find(|one| primary(one) == primary(wanted)))
}

impl Room {
    fn captions_state(&self) -> CaptionsState {
        CaptionsState {
            on: self.together.captions.on,
            language: self.together.captions.spoken.clone(),
            transcribed: self.notices.transcribes(),
        }
    }

    /// Somebody switches captions on or off, or says what is spoken.
    pub(super) fn set_captions(
        &mut self,
        me: ParticipantId,
        set: &SetCaptions,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::ManageCaptions)?;
        if let Some(language) = &set.language {
            tag(language)?;
            self.together.captions.spoken.clone_from(language);
        }
        self.together.captions.on = set.on;
        self.together.changed.insert(Part::Captions);
        self.captions_changed(cx);
        Ok(())
    }

    /// Tells whether there are captions, where that is news.
    pub(in crate::room) fn captions_changed(&mut self, cx: &mut Context<'_>) {
        let state = self.captions_state();
        if self.together.captions.told != state {
            self.together.captions.told = state.clone();
            self.tell_of(|_| Some(()), |()| News::Captions(state.clone()), cx);
        }
    }

    /// Whether there are captions, where that is other than at first.
    pub(super) fn captions_now(&self) -> Option<News> {
        let state = self.captions_state();
        (state.on || state.language != SPOKEN).then_some(News::Captions(state))
    }

    /// Somebody wants to read captions, or no longer.
    pub(super) fn receive_captions(
        &mut self,
        me: ParticipantId,
        receive: &ReceiveCaptions,
    ) -> Result<(), Reason> {
        if !receive.on {
            self.together.captions.readers.remove(&me);
            self.together.changed.insert(Part::Captions);
            return Ok(());
        }
        self.require(me, Capability::ReceiveCaptions)?;
        receive.language.as_deref().map_or(Ok(()), tag)?;
        self.together
            .captions
            .readers
            .insert(me, receive.language.clone());
        self.together.changed.insert(Part::Captions);
        Ok(())
    }

    /// Somebody says what was said.
    pub(super) fn caption(
        &mut self,
        me: ParticipantId,
        caption: &PublishCaption,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let speaker = caption.speaker.unwrap_or(me);
        self.require(me, Capability::ReceiveCaptions)?;
        let publisher = self.participants.get(&me).ok_or(Reason::NO_SUCH_CALL)?;
        let for_others = publisher.kind == PersonKind::Application || presides(publisher.role);
        if speaker != me && !for_others {
            return Err(Reason::ROLE_RESTRICTED);
        }
        self.known(&[speaker])?;
        // Nobody's words are shown who may not speak.
        self.require(speaker, Capability::UnmuteMic)?;
        if !self.together.captions.on {
            return Err(Reason::NOT_OPEN);
        }
        if caption.translations.len() > MOST_LANGUAGES {
            return Err(Reason::BAD_PARAMETERS);
        }
        caption.language.as_deref().map_or(Ok(()), tag)?;
        caption
            .translations
            .keys()
            .try_for_each(|language| tag(language))?;
        let mut texts = caption.translations.values().chain([&caption.text]);
        if texts.any(|text| text.len() > LONGEST) {
            return Err(Reason::TEXT_TOO_LONG);
        }
        let captions = &mut self.together.captions;
        let cost = if for_others { FOR_OTHERS } else { OWN };
        if !captions
            .publishers
            .entry(me)
            .or_default()
            .take(cost, BURST, cx.now)
        {
            return Err(Reason::ENGAGED_TOO_FAST);
        }
        let spoken = caption
            .language
            .clone()
            .unwrap_or_else(|| captions.spoken.clone());
        let at_ms = self.together.since(cx.now);
        self.tell_caption(me, speaker, caption, &spoken, cx);
        // Only what may be kept of them: those who have not agreed are not written down.
        if caption.last
            && !caption.text.is_empty()
            && self.notices.transcribes()
            && !self.notices.needs(speaker)
        {
            let person = self.person(speaker)?;
            let sheet = self.together.captions.transcript.len() / SHEET;
            self.together.changed.insert(Part::Transcript(sheet));
            self.together.captions.keep(TranscriptLine {
                participant: speaker,
                identity: person.identity,
                display_name: person.display_name,
                language: spoken,
                text: caption.text.clone(),
                at_ms,
            });
        }
        Ok(())
    }

    fn tell_caption(
        &self,
        by: ParticipantId,
        speaker: ParticipantId,
        caption: &PublishCaption,
        spoken: &str,
        cx: &mut Context<'_>,
    ) {
        let readers = &self.together.captions.readers;
        let at_ms = self.together.since(cx.now);
        let offered: BTreeSet<&str> = caption.translations.keys().map(String::as_str).collect();
        self.tell_of(
            |viewer| {
                let wanted = readers.get(&viewer.id)?;
                let reads = may(viewer, Capability::ReceiveCaptions) && self.sees(viewer, speaker);
                let served =
                    |wanted: &String| choose(wanted, [spoken].into_iter().chain(offered.iter().copied()));
                reads.then(|| wanted.as_ref().and_then(served).unwrap_or(spoken))
            },
            |language: &&str| {
                let text = match caption.translations.get(*language) {
                    Some(text) if *language != spoken => text,
                    _ => &caption.text,
                };
                News::Caption(Caption {
                    speaker,
                    by: (by != speaker).then_some(by),
                    segment: caption.segment,
                    text: text.clone(),
                    language: (*language).to_owned(),
                    spoken_language: spoken.to_owned(),
                    last: caption.last,
                    at_ms,
                })
            },
            cx,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_of_subtags() {
        for good in ["en", "de-AT", "zh-Hant-TW", "x-1"] {
            assert_eq!(tag(good), Ok(()), "{good}");
        }
        for bad in ["", "-", "en-", "en_GB", "abcdefghi", "dé", &"en-".repeat(20)] {
            assert_eq!(tag(bad), Err(Reason::BAD_PARAMETERS), "{bad}");
        }
    }

    #[test]
    fn the_language_itself_goes_before_another_kind_of_it() {
        let offered = ["en-GB", "de", "de-AT"];
        let chosen = |wanted| choose(wanted, offered.into_iter());
        assert_eq!(chosen("DE-at"), Some("de-AT"));
        assert_eq!(chosen("de-CH"), Some("de"));
        assert_eq!(chosen("en"), Some("en-GB"));
        assert_eq!(chosen("fr"), None);
    }
}
