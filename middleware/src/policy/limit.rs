//! `limit`: how many requests a party may make.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::mode::Mode;
use super::syntax::Context;
use crate::chain::Facts;
use crate::chain::Party;
use crate::digest::sha256;
use crate::quota::{Count, MAX_BURST, MAX_REQUESTS, Quota};

/// How many requests a party may make. A request is counted once its token and every rule allow it. Denied with `limit_exceeded`
/// (429, with the time after which to try again).
/// Example: `{ per: [initiator, actor], rate: 60/m, burst: 10 }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `limit: { per: [initiator], rate: 60/m }`"
)]
pub(super) struct LimitDocument {
    /// Whose requests are counted together: those of one `initiator`, of one `actor` (who acts: the current actor, or the initiator
    /// where no other party acts for it), or of one `client`. Of several, those that have all of them in common.
    /// Example: `[initiator, actor]`
    #[cfg_attr(feature = "schema", schemars(with = "OneOrMany<CountedParty>", extend("x-non-empty" = true)))]
    per: OneOrMany<Spanned<CountedParty>>,
    /// How many requests in a second (`s`), a minute (`m`), an hour (`h`) or a day (`d`).
    /// Example: `60/m`
    rate: Spanned<Rate>,
    /// How many of them at once. Default: the number of the rate.
    /// Example: `10`
    #[cfg_attr(feature = "schema", schemars(with = "Option<u32>", range(min = 1, max = 1_000_000)))]
    burst: Option<Spanned<u64>>,
    /// `shadow`: requests are counted, and none is denied for it.
    /// Example: `shadow`
    pub(super) mode: Option<Spanned<Mode>>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum CountedParty {
    /// The initiator.
    Initiator,
    /// Who acts: the current actor, or the initiator where no other party acts for it.
    Actor,
    /// The client of the token. Tokens without one have a count of their own.
    Client,
}

impl CountedParty {
    fn word(self) -> &'static str {
        match self {
            CountedParty::Initiator => "initiator",
            CountedParty::Actor => "actor",
            CountedParty::Client => "client",
        }
    }
}

/// `60/m`.
#[derive(Clone, Copy, Debug)]
struct Rate {
    requests: u32,
    period: Duration,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A number of requests in a second, a minute, an hour or a day: `60/m`.
    Rate = "Rate", { "type": "string", "pattern": "^0*[1-9][0-9]{0,6}/[smhd]$" };
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Rate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate\nwrite it as `10/s`, `60/m`, `1000/h` or `5000/d`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
                let rate = text.split_once('/').and_then(|(requests, unit)| {
                    let seconds = match unit {
                        "s" => 1,
                        "m" => 60,
                        "h" => 3600,
                        "d" => 86_400,
                        _ => return None,
                    };
                    let digits = requests.bytes().all(|byte| byte.is_ascii_digit());
                    if requests.is_empty() || !digits {
                        return None;
                    }
                    // One that is no `u32` is out of range.
                    Some((requests.parse().unwrap_or(u32::MAX), Duration::from_secs(seconds)))
                });
                let shown = text.replace(char::is_control, " ");
                match rate {
                    Some((requests, period)) if (1..=MAX_REQUESTS).contains(&requests) => Ok(Rate { requests, period }),
                    Some(_) => Err(E::custom(format!(
                        "`{shown}` is out of range: from 1 to {MAX_REQUESTS} requests\nwrite a number in this range"
                    ))),
                    None => Err(E::custom(format!(
                        "`{shown}` is no rate\nwrite it as `10/s`, `60/m`, `1000/h` or `5000/d`"
                    ))),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A limit, compiled. Limits are equal if a request is counted in the same way by each of them: by the same parties, within the same
/// quota, and together. So a request that a server may take for one to another route leads to another access if that route has a
/// count of its own.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    /// The rule, as the policy lists it: `POST /refunds: limit`, or [`OF_POLICY`].
    pub(crate) name: Arc<str>,
    /// In words: `60/m (10 at once) by initiator and actor`.
    pub(crate) quota_in_words: Arc<str>,
    pub(crate) mode: Mode,
    /// What the counted requests have in common: the first `match` of the route, or all that have no limit of their own.
    shared_by: Arc<str>,
    /// The name of the limit at the first `match` of the route, or [`OF_POLICY`].
    shared_name: Arc<str>,
    per: Box<[CountedParty]>,
    quota: Quota,
}

impl PartialEq for Limit {
    fn eq(&self, other: &Limit) -> bool {
        (&self.shared_by, &self.per, self.quota) == (&other.shared_by, &other.per, other.quota)
    }
}

impl Eq for Limit {}

impl LimitDocument {
    /// Whether it states a mode of its own, and which.
    pub(super) fn has_mode(&self, mode: Mode) -> bool {
        self.mode.as_ref().is_some_and(|written| written.value == mode)
    }

