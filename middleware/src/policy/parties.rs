//! The parties that a rule lists.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actgate_yaml::{OneOrMany, Span, Spanned};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::exact::{self, quoted};
use super::syntax::{Collector, Context, Name};
use crate::chain::Party;
use crate::look::Look;

/// A party in a list: a bare name is one of the token's own issuer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartyName {
    issuer: Option<Name>,
    subject: Name,
}

/// The name of a group of parties.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupName(Box<str>);

/// The parties of a list. Every route and requirement that has a rule shares those of the rule.
pub(super) type Parties = Arc<Vec<PartyName>>;

/// A list of parties. It holds the members of its groups as soon as the groups are known.
#[derive(Clone, Debug, Default)]
pub(super) struct PartyList {
    /// The written parties, and then the members of the groups.
    parties: Parties,
    /// How many of them are written.
    written: usize,
    /// The written parties that are a bare name: their indices and places.
    bare: Vec<(usize, Span)>,
    /// Whether an item can be a group.
    takes_groups: bool,
    groups: Vec<Spanned<GroupName>>,
}

/// A block of a rule with lists of parties.
pub(super) trait Block {
    /// The help for a wildcard.
    const ANY: &'static str;
}

/// Reads the parties and the groups of a list in a block.
pub(super) fn listed<'de, B: Block, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PartyList>, D::Error> {
    read::<B, true, D>(deserializer).map(Some)
}

/// Reads the parties of a list in a block that has an order, or of a group: it contains no group.
pub(super) fn without_groups<'de, B: Block, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PartyList>, D::Error> {
    read::<B, false, D>(deserializer).map(Some)
}

fn read<'de, B: Block, const GROUPS: bool, D: Deserializer<'de>>(deserializer: D) -> Result<PartyList, D::Error> {
    let mut list = PartyList {
        takes_groups: GROUPS,
        ..PartyList::default()
    };
    let mut parties = Vec::new();
    for item in Vec::<Spanned<Listed<B, GROUPS>>>::deserialize(deserializer)? {
        let span = item.span();
        match item.value.item {
            Item::Bare(subject) => {
                list.bare.push((parties.len(), span));
                parties.push(PartyName { issuer: None, subject });
            }
            Item::Party(party) => parties.push(party),
            Item::Group(value) => list.groups.push(Spanned {
                value,
                line: item.line,
                column: item.column,
            }),
        }
    }
    list.written = parties.len();
    list.parties = Arc::new(parties);
    Ok(list)
}

/// Reads the name of a group, or a list of them, as the list of their members.
pub(super) fn grouped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PartyList>, D::Error> {
    let OneOrMany(groups) = OneOrMany::deserialize(deserializer)?;
    Ok(Some(PartyList {
        groups,
        ..PartyList::default()
    }))
}

/// An item of a list in a block.
struct Listed<B, const GROUPS: bool> {
    item: Item,
    block: PhantomData<B>,
}

enum Item {
    /// A party that is a bare name.
    Bare(Name),
    Party(PartyName),
    Group(GroupName),
}

impl<'de, B: Block, const GROUPS: bool> Deserialize<'de> for Listed<B, GROUPS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<B, const GROUPS: bool>(PhantomData<B>);
        impl<'de, B: Block, const GROUPS: bool> Visitor<'de> for Items<B, GROUPS> {
            type Value = Item;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Item, E> {
                let subject = Name::try_from(Box::from(text)).map_err(E::custom)?;
                check::<B, E>(text)?;
                Ok(Item::Bare(subject))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item, A::Error> {
                let ItemDocument { issuer, subject, group } =
                    ItemDocument::deserialize(MapAccessDeserializer::new(map))?;
                match (subject, group) {
                    (Some(subject), None) => {
                        let subject = Name::try_from(subject).map_err(A::Error::custom)?;
                        Ok(Item::Party(PartyName { issuer, subject }))
                    }
                    // Not `missing_field`: that would be reported beside a `group` that cannot be read.
                    (None, None) => Err(A::Error::custom("the key `subject` is missing\nadd `subject: …`")),
                    (None, Some(group)) if issuer.is_none() && GROUPS => Ok(Item::Group(group)),
                    (_, Some(group)) if !GROUPS => Err(A::Error::custom(format!(
                        "`{group}` is a group, and this list holds parties alone\nwrite each party as an item of its own"
                    ))),
                    (_, Some(group)) => {
                        let help = format!("write `{{ group: {group} }}`, and the party as an item of its own");
                        Err(A::Error::custom(format!("an item is a party or a group\n{help}")))
                    }
                }
            }
        }
        let item = deserializer.deserialize_any(Items::<B, GROUPS>(PhantomData))?;
        Ok(Listed {
            item,
            block: PhantomData,
        })
    }
}

