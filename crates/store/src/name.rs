//! Names of keys, logs, subjects and dedupe ids, parsed once at the border.
//!
//! The alphabets are the intersection of what the embedded store and the usual clustered brokers accept, so a
//! name that works here works there.

use std::fmt;

use crate::StoreError;

/// Longest name of any kind, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 256;

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '/')
}

/// Checks length, and that every dot-separated token is non-empty and passes `token`.
fn check(kind: &'static str, name: &str, token: impl Fn(&str, bool) -> bool) -> Result<(), StoreError> {
    let refuse = |rule| {
        Err(StoreError::InvalidName {
            kind,
            name: name.chars().take(64).collect(),
            rule,
        })
    };
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return refuse("length must be 1 to 256 bytes");
    }
    let tokens = name.split('.').count();
    for (i, part) in name.split('.').enumerate() {
        if part.is_empty() {
            return refuse("dots must separate non-empty parts");
        }
        if !token(part, i + 1 == tokens) {
            return refuse("only letters, digits and - _ = / between dots");
        }
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Parses a name: 1 to 256 bytes of ASCII letters, digits and `- _ = /` in parts separated by dots.
            ///
            /// # Errors
            /// [`StoreError::InvalidName`].
            pub fn new(name: impl Into<String>) -> Result<Self, StoreError> {
                let name = name.into();
                check($kind, &name, |part, _| part.chars().all(plain))?;
                Ok(Self(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Name of a value in [`crate::Kv`].
    Key,
    "key"
);
name!(
    /// Name of one log in [`crate::Log`].
    LogName,
    "log name"
);
name!(
    /// Subject of a message on [`crate::Bus`].
    Subject,
    "subject"
);
name!(
    /// Names one append, so that repeating it (after a time-out, a crash) stores nothing twice.
    DedupeId,
    "dedupe id"
);

/// Which subjects a subscriber wants: `*` stands for one part, a final `>` for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Parses a pattern such as `call.*.ended` or `presence.>`.
    ///
    /// # Errors
    /// [`StoreError::InvalidName`].
    pub fn new(pattern: impl Into<String>) -> Result<Self, StoreError> {
        let pattern = pattern.into();
        check("pattern", &pattern, |part, last| {
            part == "*" || (last && part == ">") || part.chars().all(plain)
        })?;
        Ok(Self(pattern))
    }

    /// Whether `subject` is wanted.
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut parts = subject.as_str().split('.');
        for wanted in self.0.split('.') {
            match (wanted, parts.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(part)) if wanted == part => {}
                _ => return false,
            }
        }
        parts.next().is_none()
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Subject> for Pattern {
    fn from(subject: Subject) -> Self {
        Self(subject.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_select_by_part() {
        let matches = |p: &str, s: &str| Pattern::new(p).unwrap().matches(&Subject::new(s).unwrap());
        assert!(matches("call.a.ended", "call.a.ended"));
        assert!(matches("call.*.ended", "call.b.ended"));
        assert!(!matches("call.*.ended", "call.b.c.ended"));
        assert!(matches("call.>", "call.b.c.ended"));
        assert!(!matches("call.>", "call"));
        assert!(!matches("call.*", "call"));
        assert!(!matches("call", "call.a"));
        assert!(matches(">", "anything"));
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "a b",
            "a*",
            ">",
            "é",
            "a\n",
            &"x".repeat(257),
        ] {
            assert!(
                matches!(Key::new(bad), Err(StoreError::InvalidName { .. })),
                "{bad:?}"
            );
        }
        for bad in ["a.>.b", ">.a", "a.b*", ""] {
            assert!(Pattern::new(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,300}") {
            if let Ok(key) = Key::new(text.as_str()) {
                prop_assert_eq!(key.as_str(), text.as_str());
                prop_assert!(Pattern::from(Subject::new(text.as_str()).unwrap()).matches(&Subject::new(text).unwrap()));
            }
        }
    }
}
