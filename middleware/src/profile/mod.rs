//! How an issuer writes its tokens: what makes an access token, and which claims hold its facts.
//!
//! A [`Profile`] is data, read from YAML: a preset, or a preset with other parts. `profile: keycloak` in a configuration
//! and `Profile::from_yaml("keycloak")` are the preset; each part that is written replaces that part of the preset:
//!
//! ```
//! use actgate::profile::Profile;
//!
//! let profile = Profile::from_yaml(r#"
//! preset: keycloak
//! subject: { claim: sub, substitute: client_id }
//! kinds:
//!   human: [{ claims: { ext_type: person } }]
//!   service: [{ claims: { sub: { same_as: client_id } } }]
//! "#)?;
//! assert_eq!(profile.preset(), Some("keycloak"));
//! # Ok::<(), actgate::profile::ProfileError>(())
//! ```
//!
//! # Every part
//!
//! | Part | What it says |
//! |---|---|
//! | `preset` | the preset that the other parts come from; default `rfc9068` |
//! | `product` | the product that issues the tokens |
//! | `about` | what the profile is for, in words |
//! | `access_token` | a list of `{ typ, where }`, one of which must fit: the `typ` of the header (`none`: a header without it), and tests on claims that only access tokens meet. `where` is needed for `JWT`, `JOSE` and `none`, which ID tokens have too |
//! | `refused_claims` | further claims of other tokens, such as `nonce`; a token with one of them is refused, and with each profile one with `at_hash`, `c_hash`, `s_hash`, `events` or `token_use: id` |
//! | `issuer` | `iss`, or `{ claim: iss, substitute: trust-domain }`: a token without `iss` is of the trust domain of its `sub` (SPIFFE) |
//! | `authorization_server` | `false` where clients cannot obtain its tokens by OAuth, so that the metadata of a resource (RFC 9728) does not list it: the product gives them to its own jobs, pods or proxies |
//! | `subject` | the claim of the initiator, or `{ claim: sub, substitute: client_id }`: where the claim is absent, blank or `null`, the substitute, which is never human. It can be the text of a person's subject where clients choose their identifiers: a rule on the kind, not `one_of` alone, keeps the two apart |
//! | `client` | the claims of the client, of which the first present counts |
//! | `audience` | the claim of the audiences, or `{ claim: aud, substitute: client_id }` where it is absent |
//! | `scope` | the claims of the scopes, each a name or `{ claim, form }`; the form is `text` (default), `list` or `text-or-list`. Those present must agree |
//! | `kinds` | [evidence](#evidence) of each kind of initiator |
//! | `actor` | `claim`: the current actor, with the prior ones nested; `issuer`: of an actor without `iss`, `implicit` (that of the token) or `strict` (the chain is malformed); `kinds`: evidence in the actor; `presenter`: evidence in the token that its client is the current actor, an agent, where there is no `act`; `prior`: a top-level list of prior actors, newest first, or `none`; `origin`: a top-level object that is the first party, or `none`; `origin_client`: evidence that the innermost of several actors is the client of the login, and no actor; `errors`: `policy`, or `actor-profile` for those of the OAuth Actor Profile (403 `actor_unauthorized`, 401 where a required actor is missing) |
//! | `chain_completeness` | `complete`, `actor-token-only`, `outer-only` or `none`: see [`ChainCompleteness`] |
//!
//! # Evidence
//!
//! A list, one item of which must hold. All parts of an item must hold: `subject` (a text or a list; with one `*` at its
//! beginning or end), `client` (a text or a list), `claims` (tests by the name of the claim; `/a/b`
//! reaches inside). That its client serves people is no evidence of a person in a token whose subject is the client.
//!
//! | Test | Holds if the claim |
//! |---|---|
//! | a value, or a list | is a text, whole number or boolean that is one of these; a text that looks like a pattern is written `{ literal: 'a*' }` |
//! | `{ present: true }`, `{ absent: true }` | is a number, or a text, list or object that is not empty; is not there |
//! | `{ prefix }`, `{ suffix }` | is a text that begins, or ends, so |
//! | `{ not_prefix }` | is a text that does not begin so, without case |
//! | `{ word }`, `{ not_word }` | has, or does not have, this word among words separated by one space, or among the texts of a list, without case |
//! | `{ facet }`, `{ not_facet }` | has, or does not have, this whole number among words separated by one space |
//! | `{ contains }` | is a list with this value |
//! | `{ entity_profile }` | classifies the party as `user`, `ai_agent` or `service` (OAuth Entity Profiles, draft -01) |
//! | `{ same_as }`, `{ not_same_as }` | is, or is not, the text of the other claim, which is present |
//!
//! An absent claim meets `absent`, `not_word` and `not_facet` only. These, `not_prefix` and `not_same_as` do not prove a person,
//! an agent that acts, or an access token alone: another test of the item is on what the token contains. A claim of a type that a test cannot read makes the token
//! malformed. A kind without evidence, and evidence of a person and of a machine, is unknown, which meets no rule. Evidence of
//! an agent and of a service proves an agent.

