//! Tokens that the preset of another issuer accepts and reads otherwise than the preset of their issuer: each was reviewed.

/// Presets that read one fixture in this way, and why that is no misreading.
pub(crate) struct Reviewed {
    pub(crate) issuer: &'static str,
    pub(crate) fixture: &'static str,
    pub(crate) presets: &'static [&'static str],
    pub(crate) outcome: &'static str,
    pub(crate) reason: &'static str,
}

const ACTOR_WITHOUT_ISSUER: &str = "the Actor Profile alone requires `iss` of an actor; by RFC 8693 the actor is one of the issuer of \
     the token, and it is the actor that the token names";
const BROWSER_APP: &str = "Auth0 alone writes the app of the login as an actor; one actor more is a longer chain, and the current actor is the same";
const MACHINE: &str = "the subject is the client itself; the preset of the issuer proves no service because other evidence is of \
     a person";
const CLIENT: &str = "`azp` is the client in OpenID Connect; RFC 9068 does not define it";
const LOGIN: &str =
    "the subject is the resource owner of a code grant and no client; the preset of PingAM reads the prefix alone";
const SCOPE: &str = "Hydra writes the same scopes in `scp` and `scope`, and these presets read `scope` alone";

pub(crate) const REVIEWED: &[Reviewed] = &[
    Reviewed {
        issuer: "rfc9068",
        fixture: "a token without evidence of kind",
        presets: &["auth0", "wso2"],
        outcome: "unknown 3, client web",
        reason: CLIENT,
    },
    Reviewed {
        issuer: "actor-profile",
        fixture: "an actor without issuer",
        presets: &["rfc9068", "auth0", "okta"],
        outcome: "human alice, actor agent booker, client -",
        reason: ACTOR_WITHOUT_ISSUER,
    },
    Reviewed {
        issuer: "actor-profile",
        fixture: "an actor without issuer",
        presets: &["pingone", "thunderid", "wso2", "duende", "spring", "pingfederate"],
        outcome: "unknown alice, actor unknown booker, client -",
        reason: ACTOR_WITHOUT_ISSUER,
    },
    Reviewed {
        issuer: "actor-profile",
        fixture: "a prior actor without issuer",
        presets: &["rfc9068", "auth0", "okta"],
        outcome: "human alice, actor unknown booker, prior planner, client -",
        reason: ACTOR_WITHOUT_ISSUER,
    },
    Reviewed {
        issuer: "actor-profile",
        fixture: "a prior actor without issuer",
        presets: &["pingone", "thunderid", "wso2", "duende", "spring", "pingfederate"],
        outcome: "unknown alice, actor unknown booker, prior planner, client -",
        reason: ACTOR_WITHOUT_ISSUER,
    },
    Reviewed {
        issuer: "ping-aic",
        fixture: "the client of a login as subject: evidence of two kinds",
        presets: &["hydra"],
        outcome: "service web, client web",
        reason: MACHINE,
    },
    Reviewed {
        issuer: "pingam",
        fixture: "an older subject without prefix proves no person",
        presets: &["ping-aic"],
        outcome: "human alice, client web, scopes orders:read",
        reason: LOGIN,
    },
    Reviewed {
        issuer: "pingone",
        fixture: "a session in a token without `sub`: the substitute is never a person",
        presets: &["pingfederate"],
        outcome: "service agent, client agent, scopes x:do",
        reason: MACHINE,
    },
    Reviewed {
        issuer: "auth0",
        fixture: "an agent on behalf of a person; the innermost `act` is the browser app of the login",
        presets: &["rfc9068", "okta"],
        outcome: "human auth0|alice, actor agent agt_1, prior spa, client m",
        reason: BROWSER_APP,
    },
    Reviewed {
        issuer: "auth0",
        fixture: "an agent on behalf of a person; the innermost `act` is the browser app of the login",
        presets: &["pingone", "thunderid", "wso2", "duende", "spring", "pingfederate"],
        outcome: "unknown auth0|alice, actor unknown agt_1, prior spa, client m",
        reason: BROWSER_APP,
    },
    Reviewed {
        issuer: "auth0",
        fixture: "two agents and the browser app",
        presets: &["rfc9068", "okta"],
        outcome: "human auth0|alice, actor agent agt_2, prior agt_1 spa, client m",
        reason: BROWSER_APP,
    },
    Reviewed {
        issuer: "auth0",
        fixture: "two agents and the browser app",
        presets: &["pingone", "thunderid", "wso2", "duende", "spring", "pingfederate"],
        outcome: "unknown auth0|alice, actor unknown agt_2, prior agt_1 spa, client m",
        reason: BROWSER_APP,
    },
    Reviewed {
        issuer: "duende",
        fixture: "a session without subject proves no person",
        presets: &["pingfederate"],
        outcome: "service batch, client batch",
        reason: MACHINE,
    },
    Reviewed {
        issuer: "hydra",
        fixture: "`scp` and `scope` that disagree",
        presets: &["pingone", "pingfederate"],
        outcome: "unknown u1, client web, scopes orders:write",
        reason: SCOPE,
    },
];
