//! The thread of a meeting. Who takes part follows the meeting, which decides for itself whom it lets in: here no gate is
//! asked. What external users have of it afterwards is the organisation's policy (L34).

use sidetone_organisation::OrganisationId;
use sidetone_signaling::protocol::chat::{ThreadId, ThreadKind};
use sidetone_signaling::{Identifier, Reason};
use std::collections::BTreeMap;

use crate::content::topic;
use crate::{
    Body, Context, Home, Invited, Item, Message, News, Outcome, Participant, Plan, Refused, Region, Thread,
    ThreadRecord,
};

/// The thread of a new meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMeetingThread {
    /// Its id, drawn by who asks.
    pub id: ThreadId,
    /// Whether the meeting is a channel's.
    pub channel: bool,
    /// What the meeting is about.
    pub topic: String,
    /// Whose meeting it is.
    pub organisation: OrganisationId,
    /// Who organises it. Takes part from the beginning.
    pub organiser: Identifier,
}

impl Thread {
    /// Begins the thread of a meeting.
    ///
    /// # Errors
    /// A topic that cannot be taken.
    pub fn begin_meeting(context: Context<'_>, new: NewMeetingThread) -> Result<Outcome<ThreadId>, Refused> {
        let record = ThreadRecord {
            id: new.id,
            kind: if new.channel {
                ThreadKind::Channel
            } else {
                ThreadKind::Meeting
            },
            topic: topic(&new.topic)?,
            created_by: new.organiser.clone(),
            created: context.now,
            home: Home {
                region: Region::of_organisation(context.world, &new.organisation),
                organisation: Some(new.organisation),
            },
            metadata: BTreeMap::new(),
            retention_days: None,
            hold: false,
            purged_through: 0,
            ended: None,
            deleted: None,
            token: None,
            version: 1,
        };
        let empty = Self::new(record.clone());
        let organiser = Invited {
            identity: new.organiser,
            name: None,
        };
        let organiser = empty.come_in(organiser, 1, context.now, 1);
        Ok(Outcome {
            value: new.id,
            plan: Plan {
                before: vec![Item::Participant(organiser)],
                commit: vec![Item::Thread(record)],
                news: vec![News::Created],
                ..Plan::default()
            },
        })
    }

    /// Somebody came into the meeting, or came back. They see what is said from their first coming on; members see all of
    /// it.
    ///
    /// # Errors
    /// No thread of a meeting; as many participants as there may be.
    pub fn joined(
        &mut self,
        context: Context<'_>,
        who: Identifier,
        name: Option<String>,
    ) -> Result<Outcome<()>, Refused> {
        self.is_of_meeting()?;
        let version = self.next_version();
        let known = self.people.get(&who);
        if let Some(known) = known.filter(|known| known.is_current()) {
            let again = Participant {
                left: None,
                name: name.or_else(|| known.name.clone()),
                ..known.clone()
            };
            if again == *known {
                return Ok(Outcome::known(()));
            }
            let again = Participant { version, ..again };
            return Ok(Outcome::change(
                Item::Participant(again),
                News::Updated {
                    by: who,
                    at: context.now,
                },
            ));
        }
        if self.current().count() >= context.limits.participants {
            return Err(Reason::THREAD_FULL.into());
        }
        let id = self.next_message();
        let from = if crate::context::is_external(&who) { id } else { 1 };
        let invited = Invited {
            identity: who.clone(),
            name,
        };
        let participant = self.come_in(invited, from, context.now, version);
        let body = Body::ParticipantAdded {
            participants: vec![who.clone()],
        };
        let message = Message::system(id, version, who.clone(), body, self.stamp(context.now));
        Ok(Outcome {
            value: (),
            plan: Plan {
                before: vec![Item::Participant(participant)],
                commit: vec![Item::Message(message.clone())],
                news: vec![
                    News::Added {
                        by: who.clone(),
                        who: vec![who],
                        at: context.now,
                    },
                    News::Sent(message),
                ],
                ..Plan::default()
            },
        })
    }

    /// Somebody left the meeting, or was removed from it. Members go on taking part in its chat.
    ///
    /// # Errors
    /// No thread of a meeting; nobody who takes part.
    pub fn left(&mut self, context: Context<'_>, who: &Identifier) -> Result<Outcome<()>, Refused> {
        self.is_of_meeting()?;
        let known = self.people.get(who).ok_or(Reason::NO_SUCH_THREAD_PARTICIPANT)?;
        if known.left.is_some() {
            return Ok(Outcome::known(()));
        }
        let gone = Participant {
            left: Some(context.now),
            version: self.next_version(),
            ..known.clone()
        };
        Ok(Outcome {
            value: (),
            plan: Plan {
                commit: vec![Item::Participant(gone)],
                ..Plan::default()
            },
        })
    }

    /// The meeting is over, or begins again.
    ///
    /// # Errors
    /// No thread of a meeting.
    pub fn meeting_over(&mut self, context: Context<'_>, over: bool) -> Result<Outcome<()>, Refused> {
        self.is_of_meeting()?;
        if self.record.ended.is_some() == over {
            return Ok(Outcome::known(()));
        }
        let record = ThreadRecord {
            ended: over.then_some(context.now),
            version: self.next_version(),
            ..self.record.clone()
        };
        Ok(Outcome::change(
            Item::Thread(record),
            News::Updated {
                by: self.record.created_by.clone(),
                at: context.now,
            },
        ))
    }

    fn is_of_meeting(&self) -> Result<(), Refused> {
        if self.is_ad_hoc() {
            Err(Reason::NO_SUCH_THREAD.into())
        } else {
            Ok(())
        }
    }
}
