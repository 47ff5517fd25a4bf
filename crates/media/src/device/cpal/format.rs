//! Which of a device's formats to take.
//!
//! First the rate, because a rate that fits saves a resampler and its delay; then the sample type, where `f32`
//! needs no conversion; then the channels, where fewer are less work.

use ::cpal::{SampleFormat, SupportedStreamConfig, SupportedStreamConfigRange};

use crate::device::Direction;
use crate::device::callback::MAX_CHANNELS;
use crate::device::convert::RATES;

/// The best of `choices` for a stream at `rate` Hz, or `None` when nothing on offer is PCM sound.
pub(super) fn choose(
    choices: impl Iterator<Item = SupportedStreamConfigRange>,
    rate: u32,
    direction: Direction,
) -> Option<SupportedStreamConfig> {
    let usable = choices.filter(|choice| {
        type_rank(choice.sample_format()).is_some()
            && (1..=MAX_CHANNELS).contains(&choice.channels())
            && choice.min_sample_rate() <= choice.max_sample_rate()
    });
    let configs = usable.filter_map(|choice| {
        let nearest = rate.clamp(choice.min_sample_rate(), choice.max_sample_rate());
        RATES.contains(&nearest).then(|| choice.with_sample_rate(nearest))
    });
    configs.min_by_key(|config| {
        let found = config.sample_rate();
        // A higher rate loses nothing; a lower one loses the top of the voice.
        let rate_cost = if found >= rate {
            u64::from(found - rate)
        } else {
            10 * u64::from(rate - found)
        };
        (
            rate_cost,
            type_rank(config.sample_format()),
            channel_rank(config.channels(), direction),
        )
    })
}

/// Cheapest and most exact first. `None`: not PCM.
fn type_rank(format: SampleFormat) -> Option<u8> {
    use SampleFormat::*;
    let order = [F32, I32, I24, I16, F64, U32, U24, U16, I64, U64, I8, U8];
    order
        .iter()
        .position(|&known| known == format)
        .map(|rank| rank as u8)
}

/// A voice is mono: one channel from a microphone. A speaker gets two where it has them, since a platform that
/// is given one may play it on the left only.
fn channel_rank(channels: u16, direction: Direction) -> u16 {
    match (direction, channels) {
        (Direction::Output, 2) => 0,
        (_, channels) => channels,
    }
}

#[cfg(test)]
mod tests {
    use ::cpal::SupportedBufferSize;

    use super::*;

    fn offer(channels: u16, rates: (u32, u32), format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, rates.0, rates.1, SupportedBufferSize::Unknown, format)
    }

    fn chosen(
        offers: &[SupportedStreamConfigRange],
        direction: Direction,
    ) -> Option<(u16, u32, SampleFormat)> {
        choose(offers.iter().copied(), 48_000, direction)
            .map(|config| (config.channels(), config.sample_rate(), config.sample_format()))
    }

    #[test]
    fn rate_then_type_then_channels() {
        use SampleFormat::*;
        let offers = [
            offer(1, (44_100, 44_100), F32),
            offer(2, (8_000, 192_000), I16),
            offer(1, (8_000, 192_000), F32),
            offer(2, (8_000, 192_000), F32),
            offer(6, (8_000, 192_000), F32),
        ];
        assert_eq!(chosen(&offers, Direction::Input), Some((1, 48_000, F32)));
        assert_eq!(chosen(&offers, Direction::Output), Some((2, 48_000, F32)));
    }

    #[test]
    fn nothing_lower_while_something_higher_is_there() {
        use SampleFormat::*;
        let offers = [offer(1, (16_000, 16_000), F32), offer(1, (96_000, 96_000), I16)];
        assert_eq!(chosen(&offers, Direction::Input), Some((1, 96_000, I16)));
    }

    #[test]
    fn what_is_not_pcm_or_absurd_is_not_chosen() {
        let offers = [
            offer(1, (48_000, 48_000), SampleFormat::DsdU8),
            offer(0, (48_000, 48_000), SampleFormat::F32),
            offer(65, (48_000, 48_000), SampleFormat::F32),
            offer(1, (1, 100), SampleFormat::F32),
        ];
        assert_eq!(chosen(&offers, Direction::Output), None);
    }
}
