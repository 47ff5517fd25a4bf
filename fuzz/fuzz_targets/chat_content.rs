//! HTML that somebody sends: what is left of it runs nothing, and is left as it is when it is cleaned again. Cards: what
//! is taken is settled, opens nothing that runs, and says something to who shows none. Addresses and languages in both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidetone_chat::{Body, Item, Language, card_text, check_card, clean_html, links};
use sidetone_signaling::protocol::chat::{Card, CardAction};

fuzz_target!(|html: &str| {
    let clean = clean_html(html);
    for bad in ["<script", "<style", "<iframe", "<object", "<embed", "<svg", "<math", "<form", "<base", "<meta"] {
        assert!(!clean.contains(bad), "{clean}");
    }
    assert_eq!(clean_html(&clean), clean);
    // What is stored is read again, or refused.
    if let Ok(item) = serde_json::from_str::<Item>(html) {
        let text = serde_json::to_string(&item).expect("plain data");
        assert_eq!(serde_json::from_str::<Item>(&text).expect("as written"), item);
    }
    if let Ok(card) = serde_json::from_str::<Card>(html) {
        let files: Vec<_> = card.images.iter().map(|image| image.attachment).collect();
        if let Ok(card) = check_card(card, &files) {
            assert_eq!(check_card(card.clone(), &files).as_ref(), Ok(&card));
            assert!(!card_text(&card).contains('\u{1b}'));
            let json = serde_json::to_string(&card).expect("plain data");
            assert_eq!(serde_json::from_str::<Card>(&json).expect("as written"), card);
            for action in &card.actions {
                if let CardAction::Open { url, .. } = action {
                    assert!(["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme)), "{url}");
                }
            }
        }
    }
    for body in [Body::Text { text: html.to_owned() }, Body::Html { html: clean }] {
        let found = links(&body);
        assert!(found.len() <= 3);
        assert!(found.iter().all(|url| url.starts_with("http") && url.len() <= 2048));
    }
    if let Ok(language) = Language::parse(html) {
        assert_eq!(Language::parse(language.as_str()), Ok(language));
    }
});
