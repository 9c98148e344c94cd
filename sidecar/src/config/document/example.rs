//! Values whose help shows an example: an address, a list.

use std::fmt;
use std::marker::PhantomData;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// What a value is, in words, and on a second line the help where another one is written.
pub(super) trait Example {
    const EXPECTED: &'static str;
    /// The help for a number, which is taken for a port.
    const PORT_OF: Option<&'static str> = None;
}

#[derive(Debug)]
pub(super) enum Listen {}

impl Example for Listen {
    const EXPECTED: &'static str = "an address\nwrite an IP address and a port, as in 127.0.0.1:8080";
    const PORT_OF: Option<&'static str> = Some("0.0.0.0");
}

#[derive(Debug)]
pub(super) enum Admin {}

impl Example for Admin {
    const EXPECTED: &'static str = "an address\nwrite an IP address and a port, as in 127.0.0.1:9901";
    const PORT_OF: Option<&'static str> = Some("127.0.0.1");
}

#[derive(Debug)]
pub(super) enum DecisionListen {}

impl Example for DecisionListen {
    const EXPECTED: &'static str = "an address\nwrite an IP address and a port, as in 127.0.0.1:9191";
    const PORT_OF: Option<&'static str> = Some("127.0.0.1");
}

#[derive(Debug)]
pub(super) enum DecisionLog {}

impl Example for DecisionLog {
    const EXPECTED: &'static str = "a text\nwrite `stdout`, or the path of a file";
}

#[derive(Debug)]
pub(super) enum LoadBalancers {}

impl Example for LoadBalancers {
    const EXPECTED: &'static str = "a list of networks\nwrite those of the load balancers, which write either version: `proxy_protocol: [10.0.0.0/8]`";
}

#[derive(Debug)]
pub(super) enum Proxies {}

impl Example for Proxies {
    const EXPECTED: &'static str =
        "a list of networks\nwrite those of the proxies, as in `trusted_proxies: [10.0.0.0/8]`";
}

#[derive(Debug)]
pub(super) enum Hosts {}

impl Example for Hosts {
    const EXPECTED: &'static str = "a list of hosts\nwrite them as in `hosts: [api.example.com]`";
}

#[derive(Debug)]
pub(super) enum Headers {}

impl Example for Headers {
    const EXPECTED: &'static str = "a list of headers\nwrite them as in `drop_headers: [X-Tenant]`";
}

/// Reads a text.
pub(super) fn text<'de, E: Example, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Spanned<String>>, D::Error> {
    let read = Option::<Spanned<Text<E>>>::deserialize(deserializer)?;
    Ok(read.map(into_text))
}

fn into_text<E>(written: Spanned<Text<E>>) -> Spanned<String> {
    Spanned {
        value: written.value.0,
        line: written.line,
        column: written.column,
    }
}

/// Reads a text, or a list of them.
#[expect(clippy::type_complexity, reason = "the type of a list in a document")]
pub(super) fn one_or_many<'de, E: Example, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Spanned<Vec<Spanned<String>>>>, D::Error> {
    let read = Option::<Spanned<OneOrMany<Spanned<Text<E>>>>>::deserialize(deserializer)?;
    Ok(read.map(|Spanned { value, line, column }| Spanned {
        value: value.0.into_iter().map(into_text).collect(),
        line,
        column,
    }))
}

/// Reads a list of texts.
#[expect(clippy::type_complexity, reason = "the type of a list in a document")]
pub(super) fn list<'de, E: Example, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Spanned<Vec<Spanned<String>>>>, D::Error> {
    let read = Option::<Spanned<List<E>>>::deserialize(deserializer)?;
    Ok(read.map(|Spanned { value, line, column }| Spanned {
        value: value.0,
        line,
        column,
    }))
}

struct Text<E>(String, PhantomData<E>);

struct List<E>(Vec<Spanned<String>>, PhantomData<E>);

struct TextVisitor<E>(PhantomData<E>);

struct ListVisitor<E>(PhantomData<E>);

impl<'de, E: Example> Deserialize<'de> for Text<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

impl<'de, E: Example> Deserialize<'de> for List<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

impl<E: Example> Visitor<'_> for TextVisitor<E> {
    type Value = Text<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(E::EXPECTED)
    }

    fn visit_str<F: Error>(self, text: &str) -> Result<Text<E>, F> {
        Ok(Text(text.to_owned(), PhantomData))
    }

    fn visit_u64<F: Error>(self, number: u64) -> Result<Text<E>, F> {
        match E::PORT_OF {
            Some(host) => Err(F::custom(format!(
                "`{number}` is a port without an address\nwrite `{host}:{number}`"
            ))),
            None => Err(F::invalid_type(serde::de::Unexpected::Unsigned(number), &self)),
        }
    }
}

impl<'de, E: Example> Visitor<'de> for ListVisitor<E> {
    type Value = List<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(E::EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<List<E>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(List(items, PhantomData))
    }
}
