//! HTML that somebody sends: what is left of it runs nothing, and is left as it is when it is cleaned again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidetone_chat::{Item, clean_html};

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
});
