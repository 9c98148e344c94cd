//! `any_of`: alternatives, of which at least one has to be met in full.

use super::finding::Finding;

/// Alternatives, each with its rules.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct AnyOf<R>(pub(in crate::policy) Box<[Vec<R>]>);

impl<R> AnyOf<R> {
    pub(super) fn evaluate(&self, evaluate: impl Fn(&R) -> Finding) -> Finding {
        let mut finding = Finding::Unmet("any_of_not_met");
        'alternatives: for rules in &self.0 {
            let mut step_up = None;
            for rule in rules {
                match evaluate(rule) {
                    Finding::Met => {}
                    Finding::StepUp(needed) => step_up = step_up.or(Some(needed)),
                    Finding::Unmet(_) | Finding::LacksScope(_) => continue 'alternatives,
                }
            }
            match step_up {
                None => return Finding::Met,
                // A login suffices, unless another alternative needs none.
                Some(needed) => finding = Finding::StepUp(needed),
            }
        }
        finding
    }

    pub(super) fn expected(&self) -> String {
        format!("one of {} alternatives", self.0.len())
    }

    /// The first alternative that is met in full.
    pub(super) fn got(&self, is_met: impl Fn(&R) -> bool) -> String {
        let met = self.0.iter().position(|rules| rules.iter().all(&is_met));
        met.map_or("none of them".to_owned(), |index| format!("any_of[{index}]"))
    }
}
