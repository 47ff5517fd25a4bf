//! The last part of a recording, by the number of the sample.

#[derive(Clone, Debug)]
pub(super) struct History {
    ring: Vec<f64>,
    end: u64,
}

impl History {
    pub(super) fn new(samples: usize) -> Self {
        Self {
            ring: vec![0.0; samples.max(1)],
            end: 0,
        }
    }

    pub(super) fn push(&mut self, sample: f64) {
        let place = self.place(self.end);
        self.ring[place] = sample;
        self.end += 1;
    }

    /// One past the newest sample.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The oldest sample that is still known.
    pub(super) fn start(&self) -> u64 {
        self.end.saturating_sub(self.ring.len() as u64)
    }

    /// The sample at `at`; 0 where it is not known.
    pub(super) fn at(&self, at: u64) -> f64 {
        if at >= self.end || at < self.start() {
            return 0.0;
        }
        self.ring[self.place(at)]
    }

    /// The samples of a range, as far as they are known.
    pub(super) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = f64> + Clone {
        (from.max(self.start())..to.min(self.end)).map(|at| self.ring[self.place(at)])
    }

    fn place(&self, at: u64) -> usize {
        (at % self.ring.len() as u64) as usize
    }
}