    /// The limit of a route; [`None`] after a mistake. `written_for` is the route by its first `match`, or [`EVERY_ROUTE`].
    pub(super) fn compile(
        &self,
        owner: &str,
        written_for: &str,
        mode: Mode,
        context: &mut Context<'_>,
    ) -> Option<Limit> {
        let mut per: Vec<CountedParty> = Vec::new();
        let mut is_valid = true;
        for party in self.per.iter() {
            if per.contains(&party.value) {
                let message = format!("`{}` is listed twice", party.value.word());
                context.mistake(party.span(), message, "remove one of them");
                is_valid = false;
            }
            per.push(party.value);
        }
        if per.is_empty() {
            context.mistake_if_whole(
                self.rate.span(),
                "`per` is empty",
                "name whose requests are counted together: `initiator`, `actor`, `client`",
            );
            is_valid = false;
        }
        per.sort_unstable();
        let Rate { requests, period } = self.rate.value;
        let burst = self.burst.as_ref().map_or(u64::from(requests), |burst| burst.value);
        let burst = u32::try_from(burst).unwrap_or(u32::MAX);
        let is_burst = (1..=MAX_BURST).contains(&burst);
        let quota = Quota::new(requests, period, burst).inspect_err(|reason| {
            let place = self.burst.as_ref().map_or(self.rate.span(), Spanned::span);
            let help = match (burst, is_burst) {
                (0, _) => {
                    "write how many requests may come at once, at least 1; `none_of` denies a party every request"
                        .to_owned()
                }
                (_, false) => format!("write a `burst` from 1 to {MAX_BURST}"),
                (_, true) => "write a lower rate, or a lower `burst`, which comes back earlier".to_owned(),
            };
            context.mistake(place, *reason, help);
        });
        let quota = quota.ok().filter(|_| is_valid)?;
        let name_at = |owner: &str| match written_for {
            EVERY_ROUTE => OF_POLICY.into(),
            _ => format!("{owner}: limit").into(),
        };
        Some(Limit {
            name: name_at(owner),
            quota_in_words: in_words(self.rate.value, burst, &per).into(),
            mode: mode.or_written(self.mode.as_ref()),
            shared_by: written_for.into(),
            shared_name: name_at(written_for),
            per: per.into(),
            quota,
        })
    }
}

/// Reports the limit of a public route.
pub(super) fn deny_limit(of_public: Option<&Spanned<LimitDocument>>, context: &mut Context<'_>) {
    if let Some(limit) = of_public {
        let message = "a public route has no limit, because it has no party";
        context.mistake(limit.span(), message, "remove `limit`, or `public: true`");
    }
}

/// What the requests to all routes have in common that have no limit of their own. No route is written in this way.
pub(super) const EVERY_ROUTE: &str = "every route";

/// The name of the limit that these routes share.
pub(crate) const OF_POLICY: &str = "limit of the policy";

/// `60/m (10 at once) by initiator and actor`.
fn in_words(rate: Rate, burst: u32, per: &[CountedParty]) -> String {
    let unit = match rate.period.as_secs() {
        1 => 's',
        60 => 'm',
        3600 => 'h',
        _ => 'd',
    };
    let at_once = match burst == rate.requests {
        true => String::new(),
        false => format!(" ({burst} at once)"),
    };
    let words: Vec<&str> = per.iter().map(|party| party.word()).collect();
    format!("{}/{unit}{at_once} by {}", rate.requests, words.join(" and "))
}

/// A limit of a policy, in words.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLimit {
    /// The rule, as [`Error::rule`](crate::Error::rule) names it: `POST /refunds: limit`, or `limit of the policy` for the one that is
    /// written beside `routes`.
    pub rule: Arc<str>,
    /// The rule at the first `match` of the route. Limits with the same one are one count.
    pub first_rule: Arc<str>,
    /// How many requests of whom: `60/m (10 at once) by initiator and actor`.
    pub quota: Arc<str>,
    /// Whether it is enforced.
    pub mode: Mode,
}

