//! What meetings ask of chat: a thread of their own, and who is in it.

use std::sync::Arc;

use sidetone_chat::{NewMeetingThread, Refused, Thread};
use sidetone_organisation::OrganisationId;
use sidetone_signaling::protocol::chat::ThreadId;
use sidetone_signaling::{Identifier, Reason};
use uuid::Uuid;

use super::threads::Entry;
use super::{Chats, problem};
use crate::api::caller::Actor;
use crate::api::problem::Problem;

impl Chats {
    /// Opens the thread of a meeting. Kept with the meeting, the id opens it again; opening one that is open changes
    /// nothing.
    ///
    /// # Errors
    /// A topic that cannot be taken; the store.
    pub(crate) async fn open_for_meeting(
        self: &Arc<Self>,
        thread: ThreadId,
        organisation: OrganisationId,
        organiser: Identifier,
        topic: &str,
        channel: bool,
    ) -> Result<ThreadId, Problem> {
        let _beginning = self.beginning.lock().await;
        if self.threads.find(thread).is_some() {
            return Ok(thread);
        }
        let new = NewMeetingThread {
            id: thread,
            channel,
            topic: topic.to_owned(),
            organisation,
            organiser,
        };
        self.begin(&Actor::Service, |context| Thread::begin_meeting(context, new))
            .await
    }

    /// Somebody is in the meeting: at once, from the lobby, or again.
    ///
    /// # Errors
    /// No such thread; as many participants as there may be; the store.
    pub(crate) async fn participant_joined(
        self: &Arc<Self>,
        thread: ThreadId,
        who: Identifier,
        name: Option<String>,
    ) -> Result<(), Problem> {
        self.change(&Actor::Service, thread, |thread, context| {
            thread.joined(context, who, name)
        })
        .await
    }

    /// Somebody left the meeting, or was removed from it.
    ///
    /// # Errors
    /// No such thread or participant; the store.
    pub(crate) async fn participant_left(
        self: &Arc<Self>,
        thread: ThreadId,
        who: &Identifier,
    ) -> Result<(), Problem> {
        self.change(&Actor::Service, thread, |thread, context| {
            thread.left(context, who)
        })
        .await
    }

    /// The meeting is over, or begins (again).
    ///
    /// # Errors
    /// No such thread; the store.
    pub(crate) async fn meeting_over(self: &Arc<Self>, thread: ThreadId, over: bool) -> Result<(), Problem> {
        self.change(&Actor::Service, thread, |thread, context| {
            thread.meeting_over(context, over)
        })
        .await
    }
}

impl Chats {
    /// Begins a thread, and carries out what that asks for.
    pub(super) async fn begin(
        self: &Arc<Self>,
        by: &Actor,
        wish: impl FnOnce(sidetone_chat::Context<'_>) -> Result<sidetone_chat::Outcome<ThreadId>, Refused>,
    ) -> Result<ThreadId, Problem> {
        let outcome = {
            let world = self.registry.world();
            wish(self.context(&world, &|_| true)).map_err(problem)?
        };
        let thread = Thread::begun(&outcome.plan).ok_or_else(|| problem(Reason::NO_SUCH_THREAD.into()))?;
        let entry = Entry::new(thread, true);
        let changing = entry.changing.clone().lock_owned().await;
        // In the list once it is written.
        self.done(by, &entry, outcome.plan, changing).await?;
        self.threads.insert(&entry);
        Ok(outcome.value)
    }
}

/// A new thread's id.
pub(super) fn new_id() -> ThreadId {
    ThreadId(Uuid::new_v4())
}

#[cfg(test)]
mod tests {
    use sidetone_organisation::{
        AccessAfterMeeting, Approval, ChatPolicy, Member, Organisation, OrganisationKind, Resource,
    };
    use sidetone_signaling::identifier::Label;

    use super::*;
    use crate::api::precondition::Precondition;
    use crate::{Server, ServerConfig, ServerHandle};

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    fn bob() -> Identifier {
        "member:acme:bob".parse().unwrap()
    }

    fn eve() -> Identifier {
        "external:shop:eve".parse().unwrap()
    }

