//! Changes of facts under which a rule that is not met may be met.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::claim_sources::ClaimSources;
use crate::chain::{Actor, Core, Party};
use crate::issuer::TrustedIssuer;
use crate::profile::Kind;

/// A fact of a token or of a request. One change is the change of one fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fact {
    /// Whether the token has this scope.
    Scope(Box<str>),
    /// The initiator with its kind.
    Initiator,
    /// When, how and at which context the initiator has authenticated.
    Login,
    /// The current actor with its kind.
    Actor,
    /// All prior actors.
    PriorActors,
    /// Whether the issuer declares the chain incomplete.
    ChainComplete,
    Client,
    /// The value at the path of a claim.
    Claim(Box<str>),
    /// Whether the list at the path of a claim has this item.
    ClaimItem(Box<str>, Box<str>),
    /// When the token was issued, and when it expires.
    TokenTimes,
    Audience,
    /// Whether the token is bound to a key.
    Binding,
    /// Whether the token has a detail of this kind.
    Detail(Box<str>),
    /// When the request is made. The token and the login have the same age then.
    Clock,
    /// Whether the body is read as one JSON object. Another one has no members to change.
    BodyForm,
    /// Whether the body is longer than it may be. A longer one has no members to change.
    BodySize,
    /// A parameter of the query.
    Query(Box<str>),
    /// The member of the body at this path.
    Member(Box<[Box<str>]>),
}

/// Another value of a fact.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// Whether it is there.
    Held(bool),
    Party(Party, Kind),
    Absent,
    Login(Login),
    Times(Times),
    /// Prior actors with which every rule on them is met, if there are any.
    Fitting,
    Text(Box<str>),
    Json(serde_json::Value),
    /// A number, as it is written.
    Number(Box<str>),
    /// A time in seconds since 1970.
    Moment(u64),
}

/// A login. What is absent is as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Login {
    /// How many seconds it is ago at most.
    pub(crate) within: Option<u64>,
    pub(crate) methods: BTreeSet<Box<str>>,
    pub(crate) context: Option<Box<str>>,
}

/// The times of a token. What is absent is as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Times {
    /// How many seconds ago it was issued at most.
    pub(crate) age: Option<u64>,
    /// How many seconds it is valid at most.
    pub(crate) lifetime: Option<u64>,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Change {
    pub(crate) fact: Fact,
    pub(crate) value: Value,
    /// What it is in words, where fact and value alone do not say it.
    pub(crate) words: String,
    /// Where these words are about several values: those about this one alone, and how many values there are.
    pub(crate) alone: Option<(String, usize)>,
    /// Where these words are about a range, of which other rules may accept a part: what the range is of.
    pub(crate) range_of: Option<String>,
    /// Whether it changes more than the rule asks for: another change of the same size is preferred.
    pub(crate) is_wide: bool,
}

/// The changes, each of another fact.
pub(crate) type Changes = BTreeMap<Fact, Arc<Change>>;

/// Collects changes for one rule, beside the changes that have been made.
pub(crate) struct Remedies<'c> {
    pub(super) made: &'c Changes,
    sources: ClaimSources<'c>,
    pub(crate) found: Vec<Change>,
    /// The rules whose changes are not computed.
    pub(crate) not_computed: BTreeSet<Arc<str>>,
}

/// The subjects of parties that no policy names, and the name of such a client: no token has a control character in them.
pub(super) const OTHER_INITIATOR: &str = "\u{1}initiator";
pub(crate) const OTHER_ACTOR: &str = "\u{1}actor";
pub(super) const OTHER_PRIOR_ACTOR: &str = "\u{1}prior";
pub(crate) const OTHER_CLIENT: &str = "\u{1}client";

/// Whether a party or a client is one that no policy names.
pub(crate) fn is_other(name: &str) -> bool {
    name.starts_with('\u{1}')
}

impl<'c> Remedies<'c> {
    /// For a token of this issuer.
    pub(crate) fn beside(made: &'c Changes, issuer: &'c TrustedIssuer) -> Self {
        Remedies {
            made,
            sources: ClaimSources(issuer),
            found: Vec::new(),
            not_computed: BTreeSet::new(),
        }
    }

    pub(super) fn add(&mut self, fact: Fact, value: Value, words: String) {
        self.found.push(Change {
            fact,
            value,
            words,
            alone: None,
            range_of: None,
            is_wide: false,
        });
    }