/// A party with its issuer, or a subject that looks like a pattern; or a group.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "PartyOrGroup", extend("oneOf" = [{ "required": ["subject"] }, { "required": ["group"] }])))]
struct ItemDocument {
    /// The issuer that the subject is of. Without it: the issuer of the token.
    /// Example: `https://idp.example.com`
    issuer: Option<Name>,
    /// The subject, which may look like a pattern here.
    /// Example: `alice`
    subject: Option<Box<str>>,
    /// A group of `groups` or `agents`, which means each of its members.
    /// Example: `operators`
    group: Option<GroupName>,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A list of parties and groups.
    PartyList = "PartyList", { "type": "array", "minItems": 1, "items": { "anyOf": [
        generator.subschema_for::<exact::ExactText>(),
        generator.subschema_for::<ItemDocument>(),
    ] } };
    /// A party: its subject, or with its issuer. A subject alone is of the issuer of the token.
    PartyName = "Party", { "anyOf": [
        generator.subschema_for::<exact::ExactText>(),
        { "type": "object", "required": ["subject"], "additionalProperties": false, "properties": {
            "issuer": generator.subschema_for::<Name>(),
            "subject": { "type": "string", "minLength": 1, "description": "The subject, which may look like a pattern here." },
        } },
    ] };
    /// The name of a group.
    GroupName = "GroupName", { "type": "string", "pattern": r"^[^*\s]([^*]*[^*\s])?$" };
}

impl<'de> Deserialize<'de> for GroupName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Box::<str>::deserialize(deserializer)?;
        let is_plain = !name.trim().is_empty() && !name.contains(char::is_control) && Look::of(&name).is_none();
        if is_plain {
            return Ok(GroupName(name));
        }
        let shown = exact::shown(&name);
        let help = "write the name of one group in full, such as `payments`";
        Err(D::Error::custom(format!("`{shown}` is no name of a group\n{help}")))
    }
}

impl Borrow<str> for GroupName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for GroupName {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartyList {
    /// The groups whose members belong to the list.
    pub(super) fn groups(&self) -> &[Spanned<GroupName>] {
        &self.groups
    }

    /// Whether an item of the list can be a group.
    pub(super) fn takes_groups(&self) -> bool {
        self.takes_groups
    }

    /// The names that are written without `subject`, with their places.
    pub(super) fn bare(&self) -> impl Iterator<Item = (&str, Span)> {
        let of_one = |(index, span): &(usize, Span)| (&*self.parties[*index].subject, *span);
        self.bare.iter().map(of_one)
    }

    /// Adds the members of a group.
    pub(super) fn add(&mut self, members: &[PartyName]) {
        Arc::make_mut(&mut self.parties).extend_from_slice(members);
    }

    pub(super) fn shared(&self) -> Parties {
        Arc::clone(&self.parties)
    }

