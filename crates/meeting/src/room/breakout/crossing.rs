//! Who goes where: from the meeting to a breakout room, from one to another, and back.

use sidetone_organisation::Origin;
use sidetone_signaling::protocol::meeting::{
    Capability, CapabilityCause, GoToBreakout, Join, News, ParticipantId, PersonKind, Role,
};
use sidetone_signaling::protocol::{CallId, Millis};
use sidetone_signaling::switchboard::Ask;
use sidetone_signaling::{Identifier, Reason};

use super::{Across, Away, MOST_VISITS, Within};
use crate::fact::Fact;
use crate::minutes::{Minutes, Visit};
use crate::room::participant::{Participant, Place};
use crate::room::{Context, Room};

/// Somebody of a meeting who goes to a breakout room: who they are there is what they are in the meeting.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(in crate::room) id: ParticipantId,
    pub(in crate::room) identity: Identifier,
    pub(in crate::room) display_name: String,
    pub(in crate::room) kind: PersonKind,
    pub(in crate::room) origin: Origin,
    pub(in crate::room) standing: Standing,
    pub(in crate::room) sees_external: bool,
}

/// What somebody is in the meeting, and so in a breakout room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    role: Role,
    /// What was said of them in particular. What is said of all attendees does not hold there: they are there to talk.
    audio_forbidden: Option<bool>,
    video_forbidden: Option<bool>,
}

impl Standing {
    fn of(participant: &Participant) -> Self {
        Self {
            role: participant.role,
            audio_forbidden: participant.audio_forbidden,
            video_forbidden: participant.video_forbidden,
        }
    }
}

impl Visitor {
    pub(super) fn of(participant: &Participant) -> Self {
        Self {
            id: participant.id,
            identity: participant.identity.clone(),
            display_name: participant.display_name.clone(),
            kind: participant.kind,
            origin: participant.origin,
            standing: Standing::of(participant),
            sees_external: participant.sees_external,
        }
    }

    /// That they are there, since when.
    pub(super) fn visit(&self, came_ms: Millis) -> Visit {
        Visit {
            participant: self.id,
            identity: self.identity.clone(),
            display_name: self.display_name.clone(),
            came_ms,
            left_ms: None,
        }
    }

    fn participant(self) -> Participant {
        let mut participant = Participant::new(
            self.id,
            self.identity,
            self.display_name,
            self.kind,
            self.origin,
            self.standing.role,
        );
        participant.audio_forbidden = self.standing.audio_forbidden;
        participant.video_forbidden = self.standing.video_forbidden;
        participant.sees_external = self.sees_external;
        participant
    }
}

/// In the meeting.
impl Room {
    /// Who comes to one of its breakout rooms with this request, where they may.
    pub(crate) fn visitor(&self, ask: &Ask, join: &Join, breakout: CallId) -> Result<Visitor, Reason> {
        let room = self.breakouts.by_call(breakout).ok_or(Reason::NO_SUCH_CALL)?;
        let of_session = self.by_session.get(&ask.session);
        // After a lost session the meeting may not be joined again yet.
        let id = of_session.copied().or(join.rejoin).ok_or(Reason::NOT_INVITED)?;
        let known = self.participants.get(&id);
        let known = known.filter(|known| known.identity == ask.identity && known.is_inside());
        let participant = known.ok_or(Reason::NOT_INVITED)?;
        self.require(id, Capability::JoinBreakouts)?;
        if self.may_visit(participant, room) {
            Ok(Visitor::of(participant))
        } else {
            Err(Reason::NOT_INVITED)
        }
    }

    fn may_visit(&self, participant: &Participant, room: u32) -> bool {
        let assigned = self.breakouts.assigned.get(&participant.identity) == Some(&room);
        assigned
            || self.breakouts.self_select
            || self.manages(participant)
            || participant.away.is_some_and(|away| away.room == room)
    }

    /// Somebody is in one of its breakout rooms.
    pub(crate) fn entered_breakout(&mut self, within: Within, id: ParticipantId, cx: &mut Context<'_>) {
        let room = within.number;
        let known = self.participants.get(&id);
        let Some(participant) = known.filter(|known| self.may_visit(known, room)) else {
            // Much may have happened since they knocked.
            if let Some(call) = self.breakouts.call(room) {
                cx.across
                    .push_back(Across::PutOut(call, id, Reason::BREAKOUT_LEFT));
            }
            return;
        };
        let before = participant.breakout().filter(|before| *before != room);
        let visit = Visitor::of(participant).visit(self.together.since(cx.now));
        if let Ok(one) = self.breakouts.one_mut(room)
            && one.visits.len() < MOST_VISITS
        {
            one.visits.push(visit);
        }
        self.set_away(id, Some(Away { room, present: true }), cx);
        self.lower(id, cx);
        // What they are may have changed while they knocked.
        self.goes_along(id, cx);
        if let Some(call) = before.and_then(|before| self.breakouts.call(before)) {
            cx.across
                .push_back(Across::PutOut(call, id, Reason::BREAKOUT_MOVED));
        }
    }

