//! Addresses in what somebody says. Finds them, and refuses to know what is behind them.

use url::Url;

use crate::Body;
use crate::limits::{MAX_PREVIEWS, MAX_URL_BYTES};
use crate::search::plain;

/// The addresses in a text or in cleaned HTML: the first three that differ, each in its one form. Addresses with a
/// password in them are nobody's business.
pub fn links(body: &Body) -> Vec<String> {
    let mut found = Vec::new();
    match body {
        Body::Text { text } => written(text, &mut found),
        Body::Html { html } => {
            for rest in html.split("<a href=\"").skip(1) {
                let address = rest.split('"').next().unwrap_or_default();
                keep(&plain(address), &mut found);
            }
            written(&plain(html), &mut found);
        }
        _ => {}
    }
    found
}

/// Addresses that are written out.
fn written(text: &str, found: &mut Vec<String>) {
    let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`');
    for word in text.split(ends) {
        // As long as the word, so that places in it are places in the word.
        let lower = word.to_ascii_lowercase();
        let Some(start) = ["https://", "http://"]
            .iter()
            .filter_map(|scheme| lower.find(scheme))
            .min()
        else {
            continue;
        };
        let mut address = word.get(start..).unwrap_or_default();
        // Of one that nobody keeps no brackets are counted, of which there may be as many as a message has bytes.
        if address.len() > MAX_URL_BYTES {
            continue;
        }
        // The point behind a sentence, and the bracket around an address, are no part of it.
        loop {
            let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', ']', '}']);
            let shorter = match shorter.strip_suffix(')') {
                Some(inner) if !inner.contains('(') => inner,
                _ => shorter,
            };
            if shorter == address {
                break;
            }
            address = shorter;
        }
        keep(address, found);
    }
}

fn keep(address: &str, found: &mut Vec<String>) {
    if found.len() >= MAX_PREVIEWS || address.len() > MAX_URL_BYTES {
        return;
    }
    let Ok(url) = Url::parse(address) else { return };
    let plain = url.username().is_empty() && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain || url.as_str().len() > MAX_URL_BYTES {
        return;
    }
    let address = String::from(url);
    if !found.contains(&address) {
        found.push(address);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Vec<String> {
        links(&Body::Text { text: text.into() })
    }

    fn html(html: &str) -> Vec<String> {
        links(&Body::Html { html: html.into() })
    }

    #[test]
    fn addresses_are_found_without_what_is_around_them() {
        for (said, found) in [
            ("see https://a.example/x?y=1, please.", "https://a.example/x?y=1"),
            ("(http://a.example)", "http://a.example/"),
            (
                "https://a.example/Sidetone_(engine).",
                "https://a.example/Sidetone_(engine)",
            ),
            ("<https://A.example/b>", "https://a.example/b"),
            ("HTTPS://A.example/B", "https://a.example/B"),
        ] {
            assert_eq!(text(said), [found], "{said}");
        }
        for none in [
            "ftp://a.example",
            "a.example",
            "https://",
            "https://u:p@a.example/",
            "javascript://a",
            &format!("https://a.example/{}", ")".repeat(MAX_URL_BYTES)),
        ] {
            assert_eq!(text(none), Vec::<String>::new(), "{none}");
        }
        let several = "http://a.example http://b.example http://a.example/ http://c.example http://d.example";
        let found = ["http://a.example/", "http://b.example/", "http://c.example/"];
        assert_eq!(text(several), found);
    }

    #[test]
    fn a_link_is_an_address_wherever_it_is_written() {
        let said = crate::clean_html("<a href='https://a.example/?x=1&y=2'>here</a> and http://b.example");
        assert_eq!(html(&said), ["https://a.example/?x=1&y=2", "http://b.example/"]);
        assert_eq!(
            html("<a href=\"mailto:eve@a.example\">x</a>"),
            Vec::<String>::new()
        );
    }

    proptest! {
        #[test]
        fn what_is_found_is_whole_and_not_too_much(said in "(https?://|[a-z.:/@()<>\"= é#?&;]){0,60}") {
            for found in [text(&said), html(&said), html(&crate::clean_html(&said))] {
                prop_assert!(found.len() <= MAX_PREVIEWS);
                for address in found {
                    prop_assert!(Url::parse(&address).is_ok_and(|url| url.has_host()), "{}", address);
                }
            }
        }
    }
}
