//! Changes of facts in the words of a policy.

use std::fmt;

use crate::chain::{Actor, Facts, Party};
use crate::policy::{
    Change, Changed, Check, Fact, Login, OTHER_ACTOR, OTHER_CLIENT, Outcome, Tier, Times, Value, is_other,
};
use crate::profile::Kind;

/// Which kinds a party can be of.
pub(super) enum NeededKind {
    Any,
    /// Any other than these.
    AnyBut(Vec<Kind>),
    Exactly(Kind),
}

impl NeededKind {
    /// Those with which a change has the same result; `is_met_by` is whether it has that with a kind.
    pub(super) fn of(change: &Change, is_met_by: impl Fn(Kind) -> bool) -> NeededKind {
        match &change.value {
            Value::Party(_, kind) if *kind != Kind::Unknown && !is_met_by(Kind::Unknown) => NeededKind::Exactly(*kind),
            Value::Party(..) => {
                let mut others = vec![Kind::Human, Kind::Agent, Kind::Service];
                others.retain(|kind| !is_met_by(*kind));
                match others.is_empty() {
                    true => NeededKind::Any,
                    false => NeededKind::AnyBut(others),
                }
            }
            _ => NeededKind::Any,
        }
    }
}

/// As a part of a phrase, after a space.
impl fmt::Display for NeededKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NeededKind::Any => Ok(()),
            NeededKind::Exactly(kind) => write!(f, " of kind {kind}"),
            NeededKind::AnyBut(kinds) => {
                let kinds: Vec<&str> = kinds.iter().map(|kind| in_words(*kind)).collect();
                write!(f, " that is not {}", kinds.join(" or "))
            }
        }
    }
}

/// A party of a kind.
fn in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Human => "a human",
        Kind::Agent => "an agent",
        Kind::Service => "a service",
        Kind::Unknown => "of unknown kind",
    }
}

/// A change of these facts in words; `unmet` are the checks without it, `needs` is the kind of a party, and `tests` are what the rules
/// accept of the fact.
pub(super) fn words(change: &Change, facts: &Facts, unmet: &[Check], needs: &NeededKind, tests: &[String]) -> String {
    let core = facts.core();
    if let Some(of) = &change.range_of {
        // `a number of at least 0 and of at most 500`
        return format!("{of}: {}", tests.join(" and ").replace(" and a number of ", " and of "));
    }
    match &change.value {
        Value::Party(party, _) => {
            let initiator = core.initiator;
            match &change.fact {
                Fact::Initiator => of_party("initiator", party, needs, Some(initiator), initiator),
                _ => {
                    let actor = core.delegation.actor().map(Actor::party);
                    of_party("actor", party, needs, actor, initiator)
                }
            }
        }
        Value::Text(client) if change.fact == Fact::Client && **client == *OTHER_ACTOR => {
            "the client that is that actor".to_owned()
        }
        Value::Login(login) => of_login(login),
        Value::Times(times) => of_times(times),
        Value::Moment(_) => format!("a request {}", tests.join(" and ")),
        Value::Fitting => {
            let rules = unmet.iter().filter(|check| check.tier == Tier::History);
            let rules: Vec<String> = rules.map(|check| of_chain(&check.expected)).collect();
            rules.join(", ")
        }
        Value::Json(_) if matches!(change.fact, Fact::Detail(_)) => of_details(change, unmet),
        Value::Held(_) | Value::Absent | Value::Text(_) | Value::Json(_) | Value::Number(_) => change.words.clone(),
    }
}

/// The checks that are not met.
pub(super) fn unmet(changed: &Changed<'_>) -> Vec<Check> {
    let mut checks = changed.checks();
    checks.retain(|check| check.outcome == Outcome::Failed);
    checks
}

