//! Coming, going, and what each may do: everything about participants that happens seldom.

use std::time::Instant;

use super::config::{Joining, MAX_LAYERS, MAX_SLOTS, Publication, Rights};
use super::limit::Limit;
use super::packet::{Forwarded, Media, Slot};
use super::slab::Key;
use super::stage::Stage;
use super::stream::Stream;
use super::timeline::ticks;
use super::video::Watching;
use super::{JoinError, ParticipantKey, PublishError, Room};

/// A stream somebody sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sends {
    pub(crate) ssrc: u32,
    pub(crate) stream: Key,
    pub(crate) media: Media,
    pub(crate) layer: u8,
}

#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) number: u32,
    pub(crate) rights: Rights,
    /// Audio, then video, then share.
    pub(crate) slots: Vec<u32>,
    /// How many of each.
    pub(crate) audio: usize,
    pub(crate) video: usize,
    pub(crate) sends: Vec<Sends>,
    /// The stage it listens to, and where it stands in the audience.
    pub(crate) seat: Option<(usize, usize)>,
    pub(crate) resends: Limit,
    pub(crate) keyframes: Limit,
    pub(crate) watching: Watching,
    /// Whether it sends a camera and may, and a screen.
    pub(crate) shows: [bool; 2],
}

impl Room {
    /// Somebody comes in. Costs time in the order of its slots.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub fn join(&mut self, now: Instant, joining: &Joining) -> Result<ParticipantKey, JoinError> {
        let now = self.advance(now);
        if self.numbers.contains_key(&joining.number) {
            return Err(JoinError::Present(joining.number));
        }
        let receive = &joining.receive;
        let kinds = [
            (Media::Audio, &receive.audio),
            (Media::Video, &receive.video),
            (Media::Share, &receive.share),
        ];
        if kinds.iter().any(|(_, slots)| slots.len() > MAX_SLOTS) {
            return Err(JoinError::TooManySlots);
        }
        let configs = || kinds.iter().flat_map(|(_, slots)| slots.iter());
        let mut ssrcs: Vec<u32> = configs().map(|config| config.ssrc).collect();
        ssrcs.sort_unstable();
        if let Some(pair) = ssrcs.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(JoinError::SsrcInUse(pair[0]));
        }
        let key = self.participants.insert(Participant {
            number: joining.number,
            rights: Rights {
                receive: false,
                ..joining.rights
            },
            slots: Vec::with_capacity(ssrcs.len()),
            audio: receive.audio.len(),
            video: receive.video.len(),
            sends: Vec::new(),
            seat: None,
            resends: Limit::default(),
            keyframes: Limit::default(),
            watching: Watching::default(),
            shows: [false; 2],
        });
        self.numbers.insert(joining.number, key);
        for (media, configs) in kinds {
            let rate = if media == Media::Audio { 48_000 } else { 90_000 };
            for (number, config) in configs.iter().enumerate() {
                let slot = Slot {
                    media,
                    number: number as u8,
                };
                let id = self.slots.insert(key, slot, config, ticks(rate, now));
                if let Some(participant) = self.participants.get_mut(key) {
                    participant.slots.push(id);
                }
            }
        }
        if joining.rights.receive {
            self.admit(now, key);
        }
        Ok(ParticipantKey(key))
    }

    /// Somebody is gone, with all it sent. `sink` takes what the others are told where they heard it.
    pub fn leave(&mut self, now: Instant, who: ParticipantKey, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let now = self.advance(now);
        if self.participants.get(who.0).is_none() {
            return;
        }
        self.dismiss(now, who.0, &mut |_| {});
        for media in [Media::Audio, Media::Video, Media::Share] {
            self.withdraw(now, who.0, media, sink);
        }
        if let Some(participant) = self.participants.remove(who.0) {
            self.numbers.remove(&participant.number);
            participant.slots.iter().for_each(|slot| self.slots.remove(*slot));
        }
    }

    /// What somebody may do has changed. `sink` takes what those are told who hear nothing from now on.
    pub fn set_rights(
        &mut self,
        now: Instant,
        who: ParticipantKey,
        rights: Rights,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let now = self.advance(now);
        let Some(participant) = self.participants.get_mut(who.0) else {
            return;
        };
        let before = participant.rights;
        participant.rights = Rights {
            receive: before.receive,
            ..rights
        };
        for sends in participant.sends.clone() {
            if before.may_send(sends.media) && !rights.may_send(sends.media) {
                self.silence(now, sends.stream, sink);
            }
        }
        for media in [Media::Video, Media::Share] {
            self.list_sender(now, who.0, media);
        }
        match (before.receive, rights.receive) {
            (false, true) => self.admit(now, who.0),
            (true, false) => self.dismiss(now, who.0, sink),
            _ => {}
        }
    }

    /// Somebody sends a stream, or the same media and layer with another SSRC than before.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub fn publish(
        &mut self,
        now: Instant,
        who: ParticipantKey,
        publication: &Publication,
    ) -> Result<(), PublishError> {
        let now = self.advance(now);
        let &Publication {
            media, layer, ssrc, ..
        } = publication;
        let layers = if media == Media::Audio { 1 } else { MAX_LAYERS };
        if usize::from(layer) >= layers {
            return Err(PublishError::NoSuchLayer(layer));
        }
        let participant = self.participants.get_mut(who.0).ok_or(PublishError::Absent)?;
        let same = |sends: &Sends| (sends.media, sends.layer) == (media, layer);
        if participant
            .sends
            .iter()
            .any(|sends| sends.ssrc == ssrc && !same(sends))
        {
            return Err(PublishError::SsrcInUse(ssrc));
        }
        let number = participant.number;
        if let Some(sends) = participant.sends.iter_mut().find(|sends| same(sends)) {
            let anew = sends.ssrc != ssrc;
            sends.ssrc = ssrc;
            if let Some(stream) = self.streams.get_mut(sends.stream) {
                stream.formats = publication.formats;
                stream.height = publication.height;
                if anew {
                    stream.intake.resync();
                }
            }
            return Ok(());
        }
        let stream = self.streams.insert(Stream::new(who.0, number, publication));
        participant.sends.push(Sends {
            ssrc,
            stream,
            media,
            layer,
        });
        self.list_sender(now, who.0, media);
        Ok(())
    }

    /// Somebody sends `media` no longer, in no layer. `sink` takes what the others are told where they heard it.
    pub fn unpublish(
        &mut self,
        now: Instant,
        who: ParticipantKey,
        media: Media,
        sink: &mut impl FnMut(&Forwarded<'_>),
    ) {
        let now = self.advance(now);
        self.withdraw(now, who.0, media, sink);
    }

    /// Takes away the streams of `media`, in all layers.
    fn withdraw(&mut self, now: u64, who: Key, media: Media, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let Some(participant) = self.participants.get_mut(who) else {
            return;
        };
        let gone = participant.sends.extract_if(.., |sends| sends.media == media);
        for sends in gone.collect::<Vec<Sends>>() {
            self.silence(now, sends.stream, sink);
            self.streams.remove(sends.stream);
        }
        self.list_sender(now, who, media);
    }

    /// Makes a stream unheard and unseen, until it is taken up again.
    fn silence(&mut self, now: u64, key: Key, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        stream.intake.resync();
        stream.activity = super::activity::Activity::new();
        let (media, owner, number) = (stream.media, stream.owner, stream.number);
        stream.warm = false;
        if media == Media::Audio {
            self.clear_seats(now, owner, sink);
            if self.speakers.remove(key, number) {
                self.events.push_back(super::Event::SpeakersChanged);
            }
        }
        while let Some(slot) = self
            .streams
            .get(key)
            .and_then(|stream| stream.subscribers.last().copied())
        {
            self.quiet(slot, sink);
        }
    }

    /// Lets somebody receive.
    fn admit(&mut self, now: u64, who: Key) {
        let Some(participant) = self.participants.get_mut(who) else {
            return;
        };
        participant.rights.receive = true;
        if participant.seat.is_some() {
            return;
        }
        let audio = participant.audio;
        let found = self.stages.iter().position(|stage| stage.slots() == audio);
        let stage = found.unwrap_or_else(|| {
            self.stages.push(Stage::new(audio));
            self.stages.len() - 1
        });
        let audience = &mut self.stages[stage].audience;
        audience.push(who);
        participant.seat = Some((stage, audience.len() - 1));
        for seat in 0..audio {
            self.tune(now, stage, seat, who, None::<&mut fn(&Forwarded<'_>)>);
        }
        self.arrange(now, who);
    }

    /// Lets somebody receive no longer.
    fn dismiss(&mut self, now: u64, who: Key, sink: &mut impl FnMut(&Forwarded<'_>)) {
        let Some(participant) = self.participants.get_mut(who) else {
            return;
        };
        participant.rights.receive = false;
        let Some((stage, place)) = participant.seat.take() else {
            return;
        };
        let slots = participant.slots[..participant.audio].to_vec();
        let audience = &mut self.stages[stage].audience;
        audience.swap_remove(place);
        if let Some(moved) = audience.get(place).copied()
            && let Some(moved) = self.participants.get_mut(moved)
        {
            moved.seat = Some((stage, place));
        }
        for slot in slots {
            self.quiet(slot, sink);
        }
        self.clear_views(now, who);
    }
}
