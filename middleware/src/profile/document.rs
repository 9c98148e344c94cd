//! The written form of a profile: a preset, and the parts that differ from it.

use actgate_yaml::OneOrMany;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::access_token::AccessTokens;
use super::actor_errors::ActorErrors;
use super::claim_name::ClaimName;
use super::kinds::{EvidenceList, Kinds, positive};
use super::presets::PresetName;
use super::{
    ActorIssuer, ActorProfile, AudienceClaim, ChainCompleteness, Profile, ScopeClaim, ScopeForm, SubjectClaim,
    TokenIssuer,
};

/// Most claims in one list of a profile.
const MAX_CLAIMS: usize = 32;

/// How tokens are written: a preset, or a mapping of the parts that differ from one.
#[derive(Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    rename = "shorthand preset",
    expecting = "the name of a preset, or a mapping\nwrite `keycloak`, or `{ preset: keycloak, subject: sub }`"
)]
#[cfg_attr(feature = "schema", schemars(rename = "Profile", extend("x-shorthand" = "preset")))]
pub(super) struct ProfileDocument {
    /// The preset that the other parts come from. Default: rfc9068.
    /// Example: `keycloak`
    preset: Option<PresetName>,
    /// The product that issues the tokens.
    /// Example: `Acme Login`
    product: Option<String>,
    /// What the profile is for, in words.
    /// Example: `Tokens of the staff`
    about: Option<String>,
    /// What makes an access token: the `typ` of the header, and tests on claims that only access tokens meet; one, or a list.
    /// Example: `[{ typ: JWT, where: { token_use: access } }]`
    access_token: Option<AccessTokens>,
    /// Further claims of other tokens; one, or a list. A token with one of them is refused.
    /// Example: `[nonce]`
    refused_claims: Option<ClaimNames>,
    /// How a token names its issuer.
    /// Example: `{ claim: iss, substitute: trust-domain }`
    issuer: Option<IssuerDocument>,
    /// `false` where clients cannot obtain its tokens by OAuth, so that the metadata of a resource (RFC 9728) does not list it.
    /// Example: `false`
    authorization_server: Option<bool>,
    /// The claim of the initiator, and one that names a machine where it is absent, blank or `null`.
    /// Example: `{ claim: sub, substitute: client_id }`
    #[cfg_attr(feature = "schema", schemars(with = "Option<ClaimDocument>"))]
    subject: Option<SubjectDocument>,
    /// The claims of the client, of which the first present counts; one, or a list.
    /// Example: `[client_id, azp]`
    client: Option<ClaimNames>,
    /// The claim of the audiences, and one that replaces it where it is absent.
    /// Example: `{ claim: aud, substitute: client_id }`
    #[cfg_attr(feature = "schema", schemars(with = "Option<ClaimDocument>"))]
    audience: Option<AudienceDocument>,
    /// The claims of the scopes, each a name, or with its form; one, or a list. Those present must agree.
    /// Example: `[scope, { claim: scp, form: text-or-list }]`
    scope: Option<ScopesDocument>,
    /// The evidence of each kind of initiator. One item of a list must hold.
    /// Example: `{ human: [{ claims: { sid: { present: true } } }] }`
    kinds: Option<Kinds>,
    actor: Option<ActorDocument>,
    chain_completeness: Option<ChainCompleteness>,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// Names of claims, each once; one, or a list.
    ClaimNames = "ClaimNames", { "anyOf": [
        generator.subschema_for::<ClaimName>(),
        { "type": "array", "maxItems": MAX_CLAIMS, "uniqueItems": true, "items": generator.subschema_for::<ClaimName>() },
    ] };
    /// Claims of scopes, each once; one, or a list.
    ScopesDocument = "ScopeClaims", { "anyOf": [
        generator.subschema_for::<ScopeDocument>(),
        { "type": "array", "maxItems": MAX_CLAIMS, "items": generator.subschema_for::<ScopeDocument>() },
    ] };
    /// A claim, or the word `none`.
    ClaimOrNone = "ClaimOrNone", { "anyOf": [{ "const": "none" }, generator.subschema_for::<ClaimName>()] };
}

/// The schema of its written form.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Profile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        ProfileDocument::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        ProfileDocument::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        ProfileDocument::json_schema(generator)
    }
}