    /// Somebody is in one of its breakout rooms no longer.
    pub(crate) fn left_breakout(&mut self, within: Within, id: ParticipantId, cx: &mut Context<'_>) {
        let room = within.number;
        let now = self.together.since(cx.now);
        if let Ok(one) = self.breakouts.one_mut(room) {
            one.help.remove(&id);
            let visit = one.visits.iter_mut().rev().find(|visit| visit.participant == id);
            if let Some(visit) = visit {
                visit.left_ms.get_or_insert(now);
            }
        }
        let Some(participant) = self.participants.get_mut(&id) else {
            return self.mark_breakout(room, cx);
        };
        if participant.breakout() != Some(room) {
            // They are in another, or were brought back.
            return self.mark_breakout(room, cx);
        }
        participant.returned = self.breakouts.call(room);
        let kept = self.must_stay(id, room).then_some(Away { room, present: false });
        self.set_away(id, kept, cx);
    }

    /// One of its breakout rooms is over, and everyone has left it: what was done there is kept.
    pub(crate) fn breakout_over(
        &mut self,
        within: Within,
        breakout: CallId,
        minutes: Minutes,
        cx: &mut Context<'_>,
    ) {
        self.breakouts.closing = self.breakouts.closing.saturating_sub(1);
        let mut past = self.breakouts.past.iter_mut().rev();
        if let Some((_, done)) = past.find(|(call, _)| *call == breakout) {
            done.minutes = minutes;
        }
        cx.fact(Fact::BreakoutClosed {
            call: self.call,
            room: within.number,
            breakout,
        });
    }

    /// Whether somebody who is or was in a room does not come back to the meeting now.
    pub(super) fn must_stay(&self, id: ParticipantId, room: u32) -> bool {
        let Some(participant) = self.participants.get(&id) else {
            return false;
        };
        self.breakouts.return_forbidden
            && self.breakouts.call(room).is_some()
            && self.standing(id, Capability::JoinBreakouts).is_capable()
            && !self.manages(participant)
    }

    /// Those who had to stay away and need not any more are back; who may be in no room is brought back.
    pub(in crate::room) fn settle_away(&mut self, cx: &mut Context<'_>) {
        let away = self
            .participants
            .values()
            .filter_map(|one| Some((one.id, one.away?)));
        let away: Vec<(ParticipantId, Away)> = away.collect();
        for (id, away) in away {
            let open = self.breakouts.call(away.room);
            if !away.present {
                let identity = self.participants.get(&id).map(|one| one.identity.clone());
                let theirs = identity.and_then(|identity| self.breakouts.assigned.get(&identity));
                let elsewhere = theirs.is_some_and(|theirs| *theirs != away.room);
                if elsewhere || !self.must_stay(id, away.room) {
                    self.set_away(id, None, cx);
                }
            } else if let Some(call) = open
                && !self.standing(id, Capability::JoinBreakouts).is_capable()
            {
                self.set_away(id, None, cx);
                cx.across
                    .push_back(Across::PutOut(call, id, Reason::BREAKOUT_LEFT));
            }
        }
    }

    /// Somebody is elsewhere, or here again: what passes here follows.
    pub(super) fn set_away(&mut self, id: ParticipantId, away: Option<Away>, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut participant.away, away);
        if before == away {
            return;
        }
        for room in [before, away].into_iter().flatten() {
            self.mark_breakout(room.room, cx);
        }
        self.refresh_rights(id, CapabilityCause::MeetingChanged, cx);
        self.touch(id, cx);
    }

    /// Somebody's client is told to go to their room, where that is open and they are not there. Unless `now`, only where
    /// they need not do it by their own hand, and have not come back from it.
    pub(in crate::room) fn send_over(&self, id: ParticipantId, now: bool, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        let kept = participant
            .away
            .filter(|away| !away.present)
            .map(|away| away.room);
        let theirs = self.breakouts.assigned.get(&participant.identity).copied();
        let Some(room) = theirs.or(kept) else { return };
        let Some((one, call)) = self
            .breakouts
            .one(room)
            .ok()
            .and_then(|one| Some((one, one.call?)))
        else {
            return;
        };
        let by_hand = one.by_hand || participant.returned == Some(call);
        let goes = participant.is_inside()
            && participant.breakout() != Some(room)
            && (now || kept.is_some() || !by_hand)
            && self.standing(id, Capability::JoinBreakouts).is_capable();
        if let Some(session) = participant.welcomed_session().filter(|_| goes) {
            cx.tell_one(
                session,
                self.engagement(News::GoToBreakout(GoToBreakout { id: room, call })),
            );
        }
    }

    /// Somebody goes from the meeting, and from the breakout room where they are.
    pub(in crate::room) fn leave_with(&mut self, gone: &Participant, reason: &Reason, cx: &mut Context<'_>) {
        let Some(away) = gone.away else { return };
        self.mark_breakout(away.room, cx);
        if let Some(call) = self.breakouts.call(away.room).filter(|_| away.present) {
            cx.across.push_back(Across::PutOut(call, gone.id, reason.clone()));
        }
    }

    /// Somebody is something else, and so in the breakout room where they are.
    pub(in crate::room) fn goes_along(&self, id: ParticipantId, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(&id) else {
            return;
        };
        if let Some(call) = participant.breakout().and_then(|room| self.breakouts.call(room)) {
            cx.across
                .push_back(Across::Standing(call, id, Standing::of(participant)));
        }
    }
}

