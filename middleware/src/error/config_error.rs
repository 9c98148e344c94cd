//! [`ConfigError`]: what is found at start-up.

/// A configuration that cannot be used. It is found before the first request, never during one.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A text that is no issuer identifier.
    #[error("`{issuer}` is not an issuer: {reason}; {help}")]
    #[non_exhaustive]
    Issuer {
        /// The text as written, without user name and password.
        issuer: String,
        /// What is wrong with it.
        reason: &'static str,
        /// What to write.
        help: String,
    },
    /// A URL that cannot be used.
    #[error("`{url}` cannot be used: {reason}")]
    #[non_exhaustive]
    Url {
        /// The text as written.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is no identifier of a resource.
    #[error("`{resource}` is not a resource: {reason}; {help}")]
    #[non_exhaustive]
    Resource {
        /// The text as written, without user name and password.
        resource: String,
        /// What is wrong with it.
        reason: &'static str,
        /// What to write.
        help: String,
    },
    /// A text that is no host or no path of a resource.
    #[error("`{place}` is not a place of a resource: {reason}; {help}")]
    #[non_exhaustive]
    Place {
        /// The text as written.
        place: String,
        /// What is wrong with it.
        reason: &'static str,
        /// What to write.
        help: String,
    },
    /// A text that the metadata of a resource cannot contain.
    #[error("`{text}` is not {what}: {reason}; {help}")]
    #[non_exhaustive]
    Metadata {
        /// The text as written.
        text: String,
        /// What it is not: `a scope`.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// The address of metadata beside a resource, which names its own.
    #[error("the address of metadata `{url}` is not of a resource; {help}")]
    #[non_exhaustive]
    MetadataAddress {
        /// The address.
        url: String,
        /// What to write.
        help: &'static str,
    },
    /// Audiences of a resource in the tokens of an issuer that is not trusted.
    #[error("the resource `{resource}` has audiences for the tokens of `{issuer}`, which is not trusted; {help}")]
    #[non_exhaustive]
    AudienceOfUnknownIssuer {
        /// The resource.
        resource: String,
        /// The issuer as written.
        issuer: String,
        /// What to write.
        help: String,
    },
    /// Two issuers whose tokens are in headers that some servers do not distinguish.
    #[error("the header `{header}` is the same as `{other}` to some servers; {help}")]
    #[non_exhaustive]
    HeaderSpelling {
        /// The header of the later issuer.
        header: String,
        /// That of the earlier one.
        other: String,
        /// What to write.
        help: &'static str,
    },
    /// Two issuers that opaque tokens could be of: such a token does not state its issuer.
    #[error(
        "opaque tokens are of `{issuer}` and of `{other}`, and an opaque token does not state its issuer; one issuer can have them"
    )]
    #[non_exhaustive]
    OpaqueTokens {
        /// The later issuer.
        issuer: String,
        /// The earlier one.
        other: String,
    },
    /// Two resources that cannot be protected together.
    #[error("the resource `{resource}` cannot be protected beside the others: {reason}; {help}")]
    #[non_exhaustive]
    Overlap {
        /// The later resource.
        resource: String,
        /// What is wrong with it.
        reason: String,
        /// What to change.
        help: String,
    },
    /// An issuer with audiences of its own beside several resources, whose tokens would be for every one of them.
    #[error("the issuer `{0}` has audiences of its own; with several resources, name them at the resource")]
    AudienceOfIssuer(String),
    /// A route of the policy for the metadata of a resource, which is answered without the policy.
    #[error("the route `{route}` is for the metadata of a resource, which is published without it; {help}")]
    #[non_exhaustive]
    MetadataRoute {
        /// The route as written.
        route: String,
        /// Line of the route in the policy, from 1.
        line: u64,
        /// Column of the route, from 1.
        column: u64,
        /// What to change.
        help: &'static str,
    },
    /// No issuer is trusted, so that no token could be accepted.
    #[error("no issuer is trusted; name at least one")]
    NoIssuer,
    /// The same issuer is named twice.
    #[error("the issuer `{0}` is named twice; write all its audiences in one entry")]
    DuplicateIssuer(String),
    /// An issuer without audience, of which no token could be accepted.
    #[error("no audience is accepted for issuer `{0}`; name at least one")]
    NoAudience(String),
    /// A rule of the policy reads the body of requests, and no body is passed to the authorizer.
    #[error("the rule `{rule}` reads the body of requests, and no body is passed to the authorizer; {help}")]
    #[non_exhaustive]
    BodyRule {
        /// The rule of the policy.
        rule: String,
        /// What to write.
        help: &'static str,
    },
    /// An authorizer without policy.
    #[error("there is no policy")]
    NoPolicy,
    /// An audience is empty.
    #[error("an audience is empty; name the resource as the issuer writes it in `aud`")]
    EmptyAudience,
    /// A text that is no audience.
    #[error("`{audience}` is not an audience: {reason}; {help}")]
    #[non_exhaustive]
    Audience {
        /// The text as written.
        audience: String,
        /// What is wrong with it.
        reason: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// A header that cannot carry the tokens of an issuer.
    #[error("the header `{header}` cannot carry tokens: {reason}; {help}")]
    #[non_exhaustive]
    Header {
        /// The name of the header.
        header: String,
        /// Why not.
        reason: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// The name of a claim that looks like a path of another product.
    #[error("{message}; {help}")]
    #[non_exhaustive]
    DottedClaim {
        /// What is wrong with it.
        message: String,
        /// What to write.
        help: String,
    },
    /// A claim that no token of the issuer can have as it is required.
    #[error("the claim `{claim}` cannot be required: {reason}; {help}")]
    #[non_exhaustive]
    RequiredClaim {
        /// The name of the claim as written.
        claim: String,
        /// What is wrong with it.
        reason: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// An issuer that signs the tokens of many tenants, without a required claim that identifies one.
    #[error("the issuer `{issuer}` ({product}) signs the tokens of all its tenants with the same keys; {help}")]
    #[non_exhaustive]
    SharedIssuer {
        /// The issuer.
        issuer: String,
        /// Its name.
        product: &'static str,
        /// The required claim that identifies a tenant and has a value that is no text, which no token has.
        claim: Option<String>,
        /// The claims of which one must be required.
        help: String,
    },
    /// A text that is no client.
    #[error("`{client}` is not a client: {reason}")]
    #[non_exhaustive]
    AgentClient {
        /// The text as written.
        client: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No algorithm is accepted, so that no token could be accepted.
    #[error("no algorithm is accepted for issuer `{0}`; name at least one, or leave the list out")]
    NoAlgorithm(String),
    /// The leeway is above 60 seconds.
    #[error("a leeway of {0} s is too long; at most 60 s are accepted")]
    Leeway(u64),
    /// A duration is zero or out of its range.
    #[error("`{name}` is out of range: {reason}")]
    #[non_exhaustive]
    Duration {
        /// The name of the setting.
        name: &'static str,
        /// The accepted range.
        reason: &'static str,
    },
    /// A rule on prior actors that an issuer's chain cannot support.
    #[error("rule `{rule}` reads prior actors, but for issuer `{issuer}` {reason}; {help}")]
    #[non_exhaustive]
    HistoryRule {
        /// The rule of the policy.
        rule: String,
        /// Line of the rule in the policy, from 1.
        line: u64,
        /// Column of the rule, from 1.
        column: u64,
        /// The issuer whose chain cannot support it.
        issuer: String,
        /// Why not.
        reason: &'static str,
        /// What to change.
        help: &'static str,
    },
    /// A requirement that the policy does not define.
    #[error("the policy defines no requirement `{0}`")]
    UnknownRequirement(String),
    /// The HTTP client that fetches keys could not be created.
    #[error("the client that fetches keys could not be created: {0}")]
    Client(String),
    /// Keys that are fetched were started outside of a tokio runtime.
    #[error("fetching keys needs a tokio runtime")]
    NoRuntime,
}
