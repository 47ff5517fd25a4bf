//! The addresses of chat: for users with their own access tokens, and for who looks after storage.

mod answers;
mod card;
mod files;
mod messages;
mod people;
mod search;
mod shape;
mod signals;
mod storage;
mod threads;

use std::sync::Arc;

use sidetone_chat::{Actor, Rights};
use sidetone_signaling::protocol::chat::ThreadId;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use super::Chats;
use crate::api::caller::Caller;
use crate::api::problem::{Problem, ProblemType};
use crate::token::{Claims, Scope};

/// The addresses.
pub(crate) fn router(chats: Arc<Chats>) -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(threads::router())
        .merge(messages::router())
        .merge(answers::router())
        .merge(people::router())
        .merge(signals::router())
        .merge(files::router())
        .merge(search::router())
        .merge(storage::router())
        .with_state(chats)
}

/// Who chats: the bearer of an access token, as themselves.
///
/// # Errors
/// [`ProblemType::MISSING_ROLE`] for the bearer of a key, who is nobody in a conversation.
fn user(caller: &Caller) -> Result<Actor, Problem> {
    let claims = caller.claims.as_deref().ok_or_else(|| {
        Problem::new(
            ProblemType::MISSING_ROLE,
            "chat needs the access token of a user: the bearer of a key is nobody in a conversation",
        )
    })?;
    Ok(Actor {
        identity: claims.sub.clone(),
        name: claims.name.clone(),
        through: claims.resource.clone(),
        rights: rights(claims),
    })
}

/// Who chats, having shown that they may see something of the thread: nothing else of a request is looked at before,
/// so that a stranger learns nothing.
///
/// # Errors
/// As [`user`]; no such thread, for this user.
async fn insider(chats: &Arc<Chats>, caller: &Caller, id: Uuid) -> Result<Actor, Problem> {
    let actor = user(caller)?;
    chats
        .ask(thread(id), |thread, context| {
            thread.reads(context, &actor).map(drop)
        })
        .await?;
    Ok(actor)
}

/// What a token allows in chat.
fn rights(claims: &Claims) -> Rights {
    let most = claims.scopes.iter().map(|scope| match scope {
        Scope::Chat => Rights::Full,
        Scope::ChatJoin => Rights::Join,
        Scope::ChatJoinLimited => Rights::Limited,
        Scope::Voip | Scope::VoipJoin => Rights::None,
    });
    most.max().unwrap_or(Rights::None)
}

/// A thread in a path.
fn thread(id: Uuid) -> ThreadId {
    ThreadId(id)
}