impl From<&Limit> for PolicyLimit {
    fn from(limit: &Limit) -> PolicyLimit {
        PolicyLimit {
            rule: Arc::clone(&limit.name),
            first_rule: Arc::clone(&limit.shared_name),
            quota: Arc::clone(&limit.quota_in_words),
            mode: limit.mode,
        }
    }
}

impl Limit {
    /// What a request with these facts is counted as.
    pub(crate) fn count(&self, facts: &Facts) -> Count {
        let mut text = Vec::with_capacity(256);
        part(&mut text, &self.shared_by);
        // A count by one quota says nothing of another one.
        text.extend_from_slice(&self.quota.interval().as_nanos().to_be_bytes());
        text.extend_from_slice(&self.quota.burst().get().to_be_bytes());
        let core = facts.core();
        for party in &self.per {
            part(&mut text, party.word());
            match party {
                CountedParty::Initiator => add_party(&mut text, core.initiator),
                CountedParty::Actor => match core.delegate() {
                    Some(actor) => add_party(&mut text, actor.party()),
                    None => add_party(&mut text, core.initiator),
                },
                CountedParty::Client => {
                    part(&mut text, core.initiator.issuer());
                    // No client has an empty identifier.
                    part(&mut text, core.claims.client().unwrap_or_default());
                }
            }
        }
        let mut key = [0; 32];
        key.copy_from_slice(sha256(&text).as_ref());
        Count::new(key, self.quota)
    }
}

fn add_party(text: &mut Vec<u8>, party: &Party) {
    part(text, party.issuer());
    part(text, party.subject());
}