    /// Those that are written in the list, and not in a group.
    pub(super) fn written(&self) -> &[PartyName] {
        &self.parties[..self.written]
    }
}

/// The parties, those of the groups included.
impl Deref for PartyList {
    type Target = [PartyName];
    fn deref(&self) -> &[PartyName] {
        &self.parties
    }
}

impl<C> Collector<'_, '_, C> {
    /// Adds the condition of a list, which all rules that are made of it share.
    pub(super) fn parties(&mut self, word: &str, list: Option<&PartyList>, condition: impl FnOnce(Parties) -> C) {
        match list.map(PartyList::shared) {
            Some(list) if !list.is_empty() => self.add(word, condition(list)),
            Some(_) => self.empty(word),
            None => {}
        }
    }
}

/// Reports what is in the list of a key and in `none_of`. A group may have members that `none_of` excludes, but not all.
pub(super) fn contradiction(
    context: &mut Context<'_>,
    span: Span,
    key: &str,
    accepted: Option<&PartyList>,
    excluded: Option<&PartyList>,
) {
    let (Some(accepted), Some(excluded)) = (accepted, excluded) else {
        return;
    };
    let is_excluded = |name: &PartyName| excluded.contains(name);
    if let Some(name) = accepted.written().iter().find(|name| is_excluded(name)) {
        let message = format!("`{name}` is in `{key}` and in `none_of`, and so is never accepted");
        context.mistake(span, message, "remove it from one of the two");
    } else if !accepted.is_empty() && accepted.iter().all(is_excluded) {
        let message = format!("every party of `{key}` is in `none_of`, and so none is ever accepted");
        context.mistake(span, message, "remove a group from one of the two");
    }
}

/// Rejects the name of a party that looks like a pattern.
fn check<B: Block, E: Error>(text: &str) -> Result<(), E> {
    let shown = exact::shown(text);
    let literal = format!("`{{ subject: {} }}`", quoted(text));
    Err(E::custom(match Look::of(text) {
        None => return Ok(()),
        Some(Look::Any) => format!(
            "`{shown}` is a wildcard, and parties are compared as they are\n{}; {literal} is the party of this very name",
            B::ANY
        ),
        Some(Look::Several) => format!(
            "`{shown}` is one party that looks like several\nwrite each as an item of its own, or {literal} if the token has this very text"
        ),
        Some(Look::Blank) => format!(
            "`{shown}` begins or ends with a blank\nwrite `{}`, or {literal} if the token has this very text",
            shown.trim()
        ),
        Some(Look::Pattern) => format!(
            "`{shown}` is a pattern, and parties are compared as they are\nwrite each party in full, or {literal} if the token has this very text"
        ),
        Some(Look::Template) => format!(
            "`{shown}` is a template, and variables are not replaced\nwrite the party itself, or {literal} if the token has this very text"
        ),
    }))
}

impl PartyName {
    pub(super) fn new(issuer: Option<Name>, subject: Name) -> Self {
        PartyName { issuer, subject }
    }

    /// A party in place of the members of a group that is not known, so that its list is not empty. The policy has a mistake.
    pub(super) fn of_unknown(group: &GroupName) -> Self {
        let subject = Name::from_valid(group.0.clone());
        PartyName { issuer: None, subject }
    }

    /// Whether it names `party`; a bare name means the issuer of the token, which is the initiator's.
    pub(super) fn is(&self, party: &Party, initiator: &Party) -> bool {
        let is_of_issuer = || match &self.issuer {
            Some(issuer) => **issuer == *party.issuer(),
            None => party.has_issuer_of(initiator),
        };
        party.has_subject(&self.subject) && is_of_issuer()
    }

    /// The party that it names in a token of `initiator`.
    pub(super) fn party(&self, initiator: &Party) -> Party {
        let issuer = self.issuer.as_deref().map_or_else(|| initiator.to_issuer(), Arc::from);
        Party::new(issuer, (*self.subject).into())
    }

    /// The name with its issuer, in tokens of this one.
    pub(super) fn in_tokens_of(&self, issuer: Name) -> PartyName {
        PartyName::new(Some(self.issuer.clone().unwrap_or(issuer)), self.subject.clone())
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer, where it is written.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

/// Whether `party` is listed.
pub(super) fn contains(listed: &[PartyName], party: &Party, initiator: &Party) -> bool {
    listed.iter().any(|name| name.is(party, initiator))
}

/// Whether `party` is of one of these issuers; `same` is that of the token.
pub(super) fn is_of_issuer(issuers: &[Name], party: &Party, initiator: &Party) -> bool {
    issuers.iter().any(|name| match &**name {
        "same" => party.has_issuer_of(initiator),
        name => *name == *party.issuer(),
    })
}

impl fmt::Display for PartyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.issuer {
            Some(issuer) => write!(f, "{} of {issuer}", self.subject),
            None => self.subject.fmt(f),
        }
    }
}

/// A party as `explain` shows it: its issuer only where that is not the token's.
pub(super) fn shown(party: &Party, initiator: &Party) -> String {
    if party.issuer() == initiator.issuer() {
        party.subject().to_owned()
    } else {
        format!("{} of {}", party.subject(), party.issuer())
    }
}
