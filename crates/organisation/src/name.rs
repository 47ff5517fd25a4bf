//! Names of people from outside. They may call themselves what they like, and carry the suffix `(External)` exactly
//! once: nothing that looks like it, hides it or pushes it out of sight is left in a name (spec R70, R105, L12).
//!
//! Look-alikes are found by the skeletons of Unicode Technical Standard 39, section 4.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use crate::text::{is_invisible, is_joiner};

/// What stands behind the name of everyone from outside, after a space.
pub const EXTERNAL_SUFFIX: &str = "(External)";

/// Longest name of an external user, in characters, without the suffix. Shorter than lists are wide, so that the
/// suffix is not cut off.
pub const MAX_EXTERNAL_NAME: usize = 64;

/// Marks on one letter: more than any language needs would cover the lines above and below.
const MAX_MARKS: usize = 4;

const WORD: &str = "external";
const OPENING: &str = "([{<«‹〈《「『【〔〖〘〚⟦⟨⟪⟬⟮⦅❨❪❬❮❰❲❴⁽₍﴿";
const CLOSING: &str = ")]}>»›〉》」』】〕〗〙〛⟧⟩⟫⟭⟯⦆❩❫❭❯❱❳❵⁾₎﴾";

/// A name with the suffix.
pub(crate) fn stamp(name: &str) -> String {
    format!("{name} {EXTERNAL_SUFFIX}")
}

/// What is left of a name that someone from outside chose. `None` when nothing is.
pub(crate) fn external_name(text: &str) -> Option<String> {
    // The longest honest name is far shorter; the rest of a longer one is not worth looking at.
    let mut name: Vec<char> = visible(text.chars().take(8 * MAX_EXTERNAL_NAME));
    strip_suffixes(&mut name);
    // A cut can leave what looks like the suffix at the end.
    name.truncate(MAX_EXTERNAL_NAME);
    strip_suffixes(&mut name);
    let name: String = name.into_iter().collect();
    let name = name.trim_matches(|c: char| c.is_whitespace() || is_joiner(c));
    (!name.is_empty()).then(|| name.to_owned())
}

/// A text without what cannot be seen: single spaces for whitespace, no controls, no stacks of marks. In Unicode
/// NFC.
pub(crate) fn visible(text: impl Iterator<Item = char>) -> Vec<char> {
    let mut name = filter(text);
    loop {
        // What is taken out may have kept its neighbours from joining.
        let again = filter(name.iter().copied());
        if again == name {
            return name;
        }
        name = again;
    }
}

fn filter(text: impl Iterator<Item = char>) -> Vec<char> {
    let mut name: Vec<char> = Vec::new();
    let mut marks = 0;
    for c in text
        .filter(|c| c.is_whitespace() || is_joiner(*c) || !is_invisible(*c))
        .nfc()
    {
        if is_joiner(c) {
            // Between letters of scripts that join, or parts of an emoji: nowhere else.
            if name
                .last()
                .is_some_and(|last| !last.is_ascii() && !is_joiner(*last))
            {
                name.push(c);
            }
            continue;
        }
        if c.is_ascii() || c.is_whitespace() {
            name.pop_if(|last| is_joiner(*last));
        }
        if c.is_whitespace() {
            if name.last().is_some_and(|last| *last != ' ') {
                name.push(' ');
            }
        } else if is_combining_mark(c) {
            marks += 1;
            if marks <= MAX_MARKS && name.last().is_some_and(|last| *last != ' ') {
                name.push(c);
            }
        } else {
            marks = 0;
            name.push(c);
        }
    }
    while name.pop_if(|last| *last == ' ' || is_joiner(*last)).is_some() {}
    name
}

/// Takes out everything that looks like the suffix, wherever it stands, until nothing does.
fn strip_suffixes(name: &mut Vec<char>) {
    while let Some(range) = find_suffix(name) {
        name.drain(range);
        // Where words met the suffix on both sides, one space is enough.
        *name = visible(name.drain(..));
    }
}

/// Where the first thing stands that looks like the suffix: the word with a bracket on at least one side.
fn find_suffix(name: &[char]) -> Option<Range<usize>> {
    let looks: Vec<Looks> = name.iter().map(|c| Looks::of(*c)).collect();
    (0..looks.len()).find_map(|start| suffix_at(&looks, start).map(|end| start..end))
}

fn suffix_at(looks: &[Looks], start: usize) -> Option<usize> {
    let opened = looks.get(start)?.opens;
    if !opened && start > 0 && looks.get(start - 1)?.letter {
        return None;
    }
    let mut at = start + usize::from(opened);
    let mut left = WORD;
    while !left.is_empty() {
        let look = looks.get(at)?;
        if let Some(rest) = look
            .folds
            .iter()
            .find_map(|fold| left.strip_prefix(fold.as_str()))
        {
            left = rest;
        } else if !look.between || at == start {
            return None;
        }
        at += 1;
    }
    at += looks.get(at..)?.iter().take_while(|look| look.between).count();
    match looks.get(at) {
        Some(look) if look.closes => Some(at + 1),
        Some(_) => None,
        None => opened.then_some(at),
    }
}

