//! Cutting a frame into parts of nearly the same size: a last packet with few bytes costs as much as a full one, and a
//! queue sees fewer different sizes.

use std::ops::Range;

/// As few parts as `most` bytes a part allow, whose lengths differ by one byte at most. `most` is not zero.
pub(super) fn evenly(len: usize, most: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let parts = len.div_ceil(most);
    (0..parts).map(move |part| len * part / parts..len * (part + 1) / parts)
}

/// The least limit with which `parts_at` needs no more parts than with `most`: what is laid out with it is about even.
/// More parts come with a lower limit only.
pub(super) fn least_limit(least: usize, most: usize, mut parts_at: impl FnMut(usize) -> usize) -> usize {
    let parts = parts_at(most);
    let (mut low, mut high) = (least.min(most), most);
    while low < high {
        let middle = low + (high - low) / 2;
        if parts_at(middle) <= parts {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    high
}
