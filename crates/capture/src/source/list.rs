//! What came and went between two looks at a list of sources.

use super::{SourceId, SourceInfo};

/// Sources that were plugged in or opened, and those that went away (spec 3.4: `videoDevicesUpdated`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourcesUpdated {
    /// New, or with a new name or new modes.
    pub added: Vec<SourceInfo>,
    /// Gone, or with a new name or new modes: as they were.
    pub removed: Vec<SourceInfo>,
}

impl SourcesUpdated {
    /// Compares the list before with the list now. `None` when nothing changed. The order does not matter.
    pub fn between(before: &[SourceInfo], now: &[SourceInfo]) -> Option<Self> {
        let only_in = |these: &[SourceInfo], those: &[SourceInfo]| -> Vec<SourceInfo> {
            these
                .iter()
                .filter(|source| !those.contains(source))
                .cloned()
                .collect()
        };
        let update = Self {
            added: only_in(now, before),
            removed: only_in(before, now),
        };
        (update != Self::default()).then_some(update)
    }

    /// Whether a source is gone, not merely different.
    pub fn lost(&self, id: &SourceId) -> bool {
        let has = |list: &[SourceInfo]| list.iter().any(|source| source.id == *id);
        has(&self.removed) && !has(&self.added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;

    fn camera(id: &str, name: &str) -> SourceInfo {
        SourceInfo {
            id: SourceId(id.into()),
            name: name.into(),
            kind: SourceKind::Camera,
            host: "headless",
            is_default: false,
            modes: Vec::new(),
        }
    }

    #[test]
    fn what_came_and_went_is_told_and_what_stayed_is_not() {
        let (a, b, c) = (camera("a", "A"), camera("b", "B"), camera("c", "C"));
        let update = SourcesUpdated::between(&[a.clone(), b.clone()], &[c.clone(), b.clone()]).unwrap();
        assert_eq!(update.added, std::slice::from_ref(&c));
        assert_eq!(update.removed, std::slice::from_ref(&a));
        assert!(update.lost(&a.id) && !update.lost(&b.id) && !update.lost(&c.id));
        assert_eq!(SourcesUpdated::between(&[a.clone(), b.clone()], &[b, a]), None);
    }

    #[test]
    fn a_renamed_window_is_not_lost() {
        let before = camera("w", "Untitled");
        let update =
            SourcesUpdated::between(std::slice::from_ref(&before), &[camera("w", "Letter")]).unwrap();
        assert!(!update.lost(&before.id));
        assert_eq!(update.added[0].name, "Letter");
    }
}
