//! Lists, a page at a time. A cursor is the place where the last page ended; it stays good while entries come and
//! go, because it names a place in the order and no entry.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{Problem, ProblemType};

/// Entries on a page when the caller does not say.
const USUAL: usize = 50;
/// Entries on a page at most.
const MOST: usize = 200;
/// Longest cursor, in characters, as `maxLength` of the document counts.
const MAX_CURSOR: usize = 256;

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Entries on the page, 1 to 200; 50 without.
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before; the first page without.
    #[param(max_length = 256)]
    pub(crate) after: Option<String>,
}

impl PageQuery {
    /// The page of `entries`, which come in the order of their `place`.
    ///
    /// # Errors
    /// [`ProblemType::MALFORMED`] for a limit outside 1 to 200 or a cursor that is none.
    pub(crate) fn page<T, U>(
        &self,
        entries: impl Iterator<Item = T>,
        place: impl Fn(&T) -> String,
        shown: impl Fn(T) -> U,
    ) -> Result<Page<U>, Problem> {
        let limit = limit(self.limit)?;
        let after = self.after.as_deref().unwrap_or_default();
        if after.chars().count() > MAX_CURSOR {
            return Err(Problem::new(ProblemType::MALFORMED, "the cursor is too long"));
        }
        let mut items = Vec::new();
        let mut last = None;
        for entry in entries {
            let at = place(&entry);
            if !after.is_empty() && at.as_str() <= after {
                continue;
            }
            if items.len() == limit {
                return Ok(Page { items, next: last });
            }
            items.push(shown(entry));
            last = Some(at);
        }
        Ok(Page { items, next: None })
    }
}

/// How many entries are wanted.
///
/// # Errors
/// [`ProblemType::MALFORMED`] outside 1 to 200.
pub(crate) fn limit(wanted: Option<u32>) -> Result<usize, Problem> {
    match wanted.map(|wanted| usize::try_from(wanted).unwrap_or(usize::MAX)) {
        None => Ok(USUAL),
        Some(wanted @ 1..=MOST) => Ok(wanted),
        Some(_) => Err(Problem::new(
            ProblemType::MALFORMED,
            format!("limit must be 1 to {MOST}"),
        )),
    }
}

/// Reads a number of a log in a query. It is 64 bits wide with a sign on the wire, as everywhere else.
pub(crate) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<i64>::deserialize(from)?;
    let below_zero = || D::Error::custom("a number of a log is not below zero");
    number
        .map(|number| u64::try_from(number).map_err(|_| below_zero()))
        .transpose()
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries, in order.
    pub(crate) items: Vec<T>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(entries: &[String], limit: u32, after: Option<String>) -> Page<String> {
        let query = PageQuery {
            limit: Some(limit),
            after,
        };
        query
            .page(entries.iter().cloned(), String::clone, |entry| entry)
            .unwrap()
    }

    proptest! {
        #[test]
        fn pages_hold_every_entry_once(
            entries in prop::collection::btree_set("[a-z0-9._-]{1,6}", 0..40),
            limit in 1u32..8,
        ) {
            let entries: Vec<String> = entries.into_iter().collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = page(&entries, limit, after);
                prop_assert!(page.items.len() <= limit as usize);
                seen.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            prop_assert_eq!(seen, entries);
        }
    }

    #[test]
    fn a_cursor_outlives_its_entry() {
        let entries = ["a", "c", "d"].map(str::to_owned);
        assert_eq!(page(&entries, 10, Some("b".into())).items, ["c", "d"]);
    }

    #[test]
    fn limits_have_limits() {
        for wanted in [0, 201, u32::MAX] {
            assert_eq!(limit(Some(wanted)).unwrap_err().kind, ProblemType::MALFORMED);
        }
        assert_eq!(limit(None).unwrap(), 50);
        let longest = |character: &str, characters: usize| {
            let query = PageQuery {
                limit: None,
                after: Some(character.repeat(characters)),
            };
            query.page(std::iter::empty::<String>(), String::clone, |entry| entry)
        };
        assert!(longest("x", 257).is_err());
        // Characters, not bytes: the document says so.
        assert!(longest("\u{1e70}", 256).is_ok());
    }
}
