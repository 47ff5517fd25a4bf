//! Finds what changed between two looks at a screen, where the platform does not tell. Pure.

use sidetone_video::picture::Size;

use crate::screen::Damage;

/// The rows in which `now` differs from `before`, both of `size` with pixels of four bytes; all of them where `before` is
/// something else.
pub(super) fn changes(size: Size, before: &[u8], now: &[u8]) -> Damage {
    if before.len() != now.len() {
        return Damage::all(size);
    }
    let mut damage = Damage::none(size);
    let row_bytes = size.width() as usize * 4;
    let rows = before.chunks_exact(row_bytes).zip(now.chunks_exact(row_bytes));
    let mut differ = rows
        .zip(0..)
        .filter(|((before, now), _)| before != now)
        .map(|(_, row)| row);
    let Some(mut first) = differ.next() else {
        return damage;
    };
    let mut last = first;
    let mut add = |first: u32, last: u32| damage.add(0, first.into(), size.width(), last - first + 1);
    for row in differ {
        if row > last + 1 {
            add(first, last);
            first = row;
        }
        last = row;
    }
    add(first, last);
    damage
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn another_size_is_another_picture() {
        let size = Size::new(4, 2).unwrap();
        assert_eq!(changes(size, &[0; 16], &[0; 32]).rects(), [size.rect()]);
        assert!(changes(size, &[0; 32], &[0; 32]).is_empty());
    }

    proptest! {
        #[test]
        fn every_row_that_changed_is_among_them_and_none_far_away(
            changed in prop::collection::btree_set((0usize..90, 0usize..40, 1u8..), 0..12)
        ) {
            let size = Size::new(40, 90).unwrap();
            let before = vec![7u8; 40 * 90 * 4];
            let mut now = before.clone();
            for &(row, column, by) in &changed {
                now[(row * 40 + column) * 4] = 7u8.wrapping_add(by);
            }
            let damage = changes(size, &before, &now);
            prop_assert_eq!(damage.is_empty(), changed.is_empty());
            for (row, ..) in changed {
                prop_assert!(damage.bands().iter().any(|band| band.contains(&(row as u32))));
            }
        }
    }
}