fn of_party(role: &str, party: &Party, of_kind: &NeededKind, before: Option<&Party>, initiator: &Party) -> String {
    let an = "an";
    if party.subject() == OTHER_CLIENT {
        return match of_kind {
            NeededKind::AnyBut(_) => format!("{an} {role}{of_kind}, and is that client"),
            _ => format!("{an} {role}{of_kind} that is that client"),
        };
    }
    // Another party of the issuer of the token is not named as such, unless the present one has another issuer.
    let is_of_token = |party: &Party| party.issuer() == initiator.issuer();
    let of_issuer = match is_of_token(party) && before.is_none_or(is_of_token) {
        true => String::new(),
        false => format!(" of issuer {}", party.issuer()),
    };
    // The issuer comes before what the party is not.
    let described = |of_issuer: &str| match of_kind {
        NeededKind::AnyBut(_) => format!("{role}{of_issuer}{of_kind}"),
        NeededKind::Any | NeededKind::Exactly(_) => format!("{role}{of_kind}{of_issuer}"),
    };
    match before {
        Some(same) if same == party => format!("{an} {role}{of_kind}"),
        Some(_) if is_other(party.subject()) => format!("another {}", described(&of_issuer)),
        Some(same) if same.subject() == party.subject() => {
            let of_issuer = format!(" of issuer {}", party.issuer());
            format!("{an} {}", described(&of_issuer))
        }
        None if is_other(party.subject()) => format!("{an} {}", described(&of_issuer)),
        // The name comes before what it is.
        Some(_) | None => match of_kind {
            NeededKind::Any => format!("{an} {role}: {}{of_issuer}", party.subject()),
            NeededKind::Exactly(_) => format!("{an} {role}{of_kind}: {}{of_issuer}", party.subject()),
            NeededKind::AnyBut(_) => format!(
                "{an} {role}: {}{of_issuer}{}",
                party.subject(),
                of_kind.to_string().replacen(" that is", ", which is", 1)
            ),
        },
    }
}

fn of_login(login: &Login) -> String {
    let mut words = "a login".to_owned();
    if let Some(within) = login.within {
        words.push_str(&format!(" within {}", duration(within)));
    }
    if !login.methods.is_empty() {
        let methods: Vec<&str> = login.methods.iter().map(|method| &**method).collect();
        words.push_str(&format!(" with {}", methods.join(" and ")));
    }
    if let Some(context) = &login.context {
        words.push_str(&format!(" at {context}"));
    }
    words
}

/// What every rule on details needs that is not met without this one.
fn of_details(change: &Change, unmet: &[Check]) -> String {
    let of_details = |check: &&Check| check.source.as_deref() == Some("`authorization_details`");
    let needed: Vec<&str> = unmet.iter().filter(of_details).map(|check| &*check.expected).collect();
    let has_more = |text: &str, other: &str| other.strip_prefix(text).is_some_and(|rest| rest.starts_with(", with "));
    let is_part = |text: &&str| needed.iter().any(|other| has_more(text, other));
    let needed: Vec<&str> = needed.iter().copied().filter(|text| !is_part(text)).collect();
    match needed[..] {
        [_, _, ..] => needed.join(" and "),
        _ => change.words.clone(),
    }
}

fn of_times(times: &Times) -> String {
    let mut words = "a token".to_owned();
    if let Some(age) = times.age {
        words.push_str(&format!(" issued within {}", duration(age)));
    }
    if let Some(lifetime) = times.lifetime {
        words.push_str(&format!(" with a lifetime of at most {}", duration(lifetime)));
    }
    words
}

fn of_chain(expected: &str) -> String {
    match expected {
        expected if expected.starts_with("a chain ") => expected.to_owned(),
        expected if expected.starts_with("at most ") || expected.starts_with("exactly ") => {
            format!("a chain of {expected}")
        }
        expected => format!("a chain with {expected}"),
    }
}

/// A number of seconds in the largest unit that is whole.
fn duration(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let whole = units
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit) && seconds >= *unit);
    let (unit, name) = whole.unwrap_or((1, "second"));
    match seconds / unit {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_the_largest_whole_unit() {
        let shown = [0, 1, 59, 60, 90, 300, 3_600, 7_200, 86_400].map(duration);
        let expected = [
            "0 seconds",
            "1 second",
            "59 seconds",
            "1 minute",
            "90 seconds",
            "5 minutes",
            "1 hour",
            "2 hours",
            "1 day",
        ];
        assert_eq!(shown, expected);
    }
}
