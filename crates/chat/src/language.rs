//! Languages, by their tags (BCP 47). Knows how a tag is written, and not which languages there are.

use std::fmt;

use crate::Refused;

/// Longest tag (RFC 5646 section 4.4.1).
const MAX_TAG: usize = 35;

/// A language, as `de` or `zh-Hant-TW`, in the case in which it is usually written (RFC 5646 section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// Reads a tag.
    ///
    /// # Errors
    /// What is not written as one (RFC 5646 section 2.1).
    pub fn parse(tag: &str) -> Result<Self, Refused> {
        const BAD: &str = "the language is not a tag as de or zh-Hant-TW";
        let subtag = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let first = tag.split('-').next().unwrap_or_default();
        let primary = first.len() >= 2 && first.bytes().all(|byte| byte.is_ascii_alphabetic());
        let ends = tag.rsplit('-').next().is_some_and(|last| last.len() > 1);
        if tag.len() > MAX_TAG || !primary || !ends || !tag.split('-').all(subtag) {
            return Err(Refused::content(BAD));
        }
        let mut after_singleton = false;
        let parts = tag.split('-').enumerate().map(|(place, part)| {
            let lower = part.to_ascii_lowercase();
            let usual = match part.len() {
                2 if place > 0 && !after_singleton => part.to_ascii_uppercase(),
                4 if place > 0 && !after_singleton => {
                    let (head, tail) = lower.split_at(1);
                    format!("{}{tail}", head.to_ascii_uppercase())
                }
                _ => lower,
            };
            after_singleton |= part.len() == 1;
            usual
        });
        Ok(Self(parts.collect::<Vec<_>>().join("-")))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_written_in_one_way() {
        for (tag, usual) in [
            ("DE", "de"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("en-gb-X-Twain-AB", "en-GB-x-twain-ab"),
            ("es-419", "es-419"),
        ] {
            assert_eq!(Language::parse(tag).unwrap().as_str(), usual);
        }
        for bad in [
            "",
            "d",
            "-de",
            "de-",
            "de--AT",
            "de_AT",
            "x-y",
            "german1",
            "toolonglanguage",
            "dé",
            "de-x",
        ] {
            assert!(Language::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reading_again_changes_nothing(tag in "[a-zA-Z0-9-]{0,40}") {
            if let Ok(language) = Language::parse(&tag) {
                prop_assert!(language.as_str().eq_ignore_ascii_case(&tag));
                prop_assert_eq!(Language::parse(language.as_str()).unwrap(), language);
            }
        }
    }
}
