//! Bounds on texts that people give: names, attributes, addresses. A text that passes is stored as it came.

use crate::DomainError;

/// Longest name of an organisation, member, group, application or resource, in characters.
const MAX_NAME: usize = 128;

/// Checks a name: not blank, no space around it, nothing invisible in it, not too long.
pub(crate) fn name(field: &'static str, text: &str) -> Result<(), DomainError> {
    if text.is_empty() || text.trim() != text {
        return Err(DomainError::BadText {
            field,
            rule: "must not be empty or begin or end with a space",
        });
    }
    bounded(field, text, MAX_NAME)
}

/// Checks any other text: nothing invisible in it, at most `limit` characters.
pub(crate) fn bounded(field: &'static str, text: &str, limit: usize) -> Result<(), DomainError> {
    if text.chars().count() > limit {
        return Err(DomainError::TooLong { field, limit });
    }
    if text.chars().any(|c| is_invisible(c) && !is_joiner(c)) {
        return Err(DomainError::BadText {
            field,
            rule: "must not hold control or invisible characters",
        });
    }
    Ok(())
}

/// Checks how many there are of something.
pub(crate) fn count(field: &'static str, count: usize, limit: usize) -> Result<(), DomainError> {
    if count > limit {
        return Err(DomainError::TooMany { field, limit });
    }
    Ok(())
}

/// Checks a number.
pub(crate) fn number(field: &'static str, value: u32, least: u32, most: u32) -> Result<(), DomainError> {
    if !(least..=most).contains(&value) {
        return Err(DomainError::OutOfRange {
            field,
            least: least.into(),
            most: most.into(),
        });
    }
    Ok(())
}

/// Joiners: invisible, but words of some languages and many emoji need them.
pub(crate) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Characters that show nothing, or that change where the others are shown: controls, bidirectional formatting,
/// zero-width characters, fillers, private use and noncharacters (Unicode 16 general categories Cc, Cf, Co, and the
/// letters of property `Default_Ignorable_Code_Point`). Spaces are not among them.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}'
            | '\u{0890}' | '\u{0891}' | '\u{08E2}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{E000}'..='\u{F8FF}'
            | '\u{FDD0}'..='\u{FDEF}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}' | '\u{F0000}'..='\u{10FFFF}')
        || (c as u32) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass_and_tricks_do_not() {
        for good in [
            "Eve",
            "Zoë Ångström",
            "山田 太郎",
            "O’Neil, Pat (Sales)",
            "می\u{200C}خواهم",
        ] {
            assert_eq!(name("name", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " Eve",
            "Eve ",
            "Eve\n",
            "Eve\u{202E}",
            "E\u{200B}ve",
            "\u{3164}",
            "\u{FFFF}",
            "\u{E0041}",
        ] {
            assert!(
                matches!(name("name", bad), Err(DomainError::BadText { .. })),
                "{bad:?}"
            );
        }
        assert_eq!(name("name", &"é".repeat(128)), Ok(()));
        let error = name("name", &"é".repeat(129)).unwrap_err();
        assert_eq!(
            error,
            DomainError::TooLong {
                field: "name",
                limit: 128
            }
        );
    }
}
