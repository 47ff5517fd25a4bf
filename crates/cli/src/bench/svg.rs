//! Plots as SVG text: axes with round ticks, lines, dots, bars, envelopes.
//!
//! Colours are CSS classes of the page around it. It knows nothing of what is plotted.

use std::fmt::Write;

/// Space around the plotted area, in pixels.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;

/// Pixels between two ticks, at least.
const TICK_WIDTH: f64 = 70.0;
const TICK_HEIGHT: f64 = 38.0;

/// An axis: its range and what it counts.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Value at its start.
    pub from: f64,
    /// Value at its end.
    pub to: f64,
    /// Unit, written after its last number.
    pub unit: &'static str,
}

impl Axis {
    /// From zero (or below, where values are) to a round value above all of `values`.
    pub fn around(values: impl IntoIterator<Item = f64>, unit: &'static str) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold((0.0_f64, 0.0_f64), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let step = round_step((high - low).max(1e-3) / 4.0);
        let to = ((high * 1.05 / step).ceil() * step).max(step);
        Self {
            from: (low / step).floor() * step,
            to,
            unit,
        }
    }

    fn share(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from).max(1e-9)
    }

    /// Round values, at most one for each `spacing` of `length` pixels.
    fn ticks(&self, length: f64, spacing: f64) -> Vec<f64> {
        let most = (length / spacing).max(1.0);
        let step = round_step((self.to - self.from).max(1e-9) / most);
        let first = (self.from / step - 1e-6).ceil() as i64;
        let last = (self.to / step + 1e-6).floor() as i64;
        (first..=last).map(|k| k as f64 * step).collect()
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= least * 0.999)
        .unwrap_or(power)
}