impl ProfileDocument {
    /// The profile, if every part is written.
    pub(super) fn complete(self) -> Option<Profile> {
        let actor = self.actor?;
        Some(Profile {
            name: None,
            product: self.product?.into(),
            about: self.about?.into(),
            access_tokens: self.access_token?,
            refused_claims: self.refused_claims?.0,
            issuer: self.issuer?.into(),
            authorization_server: self.authorization_server?,
            subject: self.subject?.into(),
            client: self.client?.0,
            audience: self.audience?.into(),
            scope: self.scope?.0,
            kinds: self.kinds?,
            actor: ActorProfile {
                claim: actor.claim?,
                issuer: actor.issuer?,
                kinds: actor.kinds?,
                errors: actor.errors?,
                presenter: actor.presenter?,
                prior: actor.prior?.0,
                origin: actor.origin?.0,
                origin_client: actor.origin_client?,
            },
            chain_completeness: self.chain_completeness?,
        })
    }

    /// The preset that is written, or the default.
    pub(super) fn preset(&self) -> PresetName {
        self.preset.unwrap_or_default()
    }

    /// The profile, with the parts that are not written from the preset.
    pub(super) fn with_preset(self, preset: Profile) -> Profile {
        let mut profile = preset;
        fn set<T>(part: &mut T, written: Option<impl Into<T>>) {
            if let Some(written) = written {
                *part = written.into();
            }
        }
        set(&mut profile.product, self.product);
        set(&mut profile.about, self.about);
        set(&mut profile.access_tokens, self.access_token);
        set(&mut profile.refused_claims, self.refused_claims.map(|claims| claims.0));
        set(&mut profile.issuer, self.issuer);
        set(&mut profile.authorization_server, self.authorization_server);
        set(&mut profile.subject, self.subject);
        set(&mut profile.client, self.client.map(|claims| claims.0));
        set(&mut profile.audience, self.audience);
        set(&mut profile.scope, self.scope.map(|scopes| scopes.0));
        set(&mut profile.kinds, self.kinds);
        set(&mut profile.chain_completeness, self.chain_completeness);
        let actor = self.actor.unwrap_or_default();
        set(&mut profile.actor.claim, actor.claim);
        set(&mut profile.actor.issuer, actor.issuer);
        set(&mut profile.actor.kinds, actor.kinds);
        set(&mut profile.actor.presenter, actor.presenter);
        set(&mut profile.actor.prior, actor.prior.map(|claim| claim.0));
        set(&mut profile.actor.origin, actor.origin.map(|claim| claim.0));
        set(&mut profile.actor.origin_client, actor.origin_client);
        set(&mut profile.actor.errors, actor.errors);
        profile
    }
}

/// Names of claims, each once.
struct ClaimNames(Box<[ClaimName]>);

impl<'de> Deserialize<'de> for ClaimNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = OneOrMany::<ClaimName>::deserialize(deserializer)?.0;
        if names.len() > MAX_CLAIMS {
            let message = format!("the list has more than {MAX_CLAIMS} claims\nwrite fewer");
            return Err(D::Error::custom(message));
        }
        if let Some(twice) = twice(names.iter().copied()) {
            return Err(D::Error::custom(format!("`{twice}` is named twice\nkeep one of them")));
        }
        Ok(ClaimNames(names.into()))
    }
}

fn twice(names: impl Iterator<Item = ClaimName> + Clone) -> Option<ClaimName> {
    let mut numbered = names.clone().enumerate();
    let repeated = numbered.find(|(index, name)| names.clone().take(*index).any(|earlier| earlier == *name));
    repeated.map(|(_, name)| name)
}

/// How a token names its issuer.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename = "shorthand claim")]
#[cfg_attr(feature = "schema", schemars(rename = "TokenIssuer", extend("x-shorthand" = "claim")))]
struct IssuerDocument {
    /// The claim of the issuer.
    /// Example: `iss`
    claim: IssuerClaimName,
    #[serde(default)]
    substitute: Option<IssuerSubstitute>,
}

/// The claim of the issuer.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum IssuerClaimName {
    /// RFC 7519 section 4.1.1.
    #[serde(rename = "iss")]
    Iss,
}

/// What names the issuer of a token without the claim.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
enum IssuerSubstitute {
    /// The trust domain of the SPIFFE id in `sub`.
    #[serde(rename = "trust-domain")]
    TrustDomain,
}

