//! Whether somebody may have a message in another language. Who translates, this refuses to know.

use crate::rate::Deed;
use crate::{Actor, Context, Message, Refused, Thread};

impl Thread {
    /// Whether somebody may have a message in another language. `message` is it as it is kept.
    ///
    /// # Errors
    /// No such message; deleted; one of the service's; a limit (L16b).
    pub fn may_translate(
        &self,
        context: Context<'_>,
        actor: &Actor,
        message: &Message,
    ) -> Result<(), Refused> {
        self.translation_allowed(context.world, actor)?;
        self.living(context, actor, message)?;
        if message.body.is_system() || message.body.text().trim().is_empty() {
            return Err(Refused::content("the message has no text to translate"));
        }
        Ok(())
    }

    /// Counts that somebody has a message translated that nobody had translated before.
    ///
    /// # Errors
    /// Too fast.
    pub fn translates(&mut self, context: Context<'_>, actor: &Actor) -> Result<(), Refused> {
        self.rates.take(&actor.identity, Deed::Translate, context.now)
    }
}