mod access_token;
mod actor_errors;
mod claim_name;
mod claim_test;
mod claim_test_document;
mod document;
mod entity_profile;
mod error;
mod evidence;
mod kind;
mod kinds;
mod preset;
mod presets;
mod scalar;
mod subject_pattern;

pub use error::ProfileError;
pub use kind::Kind;
pub use kinds::Kinds;
pub use presets::UnknownProfile;

pub(crate) use claim_name::ClaimName;
pub(crate) use evidence::{Evidence, PartyClaims};
pub(crate) use kinds::{EvidenceList, ProvenKind};
pub(crate) use presets::for_each_preset;

use access_token::AccessTokens;
use actor_errors::ActorErrors;

/// Which claims of the tokens of an issuer hold the facts, and what makes a token an access token.
///
/// ```
/// use actgate::profile::Profile;
///
/// let profile: Profile = "rfc9068".parse()?;
/// assert_eq!(profile, Profile::default());
/// assert!("no-such-issuer".parse::<Profile>().is_err());
/// # Ok::<(), actgate::profile::UnknownProfile>(())
/// ```
///
/// It does NOT hold the issuer's identifier, keys or audiences: see [`TrustedIssuer`](crate::TrustedIssuer).
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    name: Option<&'static str>,
    product: Box<str>,
    about: Box<str>,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) refused_claims: Box<[ClaimName]>,
    pub(crate) issuer: TokenIssuer,
    /// Whether clients can obtain its tokens by OAuth.
    pub(crate) authorization_server: bool,
    pub(crate) subject: SubjectClaim,
    /// The claims that name the client; the first one present counts.
    pub(crate) client: Box<[ClaimName]>,
    pub(crate) audience: AudienceClaim,
    /// The claims that hold the scopes; those present must agree.
    pub(crate) scope: Box<[ScopeClaim]>,
    /// Evidence for the kind of the initiator.
    pub(crate) kinds: Kinds,
    pub(crate) actor: ActorProfile,
    pub(crate) chain_completeness: ChainCompleteness,
}

/// How a token names its issuer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TokenIssuer {
    /// By `iss`.
    Claim,
    /// By `iss`, or without it by the trust domain of a SPIFFE id in `sub`.
    ClaimOrTrustDomain,
}

/// The claim that names the initiator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SubjectClaim {
    pub(crate) claim: ClaimName,
    /// The claim that names a machine where the other is absent, blank or `null`.
    pub(crate) substitute: Option<ClaimName>,
}

/// The claim that names the audiences: a string or an array of strings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct AudienceClaim {
    pub(crate) claim: ClaimName,
    /// The claim that replaces it where it is absent.
    pub(crate) substitute: Option<ClaimName>,
}

/// A claim that holds scopes, and its form.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScopeClaim {
    pub(crate) claim: ClaimName,
    pub(crate) form: ScopeForm,
}

/// How scopes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScopeForm {
    /// One string, separated by spaces (RFC 8693 section 4.2).
    #[default]
    Text,
    /// An array of strings.
    List,
    /// Either.
    TextOrList,
}

