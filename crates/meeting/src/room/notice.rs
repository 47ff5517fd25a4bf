//! Notices: what everyone in a call must know at once, that it is recorded or transcribed, and who has agreed to that
//! (spec R55 to R58, R78).

use std::collections::BTreeSet;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Capability, CapabilityCause, ParticipantId};
use sidetone_signaling::protocol::{
    Consent, Event, Notice, NoticeKind, NoticeSet, NoticeState, Notices, SetNotice,
};

use super::participant::Participant;
use super::{Context, Room};
use crate::fact::Fact;
use crate::memory::KeptNotice;

/// Most who have not agreed that are named to whoever records.
const NAMED: usize = 100;

/// What is recorded or transcribed, by whom, and who has agreed.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) list: Vec<KeptNotice>,
    pub(super) agreed: BTreeSet<ParticipantId>,
}

impl Kept {
    /// Whether somebody must agree before they may speak, and has not. Who records has agreed to what they do.
    pub(super) fn needs(&self, id: ParticipantId) -> bool {
        !self.agreed.contains(&id) && self.list.iter().any(|one| one.consent && one.by != id)
    }

    /// Whether what is said is written down now.
    pub(super) fn transcribes(&self) -> bool {
        let writes = |one: &KeptNotice| one.notice.kind == NoticeKind::Transcription && !one.notice.paused;
        self.list.iter().any(writes)
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Room {
    /// Somebody records or transcribes, interrupts that, or no longer does.
    pub(crate) fn set_notice(
        &mut self,
        id: ParticipantId,
        set: &SetNotice,
        cx: &mut Context<'_>,
    ) -> Result<NoticeSet, Reason> {
        // Whoever stops needs nobody's leave.
        if set.state != NoticeState::Inactive {
            self.require(
                id,
                match set.kind {
                    NoticeKind::Recording => Capability::Record,
                    NoticeKind::Transcription => Capability::Transcribe,
                },
            )?;
        }
        let participant = self.participants.get(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let (who, display_name) = (participant.who(), participant.display_name.clone());
        let fresh = cx.draw_uuid();
        let consent = set.consent || self.hall.consent;
        let list = &mut self.notices.list;
        let known = list
            .iter()
            .position(|one| one.by == id && one.notice.kind == set.kind);
        let (notice, consent) = match (known, set.state) {
            (None, NoticeState::Inactive) => return Ok(NoticeSet { id: fresh, consent }),
            (Some(place), NoticeState::Inactive) => {
                let gone = list.remove(place);
                (gone.notice.id, gone.consent)
            }
            (Some(place), state) => {
                let one = &mut list[place];
                one.consent |= consent;
                let paused = state == NoticeState::Paused;
                let (id, consent) = (one.notice.id, one.consent);
                if std::mem::replace(&mut one.notice.paused, paused) == paused {
                    return Ok(NoticeSet { id, consent });
                }
                (id, consent)
            }
            (None, state) => {
                list.push(KeptNotice {
                    notice: Notice {
                        id: fresh,
                        kind: set.kind,
                        by: who.identity.clone(),
                        display_name,
                        paused: state == NoticeState::Paused,
                    },
                    by: id,
                    consent,
                });
                (fresh, consent)
            }
        };
        cx.fact(Fact::Noticed {
            call: self.call,
            who,
            id: notice,
            kind: set.kind,
            state: set.state,
            consent,
        });
        self.notices_changed(cx);
        Ok(NoticeSet { id: notice, consent })
    }

    /// Somebody agrees to being recorded and transcribed, or no longer does.
    pub(crate) fn consent(
        &mut self,
        id: ParticipantId,
        consent: &Consent,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let agreed = &mut self.notices.agreed;
        let changed = if consent.given {
            agreed.insert(id)
        } else {
            agreed.remove(&id)
        };
        if changed && let Some(participant) = self.participants.get(&id) {
            cx.fact(Fact::Consented {
                call: self.call,
                who: participant.who(),
                given: consent.given,
            });
            self.notice_changed(id, cx);
            // Everyone else knows as much as before.
            let recorders: BTreeSet<ParticipantId> = self.notices.list.iter().map(|one| one.by).collect();
            for told in recorders.into_iter().filter(|recorder| *recorder != id) {
                self.show_notices(told, cx);
            }
        }
        Ok(())
    }

    /// Whoever goes records no longer.
    pub(super) fn drop_notices(&mut self, participant: &Participant, cx: &mut Context<'_>) {
        self.notices.agreed.remove(&participant.id);
        let (gone, kept) = std::mem::take(&mut self.notices.list)
            .into_iter()
            .partition(|one| one.by == participant.id);
        self.notices.list = kept;
        let gone: Vec<KeptNotice> = gone;
        for one in &gone {
            cx.fact(Fact::Noticed {
                call: self.call,
                who: participant.who(),
                id: one.notice.id,
                kind: one.notice.kind,
                state: NoticeState::Inactive,
                consent: one.consent,
            });
        }
        if !gone.is_empty() {
            self.notices_changed(cx);
        }
    }

    fn notices_changed(&mut self, cx: &mut Context<'_>) {
        let ids: Vec<ParticipantId> = self.participants.keys().copied().collect();
        for id in ids {
            self.notice_changed(id, cx);
        }
        self.captions_changed(cx);
    }

    /// Who must agree hears of that before they lose a right for it, so that they know why; who has agreed may send before
    /// they hear that they need not wait.
    fn notice_changed(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let needs = self.notices.needs(id);
        if needs {
            self.show_notices(id, cx);
        }
        self.refresh_rights(id, CapabilityCause::MeetingChanged, cx);
        if !needs {
            self.show_notices(id, cx);
        }
    }

    /// Shows somebody every notice as it is now, where there is any.
    pub(super) fn welcome_notices(&self, id: ParticipantId, again: bool, cx: &mut Context<'_>) {
        if again || !self.notices.is_empty() {
            self.show_notices(id, cx);
        }
    }

    fn show_notices(&self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(session) = self.participants.get(&id).and_then(Participant::welcomed_session) else {
            return;
        };
        let records = self.notices.list.iter().any(|one| one.by == id);
        let missing = self
            .participants
            .values()
            .filter(|participant| records && participant.is_inside() && self.notices.needs(participant.id))
            .map(|participant| participant.identity.clone());
        let notices = Notices {
            call: self.call,
            notices: self.notices.list.iter().map(|one| one.notice.clone()).collect(),
            consent_needed: self.notices.needs(id),
            consent_missing: missing.take(NAMED).collect(),
        };
        cx.tell_one(session, Event::Notices(notices));
    }
}