    /// A server with acme in the EU and the shop in the US.
    async fn server(policy: AccessAfterMeeting) -> ServerHandle {
        let server = Server::start(ServerConfig::default()).await.unwrap();
        let registry = &server.chats.registry;
        let always = Precondition::default();
        let acme: OrganisationId = "acme".parse().unwrap();
        let organisation = Organisation {
            id: acme.clone(),
            name: "Acme".into(),
            kind: OrganisationKind::Work,
            cloud: label("public"),
            approval: Approval::Approved,
            switches: Default::default(),
            recording_consent: Default::default(),
            meetings: Default::default(),
            region: Some(label("eu")),
            chat: ChatPolicy {
                access_after_meeting: policy,
                ..ChatPolicy::default()
            },
        };
        let shop = Resource {
            id: "shop".parse().unwrap(),
            name: "Shop".into(),
            cloud: label("public"),
            allowed_origins: Vec::new(),
            switches: Default::default(),
            region: Some(label("us")),
        };
        let member = Member::new("bob".parse().unwrap(), "Bob");
        let (service, name) = (Actor::Service, (acme.clone(),));
        registry
            .edit(&service, "test", &name, &always, |_| Ok(organisation))
            .await
            .unwrap();
        let name = (shop.id.clone(),);
        registry
            .edit(&service, "test", &name, &always, |_| Ok(shop))
            .await
            .unwrap();
        let name = (acme, member.id.clone());
        registry
            .edit(&service, "test", &name, &always, |_| Ok(member))
            .await
            .unwrap();
        server
    }

    async fn say(
        server: &ServerHandle,
        thread: ThreadId,
        who: Identifier,
        text: &str,
    ) -> Result<u64, Problem> {
        let actor = sidetone_chat::Actor::new(who);
        let message = sidetone_chat::NewMessage::new(sidetone_chat::Content::Text(text.into()));
        server
            .chats
            .change(&Actor::Service, thread, |thread, context| {
                thread.send(context, &actor, message)
            })
            .await
    }

    async fn opened(server: &ServerHandle) -> ThreadId {
        let (chats, acme) = (&server.chats, || "acme".parse().unwrap());
        let thread = chats
            .open_for_meeting(new_id(), acme(), bob(), "Visit", false)
            .await
            .unwrap();
        let again = chats
            .open_for_meeting(thread, acme(), bob(), "Visit", false)
            .await;
        assert_eq!(again.unwrap(), thread);
        chats
            .participant_joined(thread, eve(), Some("Eve".into()))
            .await
            .unwrap();
        thread
    }

    #[tokio::test]
    async fn all_is_in_the_organisations_region_and_one_copy_in_the_resources() {
        let server = server(AccessAfterMeeting::Persistent).await;
        let thread = opened(&server).await;
        for n in 0..3 {
            say(&server, thread, eve(), &format!("eve {n}")).await.unwrap();
            say(&server, thread, bob(), &format!("bob {n}")).await.unwrap();
        }
        let now = crate::clock::wall_now();
        let kv = &server.chats.shelf.kv;
        let count = async |prefix: &str| kv.list(prefix, now).await.unwrap();
        // Eve's coming is a message, too.
        assert_eq!(count("chat.message.eu.").await.len(), 7);
        assert_eq!(count("chat.message.").await.len(), 7);
        let copies = count("chat.copy.").await;
        assert_eq!(copies.len(), 1);
        assert!(copies[0].key.as_str().starts_with("chat.copy.us."));
        let text = String::from_utf8_lossy(&copies[0].value);
        assert!(text.contains("eve 2"), "{text}");
        server.shutdown().await;
    }

    #[tokio::test]
    async fn the_chat_is_closed_to_outsiders_when_they_left_or_it_is_over() {
        let server = server(AccessAfterMeeting::None).await;
        let thread = opened(&server).await;
        let chats = &server.chats;
        let text = async |who| {
            say(&server, thread, who, "x")
                .await
                .map_err(|problem| problem.kind.name)
        };
        assert!(text(eve()).await.is_ok());
        chats.participant_left(thread, &eve()).await.unwrap();
        assert_eq!(text(eve()).await, Err("meeting-chat-closed"));
        chats.participant_joined(thread, eve(), None).await.unwrap();
        assert!(text(eve()).await.is_ok());
        chats.meeting_over(thread, true).await.unwrap();
        assert_eq!(text(eve()).await, Err("meeting-chat-closed"));
        assert!(text(bob()).await.is_ok());
        server.shutdown().await;
    }
}
