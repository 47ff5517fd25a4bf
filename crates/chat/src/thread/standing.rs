//! What somebody may do in a thread as it is now: whether they take part, whether the gates between them and the others
//! are open, and which limits an organisation chose.

use sidetone_ledger::Timestamp;
use sidetone_organisation::{AccessAfterMeeting, Setting, Switches, World};
use sidetone_signaling::protocol::chat::ThreadKind;
use sidetone_signaling::{Identifier, Reason};
use std::time::Duration;

use crate::context::{is_external, same_tenant};
use crate::{Actor, Context, Participant, Refused, Rights, Thread};

impl Thread {
    /// Whether somebody may read here, if only what they saw before they left.
    ///
    /// # Errors
    /// Why not. To strangers, and to who is to see nothing of it, there is no such thread.
    pub fn reads(&self, context: Context<'_>, actor: &Actor) -> Result<&Participant, Refused> {
        actor.wants(Rights::Limited)?;
        member_chat(context.world, actor)?;
        let participant = self
            .people
            .get(&actor.identity)
            .filter(|participant| !participant.spans.is_empty() && self.record.deleted.is_none())
            .ok_or(Reason::NO_SUCH_THREAD)?;
        self.open_to(context.world, participant, context.now)?;
        Ok(participant)
    }

    /// Whether somebody may write here.
    pub(crate) fn writes(&self, context: Context<'_>, actor: &Actor) -> Result<&Participant, Refused> {
        let participant = self.reads(context, actor)?;
        if !participant.is_current() {
            return Err(Reason::NOT_IN_THREAD.into());
        }
        Ok(participant)
    }

    /// Those who are told what happens now.
    pub(crate) fn audience(&self, context: Context<'_>) -> impl Iterator<Item = &Participant> {
        // Among colleagues there is no gate: a thread of a thousand of them must not be asked a million questions.
        let first = self.current().next().map(|one| &one.identity);
        let colleagues = self.is_ad_hoc()
            && first.is_some_and(|first| self.current().all(|one| same_tenant(first, &one.identity)));
        self.current().filter(move |participant| {
            self.record.deleted.is_none()
                && (colleagues || self.open_to(context.world, participant, context.now).is_ok())
        })
    }

    /// Whether a thread is open to one of its people: what their meeting, their organisations and the gates say now.
    fn open_to(&self, world: &World, participant: &Participant, now: Timestamp) -> Result<(), Refused> {
        if self.is_ad_hoc() {
            return self.gates(world, &participant.identity);
        }
        if !is_external(&participant.identity) {
            return Ok(());
        }
        let home = self.home_organisation(world);
        if self.record.kind == ThreadKind::Channel
            && home.is_some_and(|home| !home.switches.channel_chat.is_open())
        {
            return Err(Reason::CHANNEL_CHAT_DISABLED.into());
        }
        let gone = match (participant.left, self.record.ended) {
            (Some(left), Some(ended)) => left.min(ended),
            (Some(gone), None) | (None, Some(gone)) => gone,
            (None, None) => return Ok(()),
        };
        let open = match home
            .map(|home| home.chat.access_after_meeting)
            .unwrap_or_default()
        {
            AccessAfterMeeting::Persistent => true,
            AccessAfterMeeting::Hours(hours) => {
                now < gone.after(Duration::from_secs(u64::from(hours) * 3600))
            }
            AccessAfterMeeting::None => false,
        };
        if open {
            Ok(())
        } else {
            Err(Reason::MEETING_CHAT_CLOSED.into())
        }
    }