/// With its length, so that no two lists of parts make one text.
fn part(text: &mut Vec<u8>, part: &str) {
    text.extend_from_slice(&(part.len() as u64).to_be_bytes());
    text.extend_from_slice(part.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::policy::Policy;
    use crate::policy::testing::facts;

    fn key(limit: &str, route: &str, claims: serde_json::Value) -> [u8; 32] {
        let text = format!("limit: {limit}\nroutes: [{{ match: GET / }}, {{ match: GET /own, limit: {limit} }}]");
        let policy = Policy::from_yaml(&text).unwrap_or_else(|error| panic!("{error}"));
        let route = policy.exact_route("GET", route).unwrap();
        let crate::policy::Access::Guarded(requirement) = &route.access else {
            panic!()
        };
        *requirement.limit().unwrap().count(&facts(claims)).key()
    }

    #[test]
    fn requests_are_counted_together_by_the_parties_of_per() {
        let alice = |act: serde_json::Value| json!({ "sub": "alice", "client_id": "web", "act": act });
        let (bot, other) = (json!({ "sub": "bot" }), json!({ "sub": "other" }));
        let itself = json!({ "sub": "bot", "client_id": "cron" });
        for (per, one, another, are_together) in [
            ("initiator", alice(bot.clone()), alice(other.clone()), true),
            ("actor", alice(bot.clone()), alice(other.clone()), false),
            ("actor", alice(bot.clone()), itself.clone(), true),
            ("initiator", alice(bot.clone()), itself.clone(), false),
            ("[initiator, actor]", alice(bot.clone()), alice(other.clone()), false),
            ("[initiator, actor]", alice(bot.clone()), alice(bot.clone()), true),
            ("client", alice(bot.clone()), alice(other), true),
            ("client", alice(bot), itself, false),
            ("client", json!({ "sub": "a" }), json!({ "sub": "b" }), true),
            (
                "client",
                json!({ "sub": "a" }),
                json!({ "sub": "a", "client_id": "c" }),
                false,
            ),
        ] {
            let limit = format!("{{ per: {per}, rate: 60/m }}");
            let equal = key(&limit, "/", one.clone()) == key(&limit, "/", another.clone());
            assert_eq!(equal, are_together, "{per}: {one} {another}");
        }
    }

    #[test]
    fn a_limit_of_a_route_is_counted_for_it_alone() {
        let claims = json!({ "sub": "alice" });
        let limit = "{ per: initiator, rate: 60/m }";
        assert_ne!(key(limit, "/", claims.clone()), key(limit, "/own", claims.clone()));
        let of = |limit: &str| key(limit, "/", claims.clone());
        let both = of("{ per: [initiator, actor], rate: 60/m }");
        let same = of("{ per: [actor, initiator], rate: 1/s, burst: 60 }");
        assert_eq!(
            both, same,
            "neither the order nor the spelling of a quota is a part of the key"
        );
        for other in ["rate: 61/m", "rate: 60/m, burst: 61"] {
            let other = format!("{{ per: [initiator, actor], {other} }}");
            assert_ne!(of(&other), both, "{other} begins anew");
        }
    }

    #[test]
    fn routes_with_counts_of_their_own_are_different_accesses_and_one_route_has_one_count() {
        let limit = "limit: { per: initiator, rate: 60/m }";
        let policy = |text: &str| Policy::from_yaml(text).unwrap_or_else(|error| panic!("{error}"));
        let is_one_access = |policy: &Policy, [one, other]: [(&str, &str); 2]| {
            let access = |(method, path)| &policy.exact_route(method, path).unwrap().access;
            access(one) == access(other)
        };
        let apart = policy(&format!(
            "routes: [{{ match: GET /a, {limit} }}, {{ match: 'GET /{{id}}', {limit} }}, {{ match: POST /a, {limit} }}]"
        ));
        assert!(!is_one_access(&apart, [("GET", "/a"), ("GET", "/b")]));
        assert!(!is_one_access(&apart, [("GET", "/a"), ("POST", "/a")]));
        let default = policy(&format!("{limit}\nroutes: [{{ match: GET /a }}, {{ match: POST /a }}]"));
        assert!(is_one_access(&default, [("GET", "/a"), ("POST", "/a")]));
        let one = policy(&format!("routes: [{{ match: [GET /a, POST /a], {limit} }}]"));
        assert!(is_one_access(&one, [("GET", "/a"), ("POST", "/a")]));
        let text = format!("routes: [{{ match: [GET /own, GET /], {limit} }}]");
        let keys = ["/own", "/"].map(|path| {
            let policy = policy(&text);
            let crate::policy::Access::Guarded(requirement) = &policy.exact_route("GET", path).unwrap().access else {
                panic!()
            };
            *requirement
                .limit()
                .unwrap()
                .count(&facts(json!({ "sub": "alice" })))
                .key()
        });
        assert_eq!(keys[0], keys[1]);
    }

    #[test]
    fn a_limit_that_no_route_uses_has_a_warning() {
        let own = "limit: { per: actor, rate: 1/s }";
        for (routes, is_warned) in [
            ("{ match: GET /, public: true }".to_owned(), true),
            (
                format!("{{ match: GET /, public: true }}, {{ match: GET /a, {own} }}"),
                true,
            ),
            (format!("{{ match: GET / }}, {{ match: GET /a, {own} }}"), false),
        ] {
            let policy = Policy::from_yaml(&format!("{own}\nroutes: [{routes}]")).unwrap();
            let warned = policy
                .warnings()
                .any(|warning| warning.to_string().contains("so that this one has no effect"));
            assert_eq!(warned, is_warned, "{routes}");
        }
    }

    #[test]
    fn a_policy_lists_its_limits_and_the_shared_one_once() {
        let text = "limit: { per: client, rate: 5000/h, mode: shadow }\nroutes: [{ match: GET / }, { match: GET /b }, { match: \
                    [POST /own, GET /own], limit: { per: [actor, initiator], rate: 60/m, burst: 10 } }]";
        let policy = Policy::from_yaml(text).unwrap();
        let limits = policy.limits().into_iter();
        let listed: Vec<String> = limits
            .map(|limit| {
                format!(
                    "{} ({}): {} {:?}",
                    limit.rule, limit.first_rule, limit.quota, limit.mode
                )
            })
            .collect();
        assert_eq!(
            listed,
            [
                "GET /own: limit (POST /own: limit): 60/m (10 at once) by initiator and actor Enforce",
                "POST /own: limit (POST /own: limit): 60/m (10 at once) by initiator and actor Enforce",
                "limit of the policy (limit of the policy): 5000/h by client Shadow"
            ]
        );
    }

    #[test]
    fn the_limit_of_the_policy_is_listed_in_each_of_its_modes_the_enforced_one_first() {
        let text = "limit: { per: client, rate: 9/s }\nroutes: [{ match: GET /, mode: shadow }, { match: GET /b }]";
        let limits = Policy::from_yaml(text).unwrap().limits();
        let modes: Vec<String> = limits.iter().map(|limit| format!("{:?}", limit.mode)).collect();
        assert_eq!(modes, ["Enforce", "Shadow"]);
    }

    #[test]
    fn a_quota_in_words_has_the_unit_that_is_written() {
        for rate in ["10/s", "60/m", "1000/h", "5000/d"] {
            let text = format!("routes: [{{ match: GET /, limit: {{ per: actor, rate: {rate} }} }}]");
            let limits = Policy::from_yaml(&text).unwrap().limits();
            assert_eq!(*limits[0].quota, *format!("{rate} by actor"));
        }
    }

    #[test]
    fn mistakes_of_a_limit_have_their_help() {
        for (route, mistake) in [
            ("limit: { rate: 60/m }", "the key `per` is missing"),
            ("limit: { per: initiator }", "the key `rate` is missing"),
            ("limit: { per: [], rate: 60/m }", "`per` is empty"),
            ("limit: { per: [actor, actor], rate: 60/m }", "`actor` is listed twice"),
            ("limit: { per: subject, rate: 60/m }", "`subject`"),
            ("limit: { per: actor, rate: 60 }", "a rate"),
            ("limit: { per: actor, rate: 60/min }", "`60/min` is no rate"),
            ("limit: { per: actor, rate: +6/m }", "`+6/m` is no rate"),
            ("limit: { per: actor, rate: 0/m }", "`0/m` is out of range"),
            ("limit: { per: actor, rate: /m }", "`/m` is no rate"),
            (
                "limit: { per: actor, rate: 99999999999/s }",
                "`99999999999/s` is out of range: from 1 to 1000000 requests",
            ),
            (
                "limit: { per: actor, rate: 60/m, burst: 0 }",
                "help: write how many requests may come at once, at least 1",
            ),
            (
                "limit: { per: actor, rate: 10001/s }",
                "at most 10000 requests a second",
            ),
            (
                "limit: { per: actor, rate: 60/m, burst: 0 }",
                "a burst is of 1 to 1000000 requests",
            ),
            (
                "limit: { per: actor, rate: 60/m, burst: 4294967297 }",
                "a burst is of 1 to 1000000 requests",
            ),
            ("limit: { per: actor, rate: 1/d, burst: 32 }", "longer than 31 days"),
            (
                "public: true, limit: { per: actor, rate: 60/m }",
                "1:47: a public route has no limit, because it has no party\n  help: remove `limit`, or `public: true`",
            ),
            (
                "any_of: [{ limit: { per: actor, rate: 60/m } }, { scopes: [a] }]",
                "unknown key `limit`",
            ),
        ] {
            let policy = Policy::from_yaml(&format!("routes: [{{ match: GET /, {route} }}]"));
            let error = policy.unwrap_err().to_string();
            assert!(error.contains(mistake), "{route}: {error}");
        }
    }
}
