//! Which parts of a screen changed since the last picture: a few rectangles that begin and end on chroma samples, so
//! that each can be fetched and converted by itself. It refuses to fetch anything.

use std::ops::Range;

use sidetone_video::picture::{Rect, Size};

/// Most rectangles kept apart. Each costs a request and its start-up; below that, joining only fetches what did not change.
const MOST: usize = 8;

/// Joining two rectangles is worth it when it adds fewer pixels than this: about what a request costs.
const SLACK: u64 = 64 * 64;

/// Parts of a picture that are to be fetched anew. They never overlap by more than joining them would cost.
#[derive(Clone, Debug)]
pub struct Damage {
    size: Size,
    rects: Vec<Rect>,
}

impl Damage {
    /// Nothing of a picture of `size`.
    pub fn none(size: Size) -> Self {
        Self {
            size,
            rects: Vec::with_capacity(MOST + 1),
        }
    }

    /// All of a picture of `size`.
    pub fn all(size: Size) -> Self {
        let mut damage = Self::none(size);
        damage.rects.push(size.rect());
        damage
    }

    /// The picture's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Adds what of a rectangle lies in the picture; it may begin left of it and above, and end anywhere.
    pub fn add(&mut self, left: i64, top: i64, width: u32, height: u32) {
        let clip = |start: i64, length: u32, whole: u32| {
            let end = start.saturating_add(i64::from(length)).clamp(0, i64::from(whole));
            let start = start.clamp(0, i64::from(whole));
            // Both are within the picture now, and `end` is not before `start`.
            (start as u32, (end - start) as u32)
        };
        let (left, width) = clip(left, width, self.size.width());
        let (top, height) = clip(top, height, self.size.height());
        if width > 0 && height > 0 {
            let rect = Rect {
                left,
                top,
                width,
                height,
            };
            self.join(rect.widened(self.size));
        }
    }

    /// The parts.
    pub fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// The rows that hold all parts, as ranges that neither overlap nor touch, from the top down.
    pub fn bands(&self) -> Vec<Range<u32>> {
        let mut bands: Vec<_> = self
            .rects
            .iter()
            .map(|rect| rect.top..rect.top + rect.height)
            .collect();
        bands.sort_by_key(|band| band.start);
        bands.dedup_by(|next, band| {
            let joins = next.start <= band.end;
            if joins {
                band.end = band.end.max(next.end);
            }
            joins
        });
        bands
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// Pixels in all parts.
    pub fn pixels(&self) -> u64 {
        self.rects.iter().copied().map(pixels).sum()
    }

    /// Forgets what was fetched.
    pub fn clear(&mut self) {
        self.rects.clear();
    }

    fn join(&mut self, mut rect: Rect) {
        // What is joined may reach further ones, so look again until nothing is near.
        while let Some(near) = self.rects.iter().position(|&other| waste(rect, other) <= SLACK) {
            rect = around(rect, self.rects.swap_remove(near));
        }
        self.rects.push(rect);
        if self.rects.len() > MOST {
            self.join_nearest();
        }
    }

    /// Joins the two that are cheapest to join.
    fn join_nearest(&mut self) {
        let count = self.rects.len();
        let pairs = (0..count).flat_map(|first| (first + 1..count).map(move |second| (first, second)));
        let nearest = pairs.min_by_key(|&(first, second)| waste(self.rects[first], self.rects[second]));
        if let Some((first, second)) = nearest {
            // The later one first: the earlier one keeps its place.
            let other = self.rects.swap_remove(second);
            let rect = self.rects.swap_remove(first);
            self.join(around(rect, other));
        }
    }
}

fn pixels(rect: Rect) -> u64 {
    u64::from(rect.width) * u64::from(rect.height)
}

/// The smallest rectangle around both.
fn around(one: Rect, other: Rect) -> Rect {
    let (left, top) = (one.left.min(other.left), one.top.min(other.top));
    let right = (one.left + one.width).max(other.left + other.width);
    let bottom = (one.top + one.height).max(other.top + other.height);
    Rect {
        left,
        top,
        width: right - left,
        height: bottom - top,
    }
}

/// Pixels that are fetched for nothing, or twice less, when both are fetched as one.
fn waste(one: Rect, other: Rect) -> u64 {
    pixels(around(one, other)).saturating_sub(pixels(one) + pixels(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size() -> Size {
        Size::new(641, 361).unwrap()
    }

    #[test]
    fn a_caret_and_a_clock_stay_apart() {
        let mut damage = Damage::none(Size::P1080);
        damage.add(100, 900, 2, 18);
        damage.add(1800, 0, 100, 20);
        damage.add(101, 905, 2, 18);
        assert_eq!(damage.rects().len(), 2);
        assert!(damage.pixels() < 3000);
    }

    #[test]
    fn what_lies_outside_counts_for_nothing() {
        let mut damage = Damage::none(size());
        damage.add(-50, -50, 50, 50);
        damage.add(641, 0, 10, 10);
        damage.add(0, 361, u32::MAX, u32::MAX);
        damage.add(5, 5, 0, 9);
        assert!(damage.is_empty());
        damage.add(i64::MIN, i64::MIN, u32::MAX, u32::MAX);
        assert!(damage.is_empty());
        damage.add(-1, -1, u32::MAX, u32::MAX);
        assert_eq!(damage.rects(), [size().rect()]);
    }

    proptest! {
        #[test]
        fn every_changed_pixel_is_fetched_and_no_part_leaves_the_grid(
            changes in prop::collection::vec((-40i64..700, -40i64..400, 0u32..90, 0u32..60), 0..60)
        ) {
            let mut damage = Damage::none(size());
            let mut changed = Vec::new();
            for (left, top, width, height) in changes {
                damage.add(left, top, width, height);
                changed.push((left, top, width, height));
                prop_assert!(damage.rects().len() <= MOST);
            }
            for rect in damage.rects() {
                prop_assert!(rect.is_inside(size()));
                prop_assert!(rect.left % 2 == 0 && rect.top % 2 == 0);
                prop_assert!(rect.width % 2 == 0 || rect.left + rect.width == size().width());
                prop_assert!(rect.height % 2 == 0 || rect.top + rect.height == size().height());
            }
            let rows = |rect: &Rect| rect.top..rect.top + rect.height;
            let bands = damage.bands();
            prop_assert!(bands.windows(2).all(|pair| pair[0].end < pair[1].start));
            for row in 0..361 {
                let changed = damage.rects().iter().any(|rect| rows(rect).contains(&row));
                prop_assert_eq!(changed, bands.iter().any(|band| band.contains(&row)));
            }
            for (left, top, width, height) in changed {
                for (x, y) in [(left, top), (left + i64::from(width) - 1, top + i64::from(height) - 1)] {
                    let inside = width > 0 && height > 0
                        && (0..641).contains(&x) && (0..361).contains(&y);
                    let covered = damage.rects().iter().any(|rect| {
                        (i64::from(rect.left)..i64::from(rect.left + rect.width)).contains(&x)
                            && (i64::from(rect.top)..i64::from(rect.top + rect.height)).contains(&y)
                    });
                    prop_assert!(covered || !inside, "({x}, {y}) is not covered");
                }
            }
        }
    }
}
