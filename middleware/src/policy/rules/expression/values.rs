//! The facts of a token and of a request as values of CEL. Only what an expression reads is converted.

use std::borrow::Cow;
use std::collections::HashMap;

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt};
use cel::common::value::Val;
use serde_json::Value;

use super::bound::{MAX_ACTORS, MAX_BYTES, MAX_ITEMS};
use super::number::{Number, exact};
use super::vocabulary::{Object, Reads, Segments, Single};
use crate::chain::{Actor, Core, History};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::rules::operation::RequestFacts;
use crate::profile::Kind;
use crate::request::Unsure;
use crate::token::ExactValue;

/// What the expressions of one tier can read.
#[derive(Clone, Copy)]
pub(super) struct Facts<'f> {
    core: Core<'f>,
    request: &'f RequestFacts<'f>,
    now: u64,
    /// For history rules alone.
    history: Option<History<'f>>,
}

/// Why a fact has no value of CEL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    /// A number that would be rounded.
    Inexact,
    /// More than is read.
    TooMany,
    /// A header that servers may read in several ways.
    UnsureHeader,
    /// A parameter of a requirement that is enforced without a route.
    NoParameter,
}

impl NoValue {
    pub(super) fn in_words(&self) -> String {
        match self {
            NoValue::Inexact => "a number that cannot be compared without rounding".to_owned(),
            NoValue::NoParameter => "no parameters, without a route".to_owned(),
            NoValue::UnsureHeader => "a header that not every server reads as the same text".to_owned(),
            NoValue::TooMany => format!("more than {MAX_ITEMS} items, {MAX_ACTORS} actors, or {MAX_BYTES} bytes"),
        }
    }
}

type Boxed<'f> = Box<dyn Val + 'f>;
type Variables<'f> = Vec<(&'static str, Boxed<'f>)>;

impl<'f> Facts<'f> {
    pub(super) fn of_core(core: Core<'f>, request: &'f RequestFacts<'f>, time: &EvaluationTime) -> Self {
        Facts {
            core,
            request,
            now: time.now,
            history: None,
        }
    }

    pub(super) fn with_chain(
        history: History<'f>,
        core: Core<'f>,
        request: &'f RequestFacts<'f>,
        time: &EvaluationTime,
    ) -> Self {
        Facts {
            history: Some(history),
            ..Facts::of_core(core, request, time)
        }
    }

    /// The value of each fact that is read. What is missing has none: to read it is an error.
    pub(super) fn variables(&self, reads: &'f Reads) -> Result<Variables<'f>, NoValue> {
        let mut variables: Variables<'f> = Vec::new();
        if self.core.claims.payload().len() > MAX_BYTES || self.request.path.len() > MAX_BYTES {
            return Err(NoValue::TooMany);
        }
        for single in &reads.singles {
            variables.extend(self.single(*single)?);
        }
        let mut headers = None;
        for (object, names) in &reads.members {
            if *object == Object::Actor && self.core.delegate().is_none() {
                continue;
            }
            let mut members: HashMap<CelMapKey<'f>, Boxed<'f>> = HashMap::with_capacity(names.len());
            for name in names {
                if let Some(value) = self.member(*object, name, reads)? {
                    members.insert(CelMapKey::from(&**name), value);
                }
            }
            match object {
                Object::Headers => headers = Some(members),
                object => variables.push((object.name(), Box::new(CelMap::from(members)))),
            }
        }
        if let Some(headers) = headers {
            let mut of_request: HashMap<CelMapKey<'f>, Boxed<'f>> = HashMap::with_capacity(2);
            of_request.insert(CelMapKey::from("headers"), Box::new(CelMap::from(headers)));
            of_request.insert(CelMapKey::from("method"), text(self.request.method));
            variables.retain(|(name, _)| *name != Object::Request.name());
            variables.push((Object::Request.name(), Box::new(CelMap::from(of_request))));
        }
        Ok(variables)
    }

    fn single(&self, single: Single) -> Result<Option<(&'static str, Boxed<'f>)>, NoValue> {
        Ok(match single {
            Single::Client => self.core.claims.client().map(|client| ("client", text(client))),
            Single::Now => whole(self.now).map(|now| ("now", now)),
            Single::Scopes => {
                let words = self.core.claims.scope().split(' ').filter(|word| !word.is_empty());
                Some(("scopes", list(words.map(text))?))
            }
            Single::Chain => match &self.history {
                None => None,
                Some(history) if history.depth() > MAX_ACTORS => return Err(NoValue::TooMany),
                Some(history) => Some(("chain", list(history.actors().map(actor))?)),
            },
        })
    }

    fn member(&self, object: Object, name: &str, reads: &Reads) -> Result<Option<Boxed<'f>>, NoValue> {
        let claims = self.core.claims;
        let login = &claims.authentication;
        Ok(match (object, name) {
            (Object::Initiator, "issuer") => Some(text(self.core.initiator.issuer())),
            (Object::Initiator, "subject") => Some(text(self.core.initiator.subject())),
            (Object::Initiator, "kind") => kind(self.core.kind),
            (Object::Initiator, "acr") => login.context.as_deref().map(text),
            (Object::Initiator, "auth_time") => login.time.and_then(whole),
            // An absent list and an empty one are unknown.
            (Object::Initiator, "amr") if login.methods.is_empty() => None,
            (Object::Initiator, "amr") => Some(list(login.methods.iter().map(|method| text(method)))?),
            (Object::Actor, name) => self.core.delegate().and_then(|actor| of_actor(actor, name)),
            (Object::Token, "iat") => claims.issued_at.and_then(whole),
            (Object::Token, "nbf") => claims.not_before.and_then(whole),
            (Object::Token, "exp") => whole(claims.expiration),
            (Object::Token, "jti") => claims.token_id().map(text),
            (Object::Token, "aud") => Some(list(claims.audience().into_iter().map(text))?),
            (Object::Claims, name) => match claims.get(name) {
                None => None,
                Some(value) => Some(match of_json(value) {
                    Ok(value) => value,
                    Err(Unconverted::TooMany) => return Err(NoValue::TooMany),
                    // Floating point has rounded it already.
                    Err(Unconverted::Fraction) => of_exact(&claims.exact(name).ok_or(NoValue::Inexact)?)?,
                }),
            },
            (Object::Params, name) => {
                let place = reads.params.get(name);
                let found = place.and_then(|place| self.parameter(*place));
                Some(found.ok_or(NoValue::NoParameter)?)
            }
            (Object::Request, "method") => Some(text(self.request.method)),
            (Object::Headers, name) => match self.request.headers.one(name) {
                Ok(Some(value)) if value.len() > MAX_BYTES => return Err(NoValue::TooMany),
                Ok(value) => value.map(text),
                Err(Unsure) => return Err(NoValue::UnsureHeader),
            },
            _ => None,
        })
    }