    /// Whether somebody may still deal with any of those who are of another tenant. Whoever may with none of them is
    /// kept out, and told the first gate: access that was closed is closed.
    fn gates(&self, world: &World, identity: &Identifier) -> Result<(), Refused> {
        let others = self
            .current()
            .filter(|other| other.identity != *identity && !same_tenant(identity, &other.identity));
        let mut first = None;
        for other in others {
            match world.may_meet_in_chat(identity, &other.identity) {
                Ok(_) => return Ok(()),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        first.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Whether people of an organisation and from outside meet here.
    pub(crate) fn crosses(&self) -> bool {
        let mut sides = self
            .current()
            .map(|participant| is_external(&participant.identity));
        let Some(first) = sides.next() else { return false };
        sides.any(|side| side != first)
    }

    /// Whether one of the organisations that have a say limits something.
    fn limits(&self, world: &World, switch: impl Fn(&Switches) -> Setting) -> bool {
        self.organisations()
            .filter_map(|id| world.organisation(&id))
            .any(|organisation| !switch(&organisation.switches).is_open())
    }

    fn home_organisation<'w>(&self, world: &'w World) -> Option<&'w sidetone_organisation::Organisation> {
        world.organisation(self.record.home.organisation.as_ref()?)
    }

    /// L10, L27: files of external users.
    pub(crate) fn files_allowed(&self, world: &World, actor: &Actor) -> Result<(), Refused> {
        if !actor.is_external() {
            return Ok(());
        }
        if self.is_ad_hoc() {
            if self.limits(world, |switches| switches.chat_attachments) {
                return Err(Reason::CHAT_ATTACHMENTS_DISABLED.into());
            }
        } else if self.limits(world, |switches| switches.meeting_chat_features) {
            return Err(Reason::MEETING_CHAT_FEATURES_DISABLED.into());
        }
        Ok(())
    }

    /// L16b, L27: replies and reactions of external users.
    pub(crate) fn replies_allowed(&self, world: &World, actor: &Actor) -> Result<(), Refused> {
        if actor.is_external()
            && !self.is_ad_hoc()
            && self.limits(world, |switches| switches.meeting_chat_features)
        {
            return Err(Reason::MEETING_CHAT_FEATURES_DISABLED.into());
        }
        self.features_allowed(world, actor)
    }

    /// L16b: mentions, pins, priority and cards of external users.
    pub(crate) fn features_allowed(&self, world: &World, actor: &Actor) -> Result<(), Refused> {
        if actor.is_external() && self.limits(world, |switches| switches.chat_features) {
            return Err(Reason::CHAT_FEATURES_DISABLED.into());
        }
        Ok(())
    }

    /// L16b: whether the addresses in what is said here are previewed.
    pub(crate) fn previews_allowed(&self, world: &World) -> bool {
        !(self.crosses() && self.limits(world, |switches| switches.link_previews))
    }

    /// L16b: messages in another language, for external users.
    pub(crate) fn translation_allowed(&self, world: &World, actor: &Actor) -> Result<(), Refused> {
        if actor.is_external() && self.limits(world, |switches| switches.chat_translation) {
            // The reason is that of another switch too.
            return Err(Refused {
                detail: Some("chatTranslation"),
                ..Reason::CHAT_FEATURES_DISABLED.into()
            });
        }
        Ok(())
    }

    /// L16: edits of members.
    pub(crate) fn edits_allowed(&self, world: &World, actor: &Actor) -> Result<(), Refused> {
        if actor.is_member() && self.crosses() && self.limits(world, |switches| switches.member_edits) {
            return Err(Reason::MEMBER_EDITS_DISABLED.into());
        }
        Ok(())
    }

    /// L14: whether somebody has read receipts here.
    pub(crate) fn has_receipts(&self, world: &World, identity: &Identifier) -> bool {
        is_external(identity) || !self.crosses() || !self.limits(world, |switches| switches.read_receipts)
    }

    /// L13: whether a member who types is not named to who looks from outside.
    pub(crate) fn types_unnamed(&self, world: &World, typist: &Identifier, viewer: &Identifier) -> bool {
        !is_external(typist) && is_external(viewer) && self.limits(world, |switches| switches.typing_names)
    }

    /// Whether `from` may call `to` out of this thread: both take part, and the thread can become a call (L15). Whether
    /// the call itself may be placed is asked elsewhere.
    ///
    /// # Errors
    /// Why not.
    pub fn may_call(&self, context: Context<'_>, from: &Identifier, to: &Identifier) -> Result<(), Refused> {
        self.may_become_call(context, from)?;
        if !self.people.get(to).is_some_and(Participant::is_current) {
            return Err(Reason::NO_SUCH_THREAD_PARTICIPANT.into());
        }
        Ok(())
    }

    /// The others, whom `from` calls together out of this thread (L15). Whether each of them may be called is asked
    /// elsewhere.
    ///
    /// # Errors
    /// Why not. The call of a meeting's thread is its meeting.
    pub fn company(&self, context: Context<'_>, from: &Identifier) -> Result<Vec<Identifier>, Refused> {
        self.may_become_call(context, from)?;
        if !self.is_ad_hoc() {
            return Err(Reason::FOLLOWS_MEETING.into());
        }
        let others = self.current().map(|participant| &participant.identity);
        Ok(others.filter(|identity| *identity != from).cloned().collect())
    }

    /// L15: whether somebody may make a call of the thread.
    fn may_become_call(&self, context: Context<'_>, from: &Identifier) -> Result<(), Refused> {
        let actor = Actor::new(from.clone());
        self.writes(context, &actor)?;
        if actor.is_member() && self.crosses() && self.limits(context.world, |switches| switches.chat_calls) {
            return Err(Reason::CHAT_CALLS_DISABLED.into());
        }
        Ok(())
    }

    /// Whether somebody takes part now.
    pub fn has(&self, identity: &Identifier) -> bool {
        self.people.get(identity).is_some_and(Participant::is_current)
    }
}

/// L42: members who chat through a resource's application.
pub(crate) fn member_chat(world: &World, actor: &Actor) -> Result<(), Refused> {
    let Identifier::Member { organisation, .. } = &actor.identity else {
        return Ok(());
    };
    let limited = world
        .organisation(&organisation.clone().into())
        .is_some_and(|organisation| !organisation.switches.member_chat.is_open());
    if limited && actor.through.is_some() {
        return Err(Reason::MEMBER_CHAT_DISABLED.into());
    }
    Ok(())
}
