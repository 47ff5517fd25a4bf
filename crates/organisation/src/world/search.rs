//! Finding members by what people type.

use std::ops::Bound;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::{Member, MemberId, OrganisationId, World};

impl World {
    /// Members in whose name, id or attributes every word of `query` occurs, in the order of their ids, from the one
    /// behind `after` on. Capitals and accents make no difference. An empty query finds everybody.
    pub fn search_members(
        &self,
        organisation: &OrganisationId,
        query: &str,
        after: Option<&MemberId>,
        limit: usize,
    ) -> Vec<&Member> {
        let Some(tenant) = self.organisations.get(organisation) else {
            return Vec::new();
        };
        let query = fold(query);
        let words: Vec<&str> = query.split_whitespace().collect();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let entries = tenant.members.range::<MemberId, _>((start, Bound::Unbounded));
        entries
            .filter(|(_, entry)| words.iter().all(|word| entry.folded.contains(word)))
            .take(limit)
            .map(|(_, entry)| &entry.member)
            .collect()
    }
}

/// The text that searches for a member look in. Parts are on lines of their own: no word spans two.
pub(super) fn fold_member(member: &Member) -> String {
    let source = member.source.iter().map(crate::ExternalKey::as_str);
    let parts = [member.display_name.as_str(), member.id.as_str()].into_iter();
    let parts = parts
        .chain(member.attributes.values().map(String::as_str))
        .chain(source);
    parts.map(fold).collect::<Vec<_>>().join("\n")
}

/// Without accents (Unicode NFKD without combining marks) and in lower case.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_makes_spellings_equal() {
        assert_eq!(fold("Zoë ÅNGSTRÖM"), "zoe angstrom");
        assert_eq!(fold("Ｍｉａ"), "mia");
    }
}
