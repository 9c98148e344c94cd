//! The JSON Schema of what [`read`](crate::read) reads as a type, for editors and validators.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::{OneOrMany, Spanned, read};

/// What ends the description of a type or a key and begins an example of its value.
const EXAMPLE: &str = "Example: `";

/// The JSON Schema (draft-07) of a document that is read as `T`.
///
/// The descriptions are the doc comments. One that ends with ``Example: `VALUE` ``, also several times, has these values as its
/// examples. A key without a doc comment has the description of its type. `x-shorthand` of a type is the key whose value is written
/// in place of the mapping, as `#[serde(rename = "shorthand KEY")]` reads it. `x-non-empty` of a key states that a list in it has an item.
///
/// A key without a value is no valid one, which [`read`] rejects too. Everything that depends on two values is NOT in the schema.
pub fn json_schema<T: JsonSchema>(title: &str) -> Value {
    generate::<T>(SchemaSettings::draft07(), title, adapt)
}

/// The JSON Schema (draft-07) of what `T` is written as. Members that can be left out are not required and never `null`, and others are
/// not excluded.
pub fn json_schema_of_output<T: JsonSchema>(title: &str) -> Value {
    generate::<T>(SchemaSettings::draft07().for_serialize(), title, adapt_output)
}

fn generate<T: JsonSchema>(mut settings: SchemaSettings, title: &str, adapt: fn(&mut Schema)) -> Value {
    // Draft-07 ignores the description beside a reference, and editors show it.
    settings.transforms = vec![Box::new(RecursiveTransform(adapt))];
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    describe_by_type(&mut schema);
    name_by_content(&mut schema);
    schema["title"] = title.into();
    schema
}

/// Adapts one schema to what is read.
fn adapt(schema: &mut Schema) {
    if let Some(members) = schema.as_object_mut() {
        without_null(members);
    }
    adapt_annotations(schema);
}

/// Adapts one schema to what is written: a member that is not required is left out in place of a `null`, and any other value may be one.
fn adapt_output(schema: &mut Schema) {
    if let Some(members) = schema.as_object_mut() {
        let required = members
            .get("required")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if let Some(Value::Object(properties)) = members.get_mut("properties") {
            let optional = properties
                .iter_mut()
                .filter(|(name, _)| !required.iter().any(|one| one == *name));
            optional
                .filter_map(|(_, property)| property.as_object_mut())
                .for_each(without_null);
        }
    }
    adapt_annotations(schema);
}

fn adapt_annotations(schema: &mut Schema) {
    if let Some(members) = schema.as_object_mut() {
        // What a key has without a value is not the value that an editor is to suggest.
        members.remove("default");
        members.remove("format");
        with_examples(members);
        with_items(members);
        with_shorthand(members);
    }
}

/// An optional key has no `null`.
fn without_null(members: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = members.get_mut("type") {
        types.retain(|name| name != "null");
        if let [name] = &**types {
            let name = name.clone();
            members.insert("type".to_owned(), name);
        }
    }
    if let Some(Value::Array(words)) = members.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = &**choices {
            let only = only.clone();
            members.remove("anyOf");
            for (key, value) in only {
                members.entry(key).or_insert(value);
            }
        }
    }
}

