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

#[derive(Default, serde::Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    rename = "shorthand preset",
    expecting = "the name of a preset, or a mapping\nwrite `keycloak`, or `{ preset: keycloak, subject: sub }`"
)]
pub(super) struct ProfileDocument {
    preset: Option<PresetName>,
    product: Option<String>,
    about: Option<String>,
    access_token: Option<AccessTokens>,
    refused_claims: Option<ClaimNames>,
    issuer: Option<IssuerDocument>,
    authorization_server: Option<bool>,
    subject: Option<SubjectDocument>,
    client: Option<ClaimNames>,
    audience: Option<AudienceDocument>,
    scope: Option<ScopesDocument>,
    kinds: Option<Kinds>,
    actor: Option<ActorDocument>,
    chain_completeness: Option<ChainCompleteness>,
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

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename = "shorthand claim")]
struct IssuerDocument {
    claim: IssuerClaimName,
    #[serde(default)]
    substitute: Option<IssuerSubstitute>,
}

#[derive(serde::Deserialize)]
enum IssuerClaimName {
    #[serde(rename = "iss")]
    Iss,
}

#[derive(serde::Deserialize)]
enum IssuerSubstitute {
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
#[serde(deny_unknown_fields, rename = "shorthand claim")]
struct ClaimDocument {
    claim: ClaimName,
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

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename = "shorthand claim")]
struct ScopeDocument {
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

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `{ claim: act }`")]
struct ActorDocument {
    claim: Option<ClaimName>,
    issuer: Option<ActorIssuer>,
    kinds: Option<Kinds>,
    #[serde(deserialize_with = "presenter")]
    presenter: Option<EvidenceList>,
    prior: Option<ClaimOrNone>,
    origin: Option<ClaimOrNone>,
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
