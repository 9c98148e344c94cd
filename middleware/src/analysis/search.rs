//! The search for the fewest changes of facts under which a requirement is met.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use crate::policy::{Changes, Evaluated, Fact, Remedies};

/// How many combinations of changes are tried. No more of them are kept, so that they take a few megabytes.
const MAX_TRIED: usize = 4_000;

/// How many times of a request are tried.
const MAX_MOMENTS: usize = 100;

/// How many combinations a search finds.
const MAX_FOUND: usize = 200;

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
///
/// A combination that is left out at a limit cuts the search, unless a smaller one allows the request.
pub(super) fn search(evaluated: Evaluated<'_>) -> Found {
    let mut found = Found::default();
    // What was ever to be tried; those with more changes come after all others.
    let mut seen: HashSet<Arc<Changes>> = HashSet::new();
    let mut moments = 0;
    let mut waiting = VecDeque::from([Arc::new(Changes::new())]);
    while found.combinations.is_empty() && !waiting.is_empty() {
        let mut larger = VecDeque::new();
        let mut is_larger_cut = false;
        while let Some(changes) = waiting.pop_front() {
            let changed = evaluated.with(&changes);
            if changed.is_allowed() {
                let necessary = necessary(evaluated, &changes);
                let unknown = evaluated.unknown_after(&necessary);
                if !unknown.is_empty() {
                    found.not_computed.extend(unknown);
                    continue;
                }
                if !found.combinations.contains(&necessary) {
                    found.combinations.push(necessary);
                }
                if found.combinations.len() >= MAX_FOUND {
                    found.is_cut = true;
                    break;
                }
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
                let Some(change) = evaluated.possible(change) else {
                    continue;
                };
                let fact = change.fact.clone();
                let (is_larger, is_of_time) = (!changes.contains_key(&fact), fact == Fact::Clock);
                if is_larger && !found.combinations.is_empty() {
                    continue;
                }
                let mut next = Changes::clone(&changes);
                next.insert(fact, Arc::new(change));
                if seen.contains(&next) {
                    continue;
                }
                if is_of_time {
                    moments += 1;
                    if moments > MAX_MOMENTS {
                        found.is_cut = true;
                        continue;
                    }
                }
                if seen.len() >= MAX_TRIED {
                    match is_larger {
                        true => is_larger_cut = true,
                        false => found.is_cut = true,
                    }
                    continue;
                }
                let next = Arc::new(next);
                seen.insert(Arc::clone(&next));
                if is_larger { &mut larger } else { &mut waiting }.push_back(next);
            }
        }
        found.is_cut |= is_larger_cut && found.combinations.is_empty();
        waiting = larger;
    }
    let least = found.combinations.iter().map(Changes::len).min();
    found.combinations.retain(|changes| Some(changes.len()) == least);
    let width = |changes: &Changes| changes.values().filter(|change| change.is_wide).count();
    let least = found.combinations.iter().map(width).min();
    found.combinations.retain(|changes| Some(width(changes)) == least);
    found
}

/// The changes without those that another one makes unnecessary: a detail may meet several rules, each of which asks for one.
fn necessary(evaluated: Evaluated<'_>, changes: &Changes) -> Changes {
    let mut necessary = changes.clone();
    for fact in changes.keys().filter(|_| changes.len() > 1) {
        let mut fewer = necessary.clone();
        fewer.remove(fact);
        if evaluated.with(&fewer).is_allowed() {
            necessary = fewer;
        }
    }
    necessary
}
