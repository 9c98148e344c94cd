//! Measurements side by side: short slices, alternating, and the median over the rounds.

use std::time::{Duration, Instant};

/// How many rounds there are, and how long each slice of one is.
const ROUNDS: usize = 101;
const SLICE: Duration = Duration::from_millis(2);

/// What was measured alternating: for each round the nanoseconds of a call of each.
pub struct Rounds<const N: usize>(Vec<[f64; N]>);

impl<const N: usize> Rounds<N> {
    /// Runs each in turn, round by round. Every slice of a round meets the machine in about the same state.
    pub fn of(mut runs: [&mut dyn FnMut(); N]) -> Rounds<N> {
        let mut round = || std::array::from_fn(|at| time(&mut *runs[at]));
        // Caches fill, and the processor reaches its frequency.
        round();
        Rounds((0..ROUNDS).map(|_| round()).collect())
    }

    /// The median of what `figure` makes of a round.
    pub fn median(&self, figure: impl Fn(&[f64; N]) -> f64) -> f64 {
        let mut values: Vec<f64> = self.0.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// The ratio of two of them.
    pub fn ratio(&self, measured: usize, base: usize) -> f64 {
        self.median(|round| round[measured] / round[base])
    }

    /// What one costs over another, in nanoseconds.
    pub fn over(&self, measured: usize, base: usize) -> f64 {
        self.median(|round| round[measured] - round[base])
    }
}

fn time(run: &mut dyn FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < SLICE {
        for _ in 0..16 {
            run();
        }
        calls += 16;
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}