impl From<IssuerDocument> for TokenIssuer {
    fn from(document: IssuerDocument) -> Self {
        let IssuerDocument {
            claim: IssuerClaimName::Iss,
            substitute,
        } = document;
        match substitute {
            None => TokenIssuer::Claim,
            Some(IssuerSubstitute::TrustDomain) => TokenIssuer::ClaimOrTrustDomain,
        }
    }
}

/// A claim, and another that replaces it where it is absent.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename = "shorthand claim")]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "ClaimWithSubstitute", extend("x-shorthand" = "claim"))
)]
struct ClaimDocument {
    /// The name of the claim.
    /// Example: `sub`
    claim: ClaimName,
    /// Another claim, which is read where it is absent. Default: none.
    /// Example: `client_id`
    #[serde(default)]
    substitute: Option<ClaimName>,
}

macro_rules! claim_with_substitute {
    ($Document:ident => $Claim:ident) => {
        struct $Document($Claim);

        impl<'de> Deserialize<'de> for $Document {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let ClaimDocument { claim, substitute } = ClaimDocument::deserialize(deserializer)?;
                if substitute == Some(claim) {
                    let message = format!("`{claim}` is its own substitute\nname another claim, or none");
                    return Err(D::Error::custom(message));
                }
                Ok($Document($Claim { claim, substitute }))
            }
        }

        impl From<$Document> for $Claim {
            fn from(document: $Document) -> Self {
                document.0
            }
        }
    };
}

claim_with_substitute!(SubjectDocument => SubjectClaim);
claim_with_substitute!(AudienceDocument => AudienceClaim);

struct ScopesDocument(Box<[ScopeClaim]>);

/// A claim of scopes, and its form.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename = "shorthand claim")]
#[cfg_attr(feature = "schema", schemars(rename = "ScopeClaim", extend("x-shorthand" = "claim")))]
struct ScopeDocument {
    /// The name of the claim.
    /// Example: `scope`
    claim: ClaimName,
    #[serde(default)]
    form: ScopeForm,
}

impl<'de> Deserialize<'de> for ScopesDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let claims = OneOrMany::<ScopeDocument>::deserialize(deserializer)?.0;
        if claims.len() > MAX_CLAIMS {
            let message = format!("the list has more than {MAX_CLAIMS} claims\nwrite fewer");
            return Err(D::Error::custom(message));
        }
        if let Some(twice) = twice(claims.iter().map(|document| document.claim)) {
            return Err(D::Error::custom(format!("`{twice}` is named twice\nkeep one of them")));
        }
        let claims = claims
            .into_iter()
            .map(|ScopeDocument { claim, form }| ScopeClaim { claim, form });
        Ok(ScopesDocument(claims.collect()))
    }
}

/// Where the actors are.
/// Example: `{ claim: act, issuer: strict }`
#[derive(Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `{ claim: act }`")]
#[cfg_attr(feature = "schema", schemars(rename = "ActorClaims"))]
struct ActorDocument {
    /// The claim of the current actor, with the prior ones nested in it.
    /// Example: `act`
    claim: Option<ClaimName>,
    issuer: Option<ActorIssuer>,
    /// The evidence of each kind of actor, in its `act`. One item of a list must hold.
    /// Example: `{ agent: [{ claims: { sub_profile: { entity_profile: ai_agent } } }] }`
    kinds: Option<Kinds>,
    /// Evidence in a token without `act` that its client is the current actor, an agent; one, or a list.
    /// Example: `[{ client: assistant }]`
    #[serde(deserialize_with = "presenter")]
    presenter: Option<EvidenceList>,
    /// A claim at the top of the token that lists the prior actors, newest first; `none` without one.
    /// Example: `none`
    prior: Option<ClaimOrNone>,
    /// A claim at the top of the token whose object is the first party; `none` without one.
    /// Example: `none`
    origin: Option<ClaimOrNone>,
    /// Evidence that the innermost of several actors is the client of the login, and no actor; one, or a list.
    /// Example: `[{ client: portal }]`
    origin_client: Option<EvidenceList>,
    errors: Option<ActorErrors>,
}

/// A claim, or the word `none`.
struct ClaimOrNone(Option<ClaimName>);

impl<'de> Deserialize<'de> for ClaimOrNone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = ClaimName::deserialize(deserializer)?;
        Ok(ClaimOrNone((name.as_str() != "none").then_some(name)))
    }
}

fn presenter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EvidenceList>, D::Error> {
    positive(deserializer).map(Some)
}