/// What a character looks like to a reader.
struct Looks {
    /// The Latin letters that it can be taken for, in lower case.
    folds: Vec<String>,
    letter: bool,
    opens: bool,
    closes: bool,
    /// Neither letter nor bracket: passed over within the word.
    between: bool,
}

impl Looks {
    fn of(c: char) -> Self {
        let plain: String = std::iter::once(c).nfkc().collect();
        // Lower and upper case forms resemble different letters: capital I a small l, small te a capital T.
        let forms = [plain.clone(), plain.to_lowercase(), plain.to_uppercase()];
        let mut folds: Vec<String> = forms.iter().map(|form| fold(form)).collect();
        folds.retain(|fold| !fold.is_empty());
        let bracket = |set: &str| plain.chars().chain([c]).any(|c| set.contains(c));
        let letter = c.is_alphanumeric();
        let opens = bracket(OPENING) || folds.iter().any(|fold| fold == "(");
        let closes = bracket(CLOSING) || folds.iter().any(|fold| fold == ")");
        Self {
            folds,
            letter,
            opens,
            closes,
            between: !letter && !opens && !closes,
        }
    }
}

/// The skeleton without marks, in lower case.
fn fold(text: &str) -> String {
    skeleton(text)
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamped(text: &str) -> String {
        external_name(text).map_or_else(|| "nothing".to_owned(), |name| stamp(&name))
    }

    #[test]
    fn ordinary_names_stay() {
        for name in [
            "Eve",
            "Zoë Ångström",
            "山田 太郎",
            "Ольга",
            "שרה כהן",
            "می\u{200C}خواهم",
            "👩\u{200D}🚀 Mia",
            "Dr. O’Neil-Smith (Sales)",
            "External Affairs",
            "Eve External",
            "Externality (Externalities)",
            "Eve (External Affairs)",
        ] {
            assert_eq!(external_name(name).as_deref(), Some(name), "{name}");
        }
    }

    #[test]
    fn the_suffix_is_there_exactly_once() {
        for name in [
            "Eve",
            "Eve (External)",
            "Eve (External) (External)",
            "Eve(external)",
            "Eve  ( EXTERNAL ) ",
            "Eve (External",
            "Eve External)",
            "(External) Eve",
            "Eve (Exte(External)rnal)",
            "Eve [External]",
            "Eve （Ｅｘｔｅｒｎａｌ）",
            "Eve (Ехtеrnаl)",
            "Eve (ЕХТЕRNАL)",
            "Eve (ехтеrnаl)",
            "Eve (ExternaI)",
            "Eve (Externa1)",
            "Eve (Extemal)",
            "Eve (𝐄𝐱𝐭𝐞𝐫𝐧𝐚𝐥)",
            "Eve (Éxtérnâl)",
            "Eve (E\u{0301}xte\u{0301}rnal)",
            "Eve (E x t e r n a l)",
            "Eve (Ext\u{200B}er\u{00AD}nal)",
            "Eve \u{202E}(External)\u{202C}",
            "Eve\n(External)",
        ] {
            assert_eq!(stamped(name), "Eve (External)", "{name:?}");
        }
    }

    #[test]
    fn nothing_hides_the_suffix() {
        assert_eq!(
            stamped("Eve\u{202E}\u{2066}\r\n\t\u{3164}\u{2800}"),
            "Eve (External)"
        );
        assert_eq!(stamped("Eve\u{A0}\u{2003}\u{3000}Smith"), "Eve Smith (External)");
        let long = stamped(&"Eve ".repeat(1_000));
        assert_eq!(
            long.chars().count(),
            "Eve ".len() * 16 - 1 + 1 + EXTERNAL_SUFFIX.len()
        );
        let marked = stamped(&format!("Eve{}", "\u{0316}".repeat(500)));
        assert_eq!(
            marked.chars().filter(|c| is_combining_mark(*c)).count(),
            MAX_MARKS
        );
        let cut = format!("{} (External things)", "x".repeat(MAX_EXTERNAL_NAME - 10));
        assert_eq!(
            stamped(&cut),
            format!("{} (External)", "x".repeat(MAX_EXTERNAL_NAME - 10))
        );
    }

    #[test]
    fn of_some_names_nothing_is_left() {
        for name in [
            "",
            "   ",
            "(External)",
            "\u{200B}",
            "\u{202E}\u{2066}",
            "\u{0301}",
            "\u{3164}",
            "( external)",
        ] {
            assert_eq!(external_name(name), None, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_cleaned_once(
            text in prop_oneof!["\\PC{0,100}", "[()\\[ExtrnalЕхтеаI1 \u{200B}\u{202E}\u{0301}]{0,60}"],
        ) {
            if let Some(name) = external_name(&text) {
                prop_assert!(!name.is_empty() && name.chars().count() <= MAX_EXTERNAL_NAME);
                prop_assert!(!name.chars().any(|c| is_invisible(c) && !is_joiner(c)));
                prop_assert!(find_suffix(&name.chars().collect::<Vec<_>>()).is_none());
                prop_assert_eq!(external_name(&name), Some(name));
            }
        }
    }
}
