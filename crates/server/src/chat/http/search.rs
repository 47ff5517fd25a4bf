//! Looking for messages by their words. Nothing is kept for it: each search reads messages, the newest first, as many as
//! one request may cost, and says how many it read and where to go on.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sidetone_chat::{Actor, PAGE, Words};
use sidetone_signaling::protocol::chat::ThreadId;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::ChatMessage;
use super::{insider, thread, user};
use crate::api::caller::Caller;
use crate::api::input::Query;
use crate::api::page;
use crate::api::problem::{Problem, ProblemType};
use crate::chat::{Chats, problem};

/// Messages that one request reads at most. More make a search of a long history fewer requests, and each of them a
/// longer one for everybody else.
const READ: usize = 2_000;

pub(super) fn router() -> OpenApiRouter<Arc<Chats>> {
    OpenApiRouter::new().routes(routes!(search))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct SearchQuery {
    /// One to eight words, all of which a message must say; the beginning of a word is enough.
    #[param(min_length = 1, max_length = 256)]
    words: String,
    /// In this thread; in all of the caller's without.
    thread: Option<Uuid>,
    /// Messages on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next` of the page before.
    #[param(max_length = 64)]
    after: Option<String>,
}

/// Messages that were found: thread after thread, in each the newest first.
#[derive(Serialize, ToSchema)]
struct FoundMessages {
    items: Vec<ChatMessage>,
    /// How many messages were read for them.
    searched: usize,
    /// There may be more: give it as `after`. A page may be empty and yet not be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Where a search goes on: in this thread, below this message.
#[derive(Clone, Copy)]
struct Place {
    thread: ThreadId,
    below: u64,
}

impl Place {
    fn read(cursor: &str) -> Result<Self, Problem> {
        let parts = cursor.split_once('.');
        let place = parts.and_then(|(thread, below)| {
            Some(Self {
                thread: ThreadId(thread.parse().ok()?),
                below: below.parse().ok()?,
            })
        });
        place.ok_or_else(|| Problem::new(ProblemType::MALFORMED, "the cursor is none"))
    }
}

/// Looks for messages among those that the caller may read. At most 2000 are read for one request; how many is told.
#[utoipa::path(get, path = "/v1/chat/search", tag = "chat", params(SearchQuery),
    responses((status = 200, body = FoundMessages)))]
async fn search(
    State(chats): State<Arc<Chats>>,
    caller: Caller,
    query: Query,
) -> Result<Json<FoundMessages>, Problem> {
    let actor = user(&caller)?;
    actor.may_chat().map_err(problem)?;
    let query: SearchQuery = query.read()?;
    let words = Words::parse(&query.words).map_err(problem)?;
    let limit = page::limit(query.limit)?;
    let from = query.after.as_deref().map(Place::read).transpose()?;
    let threads = match query.thread {
        Some(one) => {
            insider(&chats, &caller, one).await?;
            vec![thread(one)]
        }
        None => chats
            .threads
            .of(&actor.identity)
            .iter()
            .map(|entry| entry.id)
            .collect(),
    };
    let mut found = FoundMessages {
        items: Vec::new(),
        searched: 0,
        next: None,
    };
    for thread in threads {
        let below = match from {
            Some(from) if thread < from.thread => continue,
            Some(from) if thread == from.thread => Some(from.below),
            _ => None,
        };
        if chats
            .search(thread, below, &actor, &words, limit, &mut found)
            .await?
            .is_break()
        {
            break;
        }
    }
    Ok(Json(found))
}

impl Chats {
    /// Looks through a thread, from the newest message below a place on. Breaks where it is enough.
    async fn search(
        self: &Arc<Self>,
        id: ThreadId,
        mut below: Option<u64>,
        actor: &Actor,
        words: &Words,
        limit: usize,
        found: &mut FoundMessages,
    ) -> Result<ControlFlow<()>, Problem> {
        loop {
            let page = self
                .ask(id, |thread, context| thread.page(context, actor, below, PAGE))
                .await;
            // Gone meanwhile, or closed to this reader.
            let Ok(page) = page else {
                return Ok(ControlFlow::Continue(()));
            };
            let Some(entry) = self.threads.find(id) else {
                return Ok(ControlFlow::Continue(()));
            };
            let home = entry.read().record().home.region.clone();
            let now = crate::clock::wall_now();
            let messages = self.shelf.messages(id, &home, &page.messages, now).await?;
            for message in &messages {
                if found.items.len() == limit || found.searched == READ {
                    // The one before it was the last that was looked at.
                    found.next = Some(format!("{id}.{}", message.id + 1));
                    return Ok(ControlFlow::Break(()));
                }
                found.searched += 1;
                if words.are_in(message) {
                    let world = self.registry.world();
                    let shown = entry.read().message_shown(&world, &actor.identity, message);
                    found.items.push(shown.into());
                }
            }
            match page.next {
                Some(next) => below = Some(next),
                None => return Ok(ControlFlow::Continue(())),
            }
        }
    }
}