/// Where the actors are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActorProfile {
    /// The claim that holds the current actor, and in it the prior ones.
    pub(crate) claim: ClaimName,
    pub(crate) issuer: ActorIssuer,
    /// Evidence for the kind of an actor, in its `act` object.
    pub(crate) kinds: Kinds,
    /// Evidence that the client is the current actor, where no claim names one.
    pub(crate) presenter: EvidenceList,
    /// A top-level list of prior actors, newest first.
    pub(crate) prior: Option<ClaimName>,
    /// A top-level object that names the first party.
    pub(crate) origin: Option<ClaimName>,
    /// Evidence that the innermost of several actors is the client of the login.
    pub(crate) origin_client: EvidenceList,
    pub(crate) errors: ActorErrors,
}

/// The issuer of an actor without `iss`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActorIssuer {
    /// That of the token.
    Implicit,
    /// None: the chain is malformed.
    Strict,
}

/// Which actors the nested `act` objects of an issuer contain. It decides which rules on prior actors are reliable.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChainCompleteness {
    /// Every actor since the initiator.
    Complete,
    /// The actors of the actor token; those of the subject token are lost.
    ActorTokenOnly,
    /// The current actor only.
    OuterOnly,
    /// No `act` at all.
    None,
}

/// How the prior actors of an issuer are used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PriorActors {
    /// Checked for form and dropped.
    Ignore,
    /// Kept for the log and for handlers; no rule reads them.
    #[default]
    Audit,
    /// Read by history rules, which can deny.
    Enforce,
}

impl Profile {
    /// Reads a profile: the name of a preset, or a mapping of [parts](self#every-part).
    ///
    /// # Errors
    /// [`ProfileError`] with line, column and help for every mistake.
    pub fn from_yaml(text: &str) -> Result<Profile, ProfileError> {
        ProfileError::check(actgate_yaml::read(text))
    }

    /// The profile of an issuer of which no token is an access token.
    fn accepting_nothing() -> Profile {
        let (subject, audience, actor) = (ClaimName::SUBJECT, ClaimName::AUDIENCE, ClaimName::ACTOR);
        Profile {
            name: None,
            product: Box::default(),
            about: Box::default(),
            access_tokens: AccessTokens::none(),
            refused_claims: Box::default(),
            issuer: TokenIssuer::Claim,
            authorization_server: false,
            subject: SubjectClaim {
                claim: subject,
                substitute: None,
            },
            client: Box::default(),
            audience: AudienceClaim {
                claim: audience,
                substitute: None,
            },
            scope: Box::default(),
            kinds: Kinds::default(),
            actor: ActorProfile {
                claim: actor,
                issuer: ActorIssuer::Strict,
                kinds: Kinds::default(),
                presenter: EvidenceList::default(),
                prior: None,
                origin: None,
                origin_client: EvidenceList::default(),
                errors: ActorErrors::default(),
            },
            chain_completeness: ChainCompleteness::None,
        }
    }

    /// The preset that it is, or that its other parts come from; [`None`] for a profile without preset.
    pub fn preset(&self) -> Option<&'static str> {
        self.name
    }

    /// The product that issues the tokens.
    pub fn product(&self) -> &str {
        &self.product
    }

    /// What the profile is for, and what its chain is worth, in words.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Whether a token can prove that its initiator is of this kind.
    pub fn can_prove(&self, kind: Kind) -> bool {
        !self.kinds.of(kind).is_empty()
    }

    /// The evidence that a token can have of its initiator being of this kind, in words: `` `aut` is `AGENT` ``.
    pub fn evidence(&self, kind: Kind) -> impl Iterator<Item = String> {
        self.kinds.of(kind).iter().map(ToString::to_string)
    }

    /// As [`Profile::evidence`], of an actor: the claims are those of its `act`.
    pub fn actor_evidence(&self, kind: Kind) -> impl Iterator<Item = String> {
        self.actor.kinds.of(kind).iter().map(ToString::to_string)
    }

    /// Which actors its chains contain.
    pub fn chain_completeness(&self) -> ChainCompleteness {
        self.chain_completeness
    }
}

impl Kinds {
    /// Reads the evidence of each kind: `{ human: .., agent: .., service: .. }`.
    ///
    /// # Errors
    /// [`ProfileError`] with line, column and help for every mistake.
    pub fn from_yaml(text: &str) -> Result<Kinds, ProfileError> {
        ProfileError::check(actgate_yaml::read(text))
    }
}
