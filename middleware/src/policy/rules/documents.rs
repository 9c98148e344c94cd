//! The written forms of a requirement and of a route.

/// The written forms of a requirement and of a route, from one list of keys.
macro_rules! documents {
    ($($(#[$attribute:meta])* $key:ident: $Document:ty,)*) => {
        /// What is required. Everything written has to be met.
        #[derive(Clone, Debug, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, expecting = "a mapping\nwrite `{ require: [VALUE] }`")]
        #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
        pub(super) struct RequirementDocument {
            /// `shadow`: what is written here is evaluated and recorded, and denies no request.
            /// Example: `shadow`
            pub(super) mode: Option<Spanned<Mode>>,
            $($(#[$attribute])* pub(super) $key: Option<Spanned<$Document>>,)*
        }

        /// A route: where it applies, and what it requires. Everything written has to be met.
        #[derive(Debug, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, expecting = "a mapping\nwrite `- match: VALUE`")]
        #[cfg_attr(
            feature = "schema",
            schemars(extend(
                "if" = { "required": ["public"], "properties": { "public": { "const": true } } },
                "then" = documents::without(&["mode", "limit", $(stringify!($key),)*])
            ))
        )]
        pub(super) struct RouteDocument {
            /// Where the route applies: `METHODS PATH`, or a list of these. `{name}` is any one segment, `{*name}` at the end the
            /// rest of the path, `*` every method.
            /// Example: `GET /orders/{id}`
            /// Example: `['* /files', '* /files/{*rest}']`
            #[serde(rename = "match")]
            #[cfg_attr(feature = "schema", schemars(with = "OneOrMany<super::route_pattern::RouteSchema>", extend("x-non-empty" = true)))]
            pub(super) matches: OneOrMany<Spanned<String>>,
            pub(super) mcp: Option<Spanned<McpDocument>>,
            /// The mode of the rules of this route, in place of that of the policy.
            /// Example: `shadow`
            pub(super) mode: Option<Spanned<Mode>>,
            /// `true`: a request needs no token, and none is read. Such a route requires nothing.
            /// Example: `true`
            #[serde(default)]
            pub(super) public: bool,
            #[serde(default)]
            pub(super) escaped_slash: EscapedSlash,
            /// The routes whose requests it takes, and whose rules it does not have, on purpose.
            /// Example: `['GET /files/{*rest}']`
            pub(super) weaker_than: Option<OneOrMany<Spanned<String>>>,
            pub(super) limit: Option<Spanned<LimitDocument>>,
            $($(#[$attribute])* $key: Option<Spanned<$Document>>,)*
        }

        impl RequirementDocument {
            /// The place of a key.
            pub(super) fn span_of(&self, key: &str) -> Option<Span> {
                match key {
                    $(stringify!($key) => self.$key.as_ref().map(Spanned::span),)*
                    _ => None,
                }
            }

            /// Whether nothing is written but a mode.
            pub(super) fn is_empty(&self) -> bool {
                true $(&& self.$key.is_none())*
            }

            /// Every list of parties that can contain groups, those of alternatives included.
            pub(super) fn party_lists(&mut self) -> Vec<&mut PartyList> {
                party_lists(&mut self.initiator, &mut self.actor, &mut self.chain, &mut self.any_of)
            }
        }

        impl RouteDocument {
            /// As [`RequirementDocument::party_lists`].
            pub(super) fn party_lists(&mut self) -> Vec<&mut PartyList> {
                party_lists(&mut self.initiator, &mut self.actor, &mut self.chain, &mut self.any_of)
            }

            pub(super) fn requirement(&self) -> RequirementDocument {
                RequirementDocument { mode: None, $($key: self.$key.clone(),)* }
            }
        }
    };
}

/// A schema without these keys.
#[cfg(feature = "schema")]
pub(super) fn without(keys: &[&str]) -> serde_json::Value {
    let keys = keys.iter().map(|key| ((*key).to_owned(), false.into()));
    serde_json::json!({ "properties": keys.collect::<serde_json::Map<_, _>>() })
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    #[test]
    fn a_schema_without_keys_accepts_none_of_them() {
        let expected = serde_json::json!({ "properties": { "mode": false, "require": false } });
        assert_eq!(super::without(&["mode", "require"]), expected);
    }
}
