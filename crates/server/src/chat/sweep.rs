//! Retention, carried out by the real clock: now and then every thread is asked what is due. A driver.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Chats;
use crate::api::caller::Actor;
use crate::flag::raised;

/// Deletes what is due, until `stop` is raised: at once, and then every `period`.
pub(crate) async fn sweep(chats: Arc<Chats>, period: Duration, mut stop: watch::Receiver<bool>) {
    loop {
        chats.sweep_once(&stop).await;
        tokio::select! {
            () = raised(&mut stop) => return,
            () = tokio::time::sleep(period) => {}
        }
    }
}

impl Chats {
    async fn sweep_once(self: &Arc<Self>, stop: &watch::Receiver<bool>) {
        for entry in self.threads.all() {
            loop {
                if *stop.borrow() {
                    return;
                }
                // Gone meanwhile, or the store fails: another turn will see.
                let Ok((entry, mut changing)) = self.look_into(entry.id).await else {
                    break;
                };
                let plan = self.within(&entry, |thread, context| thread.due(context));
                if plan.is_empty() {
                    entry.rest(&mut changing);
                    break;
                }
                tracing::info!(thread = %entry.id, deleted = plan.deletes.len(), "chat is deleted as retention has it");
                if self.done(&Actor::Service, &entry, plan, changing).await.is_err() {
                    tracing::error!(thread = %entry.id, "chat that is due could not be deleted");
                    break;
                }
            }
        }
    }
}
