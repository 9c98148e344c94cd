//! The search for the fewest changes of facts under which a requirement is met.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use crate::policy::{Change, Changes, Evaluated, Fact, Remedies};

/// How many combinations of changes are tried.
const MAX_TRIED: usize = 4_000;

/// How many times of a request are tried.
const MAX_MOMENTS: usize = 100;

/// What a search has found.
#[derive(Default)]
pub(super) struct Found {
    /// Combinations of equal size, each of which the evaluator allows. No smaller one is, among the values that rules ask for.
    pub(super) combinations: Vec<Changes>,
    /// The rules that ended a part of the search, because their changes are not computed.
    pub(super) not_computed: BTreeSet<Arc<str>>,
    /// Whether the search ended at its limit.
    pub(super) is_cut: bool,
}

/// Searches by the number of changes. Whatever meets a requirement has a change of the first rule that is not met, so that only these
/// are tried, one after another; a change of a fact that was changed before takes the place of that one.
pub(super) fn search(evaluated: Evaluated<'_>) -> Found {
    let mut found = Found::default();
    let mut seen: HashSet<Vec<Change>> = HashSet::new();
    let (mut tried, mut moments) = (0, 0);
    let mut waiting = VecDeque::from([Changes::new()]);
    while found.combinations.is_empty() && !waiting.is_empty() {
        let mut larger = VecDeque::new();
        while let Some(changes) = waiting.pop_front() {
            if tried >= MAX_TRIED {
                found.is_cut = true;
                return found;
            }
            tried += 1;
            let changed = evaluated.with(&changes);
            if changed.is_allowed() {
                let unknown = evaluated.unknown_after(&changes);
                if !unknown.is_empty() {
                    found.not_computed.extend(unknown);
                    continue;
                }
                found.combinations.push(changes);
                continue;
            }
            let mut remedies = Remedies::beside(&changes, evaluated.issuer);
            changed.remedies(&mut remedies);
            let Remedies {
                found: next,
                not_computed,
                ..
            } = remedies;
            found.not_computed.extend(not_computed);
            for change in next {
                let fact = change.fact.clone();
                if fact == Fact::Clock {
                    moments += 1;
                    if moments > MAX_MOMENTS {
                        continue;
                    }
                }
                let is_larger = !changes.contains_key(&fact);
                let mut next = changes.clone();
                next.insert(fact, change);
                if seen.insert(next.values().cloned().collect()) {
                    if is_larger { &mut larger } else { &mut waiting }.push_back(next);
                }
            }
        }
        waiting = larger;
    }
    let width = |changes: &Changes| changes.values().filter(|change| change.is_wide).count();
    let least = found.combinations.iter().map(width).min();
    found.combinations.retain(|changes| Some(width(changes)) == least);
    found
}
