//! Notices of a call: who records or transcribes it, and who has agreed to that.

use std::collections::BTreeSet;

use super::call::{Call, Phase, Side};
use super::{Consented, Record, Switchboard};
use crate::end_reason::Reason;
use crate::identifier::Identifier;
use crate::protocol::{self, CallId, Consent, Event, Notice, NoticeSet, NoticeState, SessionId, SetNotice};

/// What is recorded or transcribed of a call, by whom, and who has agreed.
#[derive(Debug, Default)]
pub(super) struct Notices {
    list: Vec<Kept>,
    /// Who has agreed.
    agreed: BTreeSet<Side>,
}

#[derive(Debug)]
struct Kept {
    notice: Notice,
    by: Side,
    consent: bool,
}

impl Notices {
    /// What is told of the notices of a call that ends.
    pub(super) fn closing<'a>(
        &'a self,
        call: CallId,
        caller: (&'a Identifier, SessionId),
        callee: (&'a Identifier, SessionId),
    ) -> impl Iterator<Item = Record> + 'a {
        self.list.iter().map(move |kept| {
            let (by, session) = match kept.by {
                Side::Caller => caller,
                Side::Callee => callee,
            };
            Record::NoticeChanged {
                call,
                id: kept.notice.id,
                kind: kept.notice.kind,
                state: NoticeState::Inactive,
                by: by.clone(),
                session,
                consent: kept.consent,
            }
        })
    }

    /// Whether someone must agree and has not. Who records has agreed to that, and not to what the other does.
    fn needs(&self, side: Side) -> bool {
        !self.agreed.contains(&side) && self.list.iter().any(|kept| kept.consent && kept.by != side)
    }
}

impl Switchboard {
    pub(super) fn set_notice(&mut self, session: SessionId, set: SetNotice) -> Result<NoticeSet, Reason> {
        let id = set.call;
        let call = self.calls.get(&id).ok_or(Reason::NO_SUCH_CALL)?;
        let (side, _) = call.side_of(session).ok_or(Reason::WRONG_STATE)?;
        let (by, _) = call.end(side).ok_or(Reason::WRONG_STATE)?;
        let (other, _) = call.end(side.other()).ok_or(Reason::WRONG_STATE)?;
        let by = by.clone();
        // Whoever stops needs nobody's leave.
        let asked = match set.state {
            NoticeState::Inactive => Consented::Assumed,
            _ => self.policy.notice(set.kind, &by, other)?,
        };
        let display_name = self
            .sessions
            .get(&session)
            .map(|known| self.policy.display_name(&by, &known.display_name))
            .unwrap_or_default();
        let fresh = self.draw_uuid();
        let Some(answered) = self.calls.get_mut(&id).and_then(Call::answered) else {
            return Err(Reason::WRONG_STATE);
        };
        let list = &mut answered.notices.list;
        let known = list
            .iter()
            .position(|kept| kept.by == side && kept.notice.kind == set.kind);
        let consent = set.consent || asked == Consented::Asked;
        let (notice, consent) = match (known, set.state) {
            (None, NoticeState::Inactive) => return Ok(NoticeSet { id: fresh, consent }),
            (Some(place), NoticeState::Inactive) => {
                let gone = list.remove(place);
                (gone.notice, gone.consent)
            }
            (Some(place), state) => {
                let kept = &mut list[place];
                kept.consent |= consent;
                let paused = state == NoticeState::Paused;
                if std::mem::replace(&mut kept.notice.paused, paused) == paused {
                    return Ok(NoticeSet {
                        id: kept.notice.id,
                        consent: kept.consent,
                    });
                }
                (kept.notice.clone(), kept.consent)
            }
            (None, state) => {
                let notice = Notice {
                    id: fresh,
                    kind: set.kind,
                    by: by.clone(),
                    display_name,
                    paused: state == NoticeState::Paused,
                };
                list.push(Kept {
                    notice: notice.clone(),
                    by: side,
                    consent,
                });
                (notice, consent)
            }
        };
        self.record(Record::NoticeChanged {
            call: id,
            id: notice.id,
            kind: set.kind,
            state: set.state,
            by,
            session,
            consent,
        });
        self.tell_notices(id);
        Ok(NoticeSet {
            id: notice.id,
            consent,
        })
    }

    pub(super) fn consent(&mut self, session: SessionId, consent: Consent) -> Result<(), Reason> {
        let call = self.calls.get_mut(&consent.call).ok_or(Reason::NO_SUCH_CALL)?;
        let (side, _) = call.side_of(session).ok_or(Reason::WRONG_STATE)?;
        let identity = call.end(side).map(|(identity, _)| identity.clone());
        let answered = call.answered().ok_or(Reason::WRONG_STATE)?;
        let agreed = &mut answered.notices.agreed;
        let changed = if consent.given {
            agreed.insert(side)
        } else {
            agreed.remove(&side)
        };
        if changed && let Some(identity) = identity {
            self.record(Record::ConsentChanged {
                call: consent.call,
                identity,
                session,
                given: consent.given,
            });
            self.tell_notices(consent.call);
        }
        Ok(())
    }

    /// Tells both ends every notice as it is now.
    fn tell_notices(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let told = [Side::Caller, Side::Callee].map(|side| call.notices(id, side));
        for (session, notices) in told.into_iter().flatten() {
            self.emit(session, &Event::Notices(notices));
        }
    }
}

impl Call {
    /// What one end is told of the notices.
    fn notices(&self, id: CallId, side: Side) -> Option<(SessionId, protocol::Notices)> {
        let Phase::Answered(answered) = &self.phase else {
            return None;
        };
        let missing = [Side::Caller, Side::Callee].into_iter();
        let missing = missing.filter(|side| answered.notices.needs(*side));
        let consent_missing: Vec<Identifier> = missing
            .filter_map(|side| self.end(side))
            .map(|(identity, _)| identity.clone())
            .collect();
        let notices = protocol::Notices {
            call: id,
            notices: answered
                .notices
                .list
                .iter()
                .map(|kept| kept.notice.clone())
                .collect(),
            consent_needed: answered.notices.needs(side),
            consent_missing,
        };
        Some((self.end(side)?.1, notices))
    }
}
