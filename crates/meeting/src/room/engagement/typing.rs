//! Real-time text: what somebody writes is read as it is typed (the idea of RFC 4103). Of each the line that is not
//! finished is known, for those who come in the middle of it, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use sidetone_signaling::Reason;
use sidetone_signaling::protocol::meeting::{Capability, News, ParticipantId, Type, Typed};

use super::{Allowance, Context, Room, may};

/// Longest line, in bytes.
const LONGEST: usize = 4 * 1024;
/// Ten times a second, three seconds' worth at once: RFC 4103 section 5.1 sends every 300 ms.
const EACH: Duration = Duration::from_millis(100);
const BURST: Duration = Duration::from_secs(3);

/// Who writes what.
#[derive(Debug, Default)]
pub(super) struct Typing {
    lines: BTreeMap<ParticipantId, Line>,
}

#[derive(Debug, Default)]
struct Line {
    number: u32,
    /// What it says so far. None: it is finished.
    text: Option<String>,
    allowance: Allowance,
}

impl Line {
    /// Takes in what was typed. Gives the number of the line that was finished by it, where one was.
    fn take(&mut self, typed: &Type) -> Result<Option<(u32, u32)>, Reason> {
        let next = typed.line > self.number;
        if !next && (typed.line < self.number || self.text.is_none()) {
            return Err(Reason::WRONG_STATE);
        }
        let mut text = match &self.text {
            Some(text) if !next => text.clone(),
            _ => String::new(),
        };
        if !typed.apply(&mut text) {
            return Err(Reason::BAD_PARAMETERS);
        }
        if text.len() > LONGEST {
            return Err(Reason::TEXT_TOO_LONG);
        }
        let finished = self.text.take().filter(|_| next);
        let finished = finished.map(|text| {
            let length = text.chars().count();
            (self.number, u32::try_from(length).unwrap_or(u32::MAX))
        });
        self.number = typed.line;
        self.text = (!typed.last).then_some(text);
        Ok(finished)
    }
}

impl Typing {
    pub(super) fn left(&mut self, id: ParticipantId) {
        self.lines.remove(&id);
    }
}

impl Room {
    /// Somebody types.
    pub(super) fn type_text(
        &mut self,
        me: ParticipantId,
        typed: &Type,
        cx: &mut Context<'_>,
    ) -> Result<(), Reason> {
        self.require(me, Capability::RealTimeText)?;
        let line = self.together.typing.lines.entry(me).or_default();
        let mut allowance = line.allowance;
        if !allowance.take(EACH, BURST, cx.now) {
            return Err(Reason::ENGAGED_TOO_FAST);
        }
        let finished = line.take(typed)?;
        line.allowance = allowance;
        if let Some((line, keep)) = finished {
            let end = Typed {
                from: me,
                line,
                keep,
                text: String::new(),
                last: true,
            };
            self.tell_typed(&end, None, cx);
        }
        let typed = Typed {
            from: me,
            line: typed.line,
            keep: typed.keep,
            text: typed.text.clone(),
            last: typed.last,
        };
        self.tell_typed(&typed, None, cx);
        Ok(())
    }

    fn tell_typed(&self, typed: &Typed, only: Option<ParticipantId>, cx: &mut Context<'_>) {
        self.tell_of(
            only,
            |viewer| {
                let reads = viewer.id != typed.from
                    && may(viewer, Capability::ReceiveCaptions)
                    && self.sees(viewer, typed.from);
                reads.then_some(())
            },
            |()| News::Typed(typed.clone()),
            cx,
        );
    }

    /// Shows somebody the lines that are not finished.
    pub(super) fn show_typing(&self, id: ParticipantId, cx: &mut Context<'_>) {
        for (from, line) in &self.together.typing.lines {
            if let Some(text) = line.text.clone() {
                let typed = Typed {
                    from: *from,
                    line: line.number,
                    keep: 0,
                    text,
                    last: false,
                };
                self.tell_typed(&typed, Some(id), cx);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(line: u32, keep: u32, text: &str, last: bool) -> Type {
        Type {
            line,
            keep,
            text: text.into(),
            last,
        }
    }

    #[test]
    fn a_line_ends_with_its_last_or_with_the_next() {
        let mut line = Line::default();
        assert_eq!(line.take(&step(1, 0, "hallo", false)), Ok(None));
        assert_eq!(line.take(&step(1, 1, "ello", false)), Ok(None));
        assert_eq!(line.text.as_deref(), Some("hello"));
        assert_eq!(line.take(&step(1, 9, "", false)), Err(Reason::BAD_PARAMETERS));
        assert_eq!(line.take(&step(2, 0, "you", true)), Ok(Some((1, 5))));
        assert_eq!(line.take(&step(2, 0, "more", false)), Err(Reason::WRONG_STATE));
        assert_eq!(line.take(&step(1, 0, "more", false)), Err(Reason::WRONG_STATE));
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(line.take(&step(3, 0, &long, false)), Err(Reason::TEXT_TOO_LONG));
        assert_eq!(line.text, None, "a refused line is no line");
    }

    proptest! {
        #[test]
        fn whoever_reads_from_the_start_and_whoever_comes_late_read_the_same(
            steps in proptest::collection::vec((1_u32..4, 0_u32..12, "[a-cé]{0,4}", any::<bool>()), 1..60),
            late in 0_usize..60,
        ) {
            let mut line = Line::default();
            let (mut early, mut came): (BTreeMap<u32, String>, Option<BTreeMap<u32, String>>) = Default::default();
            for (at, (number, keep, text, last)) in steps.into_iter().enumerate() {
                if at == late {
                    let open = line.text.clone().map(|text| (line.number, text));
                    came = Some(open.into_iter().collect());
                }
                let typed = step(number, keep, &text, last);
                if line.take(&typed).is_err() {
                    continue;
                }
                prop_assert!(typed.apply(early.entry(number).or_default()));
                if let Some(came) = &mut came {
                    prop_assert!(typed.apply(came.entry(number).or_default()));
                    prop_assert_eq!(&came[&number], &early[&number]);
                }
                if let Some(text) = &line.text {
                    prop_assert_eq!(text, &early[&line.number]);
                }
            }
        }
    }
}