/// Parts the description from the examples at its end, and joins its lines.
fn with_examples(members: &mut Map<String, Value>) {
    let Some(Value::String(text)) = members.get("description") else {
        return;
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (description, examples) = text.split_once(EXAMPLE).unwrap_or((&text, ""));
    let examples = examples.split(EXAMPLE).filter_map(|example| {
        let example = example.trim().strip_suffix('`')?;
        read::<Value>(example).value
    });
    let examples: Vec<Value> = examples.collect();
    let description = description.trim().to_owned();
    if !examples.is_empty() {
        members.insert("examples".to_owned(), examples.into());
    }
    members.insert("description".to_owned(), description.into());
}

/// A list that is not empty.
fn with_items(members: &mut Map<String, Value>) {
    if members.remove("x-non-empty").is_none() {
        return;
    }
    let mut lists: Vec<&mut Map<String, Value>> = match members.get_mut("anyOf") {
        Some(Value::Array(choices)) => choices.iter_mut().filter_map(Value::as_object_mut).collect(),
        _ => vec![members],
    };
    for list in lists
        .iter_mut()
        .filter(|list| list.get("type") == Some(&json!("array")))
    {
        list.insert("minItems".to_owned(), json!(1));
    }
}

/// A mapping with a shorthand is either of them.
fn with_shorthand(members: &mut Map<String, Value>) {
    let Some(Value::String(key)) = members.remove("x-shorthand") else {
        return;
    };
    let shorthand = members.get("properties").and_then(|properties| properties.get(&key));
    let Some(shorthand) = shorthand.cloned() else {
        return;
    };
    let mut mapping = std::mem::take(members);
    for annotation in ["$schema", "definitions", "title", "description", "examples"] {
        members.extend(mapping.remove_entry(annotation));
    }
    members.insert("anyOf".to_owned(), json!([mapping, shorthand]));
}

/// Gives a key without a description that of its type.
fn describe_by_type(schema: &mut Value) {
    let definitions = schema.get("definitions").and_then(Value::as_object);
    let annotations = |definition: &Value| {
        let names = ["description", "examples"].into_iter();
        let written = names.filter_map(|name| Some((name, definition.get(name)?.clone())));
        written.collect::<Vec<_>>()
    };
    let of_types = definitions.into_iter().flatten().map(|(name, definition)| {
        let reference = format!("#/definitions/{name}");
        (reference, annotations(definition))
    });
    let of_types: BTreeMap<String, Vec<(&str, Value)>> = of_types.collect();
    describe(schema, &of_types);
}

fn describe(schema: &mut Value, of_types: &BTreeMap<String, Vec<(&str, Value)>>) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| describe(item, of_types)),
        Value::Object(members) => {
            members.values_mut().for_each(|value| describe(value, of_types));
            let Some(Value::Object(properties)) = members.get_mut("properties") else {
                return;
            };
            for property in properties.values_mut().filter_map(Value::as_object_mut) {
                let reference = property.get("$ref").and_then(Value::as_str);
                let annotations = reference.and_then(|reference| of_types.get(reference));
                if !property.contains_key("description") {
                    for (name, value) in annotations.into_iter().flatten() {
                        property.insert((*name).to_owned(), value.clone());
                    }
                }
            }
        }
        _ => {}
    }
}

/// Names the definitions by what they are: `Document` is in the names of types that are written forms.
fn name_by_content(schema: &mut Value) {
    let is_named = |name: &str| name.ends_with("Document");
    match schema {
        Value::Array(items) => items.iter_mut().for_each(name_by_content),
        Value::Object(members) => {
            if let Some(Value::Object(definitions)) = members.get_mut("definitions") {
                let names: Vec<String> = definitions.keys().filter(|name| is_named(name)).cloned().collect();
                for name in names {
                    if let Some(definition) = definitions.remove(&name) {
                        definitions.insert(name.trim_end_matches("Document").to_owned(), definition);
                    }
                }
            }
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                let name = reference.trim_end_matches("Document").to_owned();
                *reference = name;
            }
            members.values_mut().for_each(name_by_content);
        }
        _ => {}
    }
}

/// As the schema of the value.
impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// An item, or a list of them.
impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
    }
}

/// The keys and types of a schema without a description, each as the JSON pointer of its schema.
pub fn undescribed(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_undescribed(schema, "", &mut found);
    found
}

fn collect_undescribed(schema: &Value, pointer: &str, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_undescribed(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(members) => {
            // A condition repeats keys that are described elsewhere.
            let parts = members.iter().filter(|(name, _)| !matches!(&***name, "if" | "then"));
            for (name, value) in parts {
                let pointer = format!("{pointer}/{name}");
                if let ("properties" | "definitions", Value::Object(schemas)) = (&**name, value) {
                    let is_described =
                        |schema: &Value| schema["description"].as_str().is_some_and(|text| !text.is_empty());
                    let without = schemas.iter().filter(|(_, schema)| !is_described(schema));
                    found.extend(without.map(|(name, _)| format!("{pointer}/{name}")));
                }
                collect_undescribed(value, &pointer, found);
            }
        }
        _ => {}
    }
}

/// Implements [`JsonSchema`](https://docs.rs/schemars) for types that are read by code of their own: the name of the type in the schema,
/// its description as a doc comment, and the schema.
#[macro_export]
macro_rules! schema_of {
    (|$generator:ident| $($(#[doc = $doc:literal])+ $Type:ty = $name:literal, $schema:tt;)+) => {$(
        impl ::schemars::JsonSchema for $Type {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", $name).into()
            }

            #[allow(unused_variables, reason = "a schema without other types needs no generator")]
            fn json_schema($generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                let mut schema = ::schemars::json_schema!($schema);
                schema.insert("description".to_owned(), concat!($($doc),+).trim().into());
                schema
            }
        }
    )+};
}