fn number(value: f64) -> String {
    let value = if value.abs() < 1e-9 { 0.0 } else { value };
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text that is safe inside an element or attribute.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// One plot under construction.
#[derive(Debug)]
pub struct Plot {
    width: f64,
    height: f64,
    x: Axis,
    y: Axis,
    title: String,
    back: String,
    front: String,
}

impl Plot {
    /// An empty plot. `title` is read out to those who cannot see it.
    pub fn new(title: &str, (width, height): (f64, f64), x: Axis, y: Axis) -> Self {
        let mut plot = Self {
            width,
            height,
            x,
            y,
            title: escape(title),
            back: String::new(),
            front: String::new(),
        };
        plot.axes();
        plot
    }

    fn inner_width(&self) -> f64 {
        self.width - LEFT - RIGHT
    }

    fn inner_height(&self) -> f64 {
        self.height - TOP - BOTTOM
    }

    fn px(&self, x: f64) -> f64 {
        LEFT + self.x.share(x) * self.inner_width()
    }

    fn py(&self, y: f64) -> f64 {
        TOP + (1.0 - self.y.share(y)) * self.inner_height()
    }

    fn axes(&mut self) {
        let (right, bottom) = (self.width - RIGHT, self.height - BOTTOM);
        for tick in self.y.ticks(self.inner_height(), TICK_HEIGHT) {
            let y = self.py(tick);
            let class = if tick.abs() < 1e-9 { "axis" } else { "grid" };
            put(
                &mut self.back,
                format_args!(
                    r#"<line class="{class}" x1="{LEFT}" x2="{right}" y1="{y:.1}" y2="{y:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                    LEFT - 7.0,
                    y + 4.0,
                    number(tick)
                ),
            );
        }
        let ticks = self.x.ticks(self.inner_width(), TICK_WIDTH);
        for (index, &tick) in ticks.iter().enumerate() {
            let unit = if index + 1 == ticks.len() {
                format!(" {}", self.x.unit)
            } else {
                String::new()
            };
            let x = self.px(tick);
            let anchor = if x > right - 14.0 { "end" } else { "middle" };
            let x = if anchor == "end" { right } else { x };
            put(
                &mut self.back,
                format_args!(
                    r#"<text class="tick" x="{x:.1}" y="{:.1}" text-anchor="{anchor}">{}{unit}</text>"#,
                    bottom + 19.0,
                    number(tick)
                ),
            );
        }
        put(
            &mut self.back,
            format_args!(
                r#"<text class="tick" x="{:.1}" y="12" text-anchor="end">{}</text>"#,
                LEFT - 7.0,
                escape(self.y.unit)
            ),
        );
    }

    /// A line through `points`.
    pub fn line(&mut self, points: impl IntoIterator<Item = (f64, f64)>, class: &str) -> &mut Self {
        let points: Vec<String> = points
            .into_iter()
            .map(|(x, y)| format!("{:.1},{:.1}", self.px(x), self.py(y)))
            .collect();
        if !points.is_empty() {
            put(
                &mut self.front,
                format_args!(
                    r#"<polyline class="line {class}" points="{}"/>"#,
                    points.join(" ")
                ),
            );
        }
        self
    }

    /// A dot at each of `points`, with its values on hovering.
    pub fn dots(&mut self, points: impl IntoIterator<Item = (f64, f64)>, class: &str) -> &mut Self {
        for (x, y) in points {
            let text = format!("{} {}, {} {}", number(x), self.x.unit, number(y), self.y.unit);
            let (cx, cy) = (self.px(x), self.py(y));
            put(
                &mut self.front,
                format_args!(
                    r#"<circle class="dot {class}" cx="{cx:.1}" cy="{cy:.1}" r="2.6"><title>{text}</title></circle>"#
                ),
            );
        }
        self
    }

    /// A bar from zero to `height` over `from..to`.
    pub fn bar(&mut self, (from, to): (f64, f64), height: f64, class: &str, hint: &str) -> &mut Self {
        let (left, right) = (self.px(from), self.px(to));
        let (base, top) = (self.py(0.0), self.py(height));
        put(
            &mut self.front,
            format_args!(
                r#"<rect class="fill {class}" x="{:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"><title>{}</title></rect>"#,
                left + 0.5,
                (right - left - 1.0).max(0.5),
                (base - top).max(0.0),
                escape(hint)
            ),
        );
        self
    }

    /// The area between zero and `values`, which are evenly spaced over the whole x axis.
    pub fn area(&mut self, values: &[f64], class: &str) -> &mut Self {
        if values.is_empty() {
            return self;
        }
        let at = |index: usize| {
            self.x.from + (self.x.to - self.x.from) * (index as f64 + 0.5) / values.len() as f64
        };
        let mut path = format!("M{:.1},{:.1}", self.px(at(0)), self.py(0.0));
        for (index, &value) in values.iter().enumerate() {
            put(
                &mut path,
                format_args!("L{:.1},{:.1}", self.px(at(index)), self.py(value)),
            );
        }
        put(
            &mut path,
            format_args!("L{:.1},{:.1}Z", self.px(at(values.len() - 1)), self.py(0.0)),
        );
        put(
            &mut self.front,
            format_args!(r#"<path class="fill {class}" d="{path}"/>"#),
        );
        self
    }

    /// A vertical mark with a label above, `row` lines down so that neighbours do not collide.
    pub fn mark(&mut self, x: f64, label: &str, row: u8) -> &mut Self {
        let (px, bottom) = (self.px(x), self.height - BOTTOM);
        let top = TOP + 16.0 * f64::from(row);
        let (anchor, text_x) = if px > self.width * 0.62 {
            ("end", px - 5.0)
        } else {
            ("start", px + 5.0)
        };
        put(
            &mut self.front,
            format_args!(
                r#"<line class="mark" x1="{px:.1}" x2="{px:.1}" y1="{top:.1}" y2="{bottom:.1}"/><text class="label" x="{text_x:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
                top + 10.0,
                escape(label)
            ),
        );
        self
    }

    /// A dashed horizontal mark with a label at its right end.
    pub fn level(&mut self, y: f64, label: &str, class: &str) -> &mut Self {
        let (py, right) = (self.py(y), self.width - RIGHT);
        put(
            &mut self.front,
            format_args!(
                r#"<line class="level {class}" x1="{LEFT}" x2="{right}" y1="{py:.1}" y2="{py:.1}"/><text class="label" x="{right}" y="{:.1}" text-anchor="end">{}</text>"#,
                py - 5.0,
                escape(label)
            ),
        );
        self
    }

    /// The finished element.
    pub fn finish(&self) -> String {
        let Self {
            width,
            height,
            title,
            back,
            front,
            ..
        } = self;
        format!(
            r#"<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{title}">{back}{front}</svg>"#
        )
    }
}

/// One bar made of `parts` (length, class, hint) side by side, `at` marked where given.
pub fn stacked(
    title: &str,
    width: f64,
    parts: &[(f64, String, String)],
    unit: &'static str,
    at: Option<(f64, String)>,
) -> String {
    let total: f64 = parts.iter().map(|part| part.0).sum();
    let x = Axis::around([total, at.as_ref().map_or(0.0, |(value, _)| *value)], unit);
    let height = 112.0;
    let side = 2.0;
    let scale = (width - 2.0 * side) / x.to.max(1e-9);
    let mut body = String::new();
    for tick in x.ticks(width, TICK_WIDTH) {
        let px = side + tick * scale;
        let anchor = if tick == 0.0 {
            "start"
        } else if px > width - 24.0 {
            "end"
        } else {
            "middle"
        };
        put(
            &mut body,
            format_args!(
                r#"<line class="grid" x1="{px:.1}" x2="{px:.1}" y1="30" y2="86"/><text class="tick" x="{px:.1}" y="104" text-anchor="{anchor}">{} {unit}</text>"#,
                number(tick)
            ),
        );
    }
    let mut from = side;
    for (length, class, hint) in parts {
        let wide = length * scale;
        put(
            &mut body,
            format_args!(
                r#"<rect class="fill {class}" x="{from:.1}" y="38" width="{:.1}" height="40" rx="2"><title>{}</title></rect>"#,
                (wide - 2.0).max(0.8),
                escape(hint)
            ),
        );
        from += wide;
    }
    if let Some((value, label)) = at {
        let px = side + value * scale;
        let (anchor, text_x) = if px > width * 0.6 {
            ("end", px - 5.0)
        } else {
            ("start", px + 5.0)
        };
        put(
            &mut body,
            format_args!(
                r#"<line class="mark" x1="{px:.1}" x2="{px:.1}" y1="14" y2="86"/><text class="label" x="{text_x:.1}" y="23" text-anchor="{anchor}">{}</text>"#,
                escape(&label)
            ),
        );
    }
    format!(
        r#"<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{}">{body}</svg>"#,
        escape(title)
    )
}

fn put(target: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _infallible = target.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, step) in [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (26.0, 50.0), (70.0, 100.0)] {
            assert!((round_step(least) - step).abs() < 1e-9, "{least}");
        }
    }

    #[test]
    fn markup_is_escaped() {
        let axis = Axis::around([1.0], "<s>");
        let svg = Plot::new("a < b & \"c\"", (300.0, 200.0), axis, axis).finish();
        assert!(svg.contains("a &lt; b &amp; &quot;c&quot;") && svg.contains("&lt;s&gt;"));
    }

    proptest! {
        #[test]
        fn any_values_stay_on_the_plot(values in prop::collection::vec(-1e5..1e5_f64, 1..40)) {
            let axis = Axis::around(values.iter().copied(), "ms");
            prop_assert!(values.iter().all(|&value| (-1e-9..=1.0 + 1e-9).contains(&axis.share(value))));
            let ticks = axis.ticks(300.0, 60.0);
            prop_assert!((1..=7).contains(&ticks.len()), "{ticks:?} of {axis:?}");
            let svg = Plot::new("", (300.0, 200.0), axis, axis).line(values.iter().map(|&v| (v, v)), "a").finish();
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
