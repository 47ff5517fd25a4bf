//! Typing. Nothing of it is kept.

use crate::rate::Deed;
use crate::{Actor, Context, News, Outcome, Plan, Refused, Thread};

impl Thread {
    /// Says that the actor types.
    ///
    /// # Errors
    /// Not (any more) a participant; too fast.
    pub fn types(&mut self, context: Context<'_>, actor: &Actor) -> Result<Outcome<()>, Refused> {
        self.writes(context, actor)?;
        self.rates.take(&actor.identity, Deed::Type, context.now)?;
        Ok(Outcome {
            value: (),
            plan: Plan {
                news: vec![News::Typing(actor.identity.clone())],
                ..Plan::default()
            },
        })
    }
}