    /// A value of a range, and what the range is of.
    pub(super) fn add_of_range(&mut self, fact: Fact, value: Value, range_of: String) {
        self.add(fact, value, String::new());
        if let Some(change) = self.found.last_mut() {
            change.range_of = Some(range_of);
        }
    }

    /// Values of a fact, each with what it is in words; `words` are about all of them.
    pub(super) fn add_values(&mut self, fact: &Fact, values: Vec<(Value, String)>, words: &str) {
        let count = values.len();
        let changes = values.into_iter().map(|(value, alone)| Change {
            fact: fact.clone(),
            value,
            words: words.to_owned(),
            alone: (count > 1).then_some((alone, count)),
            range_of: None,
            is_wide: false,
        });
        self.found.extend(changes);
    }

    pub(super) fn scope(&mut self, scope: &str) {
        self.add(Fact::Scope(scope.into()), Value::Held(true), format!("scope {scope}"));
    }

    pub(super) fn initiator(&mut self, party: Party, kind: Kind) {
        self.add(Fact::Initiator, Value::Party(party, kind), String::new());
    }

    /// An initiator that no policy names.
    pub(super) fn other_initiator(&mut self, core: &Core<'_>) {
        let other = Party::new(core.initiator.to_issuer(), OTHER_INITIATOR.into());
        self.initiator(other, core.kind);
    }

    pub(super) fn actor(&mut self, party: Party, kind: Kind) {
        self.add(Fact::Actor, Value::Party(party, kind), String::new());
    }

    /// An actor that no policy names.
    pub(super) fn other_actor(&mut self, core: &Core<'_>) {
        let issuer = core.initiator.to_issuer();
        self.actor(Party::new(issuer, OTHER_ACTOR.into()), kind_of_actor(core));
    }

    pub(super) fn no_actor(&mut self) {
        self.add(Fact::Actor, Value::Absent, "no actor".to_owned());
    }

    /// A token without a claim.
    pub(super) fn without_claim(&mut self, name: &str) {
        self.add(
            Fact::Claim(name.into()),
            Value::Absent,
            format!("a token without {name}"),
        );
    }

    /// Where the initiator acts for itself, another initiator makes its actor a delegate.
    pub(super) fn delegation(&mut self, core: &Core<'_>) {
        if core.delegate().is_none() && core.delegation.actor().is_some() {
            self.other_initiator(core);
        }
    }

    /// The login with one more property.
    pub(super) fn login(&mut self, change: impl FnOnce(&mut Login)) {
        let mut login = match self.made.get(&Fact::Login).map(|made| &made.value) {
            Some(Value::Login(login)) => login.clone(),
            _ => Login::default(),
        };
        change(&mut login);
        self.add(Fact::Login, Value::Login(login), String::new());
    }

    pub(super) fn times(&mut self, change: impl FnOnce(&mut Times)) {
        let mut times = match self.made.get(&Fact::TokenTimes).map(|made| &made.value) {
            Some(Value::Times(times)) => *times,
            _ => Times::default(),
        };
        change(&mut times);
        self.add(Fact::TokenTimes, Value::Times(times), String::new());
    }

    pub(super) fn moment(&mut self, moment: u64) {
        self.add(Fact::Clock, Value::Moment(moment), String::new());
    }

    /// Changes for a rule on claims, in `find`. None of a claim is kept that changes a fact or the token as well: the rule is one whose
    /// changes are not computed.
    pub(super) fn of_claims(&mut self, rule: &Arc<str>, find: impl FnOnce(&mut Self)) {
        let mut before = std::mem::take(&mut self.found);
        find(self);
        let found = self.found.len();
        let sources = self.sources;
        self.found.retain(|change| match &change.fact {
            Fact::Claim(path) | Fact::ClaimItem(path, _) => !sources.have(path),
            _ => true,
        });
        if self.found.len() < found {
            self.not_computed.insert(Arc::clone(rule));
        }
        before.append(&mut self.found);
        self.found = before;
    }

    /// Makes every change found from here on wide, in `find`.
    pub(super) fn wide(&mut self, find: impl FnOnce(&mut Self)) {
        let before = self.found.len();
        find(self);
        for change in self.found.iter_mut().skip(before) {
            change.is_wide = true;
        }
    }
}

/// The kind that another current actor has at first: that of the present one, or of an agent.
pub(super) fn kind_of_actor(core: &Core<'_>) -> Kind {
    core.delegation.actor().map_or(Kind::Agent, Actor::kind)
}