/// In the breakout room.
impl Room {
    /// Somebody comes over from the meeting, or back after they were lost.
    pub(crate) fn come_over(
        &mut self,
        ask: &Ask,
        join: Join,
        visitor: Visitor,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        let id = visitor.id;
        match self.participants.get(&id) {
            Some(known) if known.asking.is_some() => return Err(Reason::ALREADY_JOINED),
            Some(_) => {}
            None => {
                self.numbered = self.numbered.max(id.0);
                self.participants.insert(id, visitor.participant());
            }
        }
        self.ask_for_media(id, ask, join, cx);
        Ok(())
    }

    /// Those who were in it when the service was cut off are, and nobody is there yet.
    pub(crate) fn recall_visitors(&mut self, visitors: Vec<Visitor>, cx: &mut Context<'_>) {
        for visitor in visitors {
            let id = visitor.id;
            let mut participant = visitor.participant();
            participant.place = Place::Inside;
            participant.muted = true;
            participant.recalled = true;
            participant.joined = Some(cx.now);
            self.stays.push(participant.new_stay());
            self.participants.insert(id, participant);
            self.refresh_rights(id, CapabilityCause::Admitted, cx);
            self.watch(id, cx);
            self.touch(id, cx);
        }
    }

    /// Somebody is in it: the meeting is told.
    pub(in crate::room) fn tell_entered(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if let Some(within) = self.within {
            // Whoever comes again has the number that they had: nobody need be told that they left meanwhile.
            self.board.gone.remove(&id);
            cx.across.push_back(Across::Entered(within, id));
        }
    }

    /// Somebody who was in it is so no longer.
    pub(in crate::room) fn tell_left(&self, id: ParticipantId, cx: &mut Context<'_>) {
        if let Some(within) = self.within {
            cx.across.push_back(Across::Left(within, id));
        }
    }

    /// Somebody is put out of it.
    pub(crate) fn put_back(&mut self, id: ParticipantId, reason: &Reason, cx: &mut Context<'_>) {
        self.put_out(id, reason, cx);
    }

    /// Somebody is something else in the meeting.
    pub(crate) fn standing_changed(&mut self, id: ParticipantId, standing: Standing, cx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(&id) else {
            return;
        };
        let before = Standing::of(participant);
        if before == standing {
            return;
        }
        participant.role = standing.role;
        participant.audio_forbidden = standing.audio_forbidden;
        participant.video_forbidden = standing.video_forbidden;
        let cause = if before.role == standing.role {
            CapabilityCause::MediaAccessChanged
        } else {
            CapabilityCause::RoleChanged
        };
        self.refresh_rights(id, cause, cx);
        self.touch(id, cx);
    }
}

/// A fact of a breakout room, as it is told: attendance is the meeting's, and so is nobody counted twice.
pub(in crate::room) fn fact_within(within: Within, fact: Fact) -> Option<Fact> {
    let (call, room) = (within.main, within.number);
    Some(match fact {
        Fact::Joined { call: breakout, who } => Fact::BreakoutJoined {
            call,
            room,
            breakout,
            who,
        },
        Fact::Left {
            call: breakout,
            who,
            reason,
        } => Fact::BreakoutLeft {
            call,
            room,
            breakout,
            who,
            reason,
        },
        Fact::Noticed {
            who,
            id,
            kind,
            state,
            consent,
            ..
        } => Fact::Noticed {
            call,
            who,
            id,
            kind,
            state,
            consent,
        },
        Fact::Consented { who, given, .. } => Fact::Consented { call, who, given },
        _ => return None,
    })
}