    fn parameter(&self, place: Segments) -> Option<Boxed<'f>> {
        Some(match place.of(self.request.path)? {
            Cow::Borrowed(found) => text(found),
            Cow::Owned(found) => Box::new(CelString::from(found)),
        })
    }
}

fn text(text: &str) -> Boxed<'_> {
    Box::new(CelString::from(text))
}

/// A whole number; one above the range of `int` is missing.
fn whole<'f>(number: u64) -> Option<Boxed<'f>> {
    let number = i64::try_from(number).ok()?;
    Some(Box::new(CelInt::from(number)))
}

/// A kind that is known.
fn kind<'f>(kind: Kind) -> Option<Boxed<'f>> {
    match kind {
        Kind::Human => Some(text("human")),
        Kind::Agent => Some(text("agent")),
        Kind::Service => Some(text("service")),
        _ => None,
    }
}

fn of_actor<'f>(actor: &'f Actor, name: &str) -> Option<Boxed<'f>> {
    match name {
        "issuer" => Some(text(actor.party().issuer())),
        "subject" => Some(text(actor.party().subject())),
        "kind" => kind(actor.kind()),
        _ => None,
    }
}

fn actor(actor: &Actor) -> Boxed<'_> {
    let names = Object::Actor.members().iter();
    let members = names.filter_map(|name| Some((CelMapKey::from(*name), of_actor(actor, name)?)));
    Box::new(CelMap::from(members.collect::<HashMap<_, _>>()))
}

fn list<'f>(items: impl Iterator<Item = Boxed<'f>>) -> Result<Boxed<'f>, NoValue> {
    let items: Vec<Boxed<'f>> = items.take(MAX_ITEMS + 1).collect();
    match items.len() {
        0..=MAX_ITEMS => Ok(Box::new(CelList::from(items))),
        _ => Err(NoValue::TooMany),
    }
}

/// Why a value is not read as it is parsed.
enum Unconverted {
    /// A number in floating point.
    Fraction,
    TooMany,
}

fn of_json(value: &Value) -> Result<Boxed<'_>, Unconverted> {
    Ok(match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(flag) => Box::new(CelBool::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => return Err(Unconverted::Fraction),
        },
        Value::String(string) => text(string),
        Value::Array(items) if items.len() > MAX_ITEMS => return Err(Unconverted::TooMany),
        Value::Object(members) if members.len() > MAX_ITEMS => return Err(Unconverted::TooMany),
        Value::Array(items) => {
            let items = items.iter().map(of_json).collect::<Result<Vec<_>, _>>()?;
            Box::new(CelList::from(items))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| Ok((CelMapKey::from(&**name), of_json(value)?)));
            Box::new(CelMap::from(members.collect::<Result<HashMap<_, _>, _>>()?))
        }
    })
}

fn of_exact<'f>(value: &ExactValue) -> Result<Boxed<'f>, NoValue> {
    Ok(match value {
        ExactValue::Null => Box::new(CelNull),
        ExactValue::Bool(flag) => Box::new(CelBool::from(*flag)),
        ExactValue::Number(number) => match exact(number).ok_or(NoValue::Inexact)? {
            Number::Int(number) => Box::new(CelInt::from(number)),
            Number::Uint(number) => Box::new(CelUInt::from(number)),
            Number::Double(number) => Box::new(CelDouble::from(number)),
        },
        ExactValue::Text(string) => Box::new(CelString::from(string.to_string())),
        ExactValue::List(items) if items.len() > MAX_ITEMS => return Err(NoValue::TooMany),
        ExactValue::Object(members) if members.len() > MAX_ITEMS => return Err(NoValue::TooMany),
        ExactValue::List(items) => {
            let items = items.iter().map(of_exact).collect::<Result<Vec<_>, _>>()?;
            Box::new(CelList::from(items))
        }
        ExactValue::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| Ok((CelMapKey::from(name.to_string()), of_exact(value)?)));
            Box::new(CelMap::from(members.collect::<Result<HashMap<_, _>, _>>()?))
        }
    })
}
