//! Cards and their answers, and messages in another language.

use serde_json::json;
use sidetone_signaling::protocol::chat::{Card, CardAnswer, ChatMessage, Translation};

use super::http::{Request, escape};
use super::{ChatThreadClient, rest};
use crate::pending::Pending;

/// Every request may end in [`Error::Refused`](crate::Error::Refused) with the service's reason, or in
/// [`Error::Network`](crate::Error::Network).
impl ChatThreadClient {
    /// Puts another card in place of what a message of this user says. `text` is what clients are given that show no
    /// cards; made of the card where it is empty.
    pub fn update_card(&self, id: u64, card: &Card, text: &str) -> Pending<ChatMessage> {
        let change = json!({ "content": text, "card": card });
        let request = Request::patch(self.path(&format!("/messages/{id}")), &change);
        self.chat
            .ask(request, |answer| Ok(answer.json::<rest::Message>()?.into()))
    }

    /// Answers the card of a message: `action` is the id of the button, `value` one of its choices or a text of the
    /// user's own, empty for a button that is pressed. The card's sender is told; of each person the newest answer counts.
    pub fn answer(&self, message: u64, action: &str, value: &str) -> Pending<()> {
        let answer = json!({ "action": action, "value": value });
        let path = self.path(&format!("/messages/{message}/answers"));
        self.chat.ask(Request::post(path, &answer), |_| Ok(()))
    }

    /// The answers to the card of a message: everybody's, where this user sent it; otherwise this user's own.
    pub fn answers(&self, message: u64) -> Pending<Vec<CardAnswer>> {
        let thread = self.id();
        let request = Request::get(self.path(&format!("/messages/{message}/answers")));
        self.chat.ask(request, move |answer| {
            let answers: rest::Answers = answer.json()?;
            Ok(answers.of(thread, message))
        })
    }

    /// A message in another language (BCP 47, as `de` or `zh-Hant-TW`), where the operator has a service for it.
    pub fn translate(&self, message: u64, language: &str) -> Pending<Translation> {
        let language = escape(language);
        let request = Request::get(self.path(&format!("/messages/{message}/translations/{language}")));
        self.chat.ask(request, |answer| answer.json::<Translation>())
    }
}
