//! What an operator can change where a check of `explain` fails.

use actgate::Explanation;
use actgate::policy::{Check, Outcome};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::cli::kind_help::kind_help;
use crate::config::IssuerSettings;

/// Claims that ID tokens have, and access tokens do not.
const ID_TOKEN_CLAIMS: [&str; 3] = ["nonce", "at_hash", "c_hash"];

const ID_TOKEN: &str = "this is an ID token, which is for the client; send the access token";

const OPAQUE_TOKEN: &str = "this may be an opaque token; request the access token for the audience of this API, and configure \
                            the issuer for JWT access tokens";

/// The help for failed checks of one request.
pub(crate) struct Helper {
    issuers: Vec<IssuerSettings>,
    /// The claims of the token, which are not verified.
    claims: Map<String, Value>,
}

impl Helper {
    /// For the trusted issuers and a token.
    pub(crate) fn new(issuers: Vec<IssuerSettings>, token: &str) -> Helper {
        let claims = token
            .split('.')
            .nth(1)
            .and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok())
            .and_then(|claims| serde_json::from_slice(&claims).ok());
        Helper {
            issuers,
            claims: claims.unwrap_or_default(),
        }
    }

    /// The help for a check; [`None`] for one that is met, and where what came is help enough.
    pub(crate) fn help(&self, explained: &Explanation, check: &Check) -> Option<String> {
        match check.outcome {
            Outcome::Failed => {}
            Outcome::Undecided => return Some(of_undecided(check)),
            _ => return None,
        }
        if check.code == Some("body_not_read") {
            return Some("the gate reads the body: add `--body JSON` or `--body @FILE`".to_owned());
        }
        match &*check.rule {
            "route" => of_route(check),
            "form" => check
                .got
                .contains("it is not three parts")
                .then(|| OPAQUE_TOKEN.to_owned()),
            "issuer" => self.of_issuer(),
            rule @ ("type" | "claims") => match explained.fitting_presets()? {
                [] if self.is_id_token() => Some(ID_TOKEN.to_owned()),
                fitting if rule == "type" => Some(of_type(check, fitting)),
                [] => None,
                fitting => Some(with_preset(fitting)),
            },
            "audience" => self.of_audience(),
            rule if rule.ends_with("initiator.kind") => self.of_kind(check),
            rule if rule.ends_with("actor.kind") => self.of_kind(check),
            rule if rule.contains("claims.") => of_list(check),
            _ => None,
        }
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    fn is_id_token(&self) -> bool {
        let is_marked = ID_TOKEN_CLAIMS.iter().any(|claim| self.claims.contains_key(*claim));
        // Of Keycloak, and of Cognito.
        is_marked || self.text("typ") == Some("ID") || self.text("token_use") == Some("id")
    }

    /// An issuer that is nearly a trusted one.
    fn of_issuer(&self) -> Option<String> {
        let came = self.text("iss")?;
        let trusted = || self.issuers.iter().map(|issuer| issuer.trusted.identifier());
        let without_slash = |issuer: &str| issuer.strip_suffix('/').unwrap_or(issuer).to_owned();
        let is_near = |issuer: &str| issuer != came && without_slash(issuer) == without_slash(came);
        if trusted().any(is_near) {
            return Some(format!(
                "they differ in the slash at the end; write `issuer: {came}`, as the token has it"
            ));
        }
        let is_of_version_1 = came.starts_with("https://sts.windows.net/");
        let is_of_version_2 = |issuer: &str| issuer.starts_with("https://login.microsoftonline.com/");
        (is_of_version_1 && trusted().any(is_of_version_2)).then(|| {
            "this is a token of version 1 of Entra; set `requestedAccessTokenVersion: 2` in the manifest of the API"
                .to_owned()
        })
    }

    fn of_audience(&self) -> Option<String> {
        let written = match self.claims.get("aud") {
            None => return None,
            Some(Value::String(audience)) => format!("write `audience: {audience}`"),
            Some(_) => "write what the token has in `aud` as `audience`".to_owned(),
        };
        Some(format!(
            "request a token for the audience of this API at the issuer; or {written}, if it means this API"
        ))
    }

    /// What proves a kind in the tokens of the issuer.
    fn of_kind(&self, check: &Check) -> Option<String> {
        let came = self.text("iss")?;
        let issuer = self.issuers.iter().find(|issuer| issuer.trusted.identifier() == came)?;
        kind_help(&issuer.profile, check)
    }
}

/// A rule, or a step, that a line of the decision log does not decide.
fn of_undecided(check: &Check) -> String {
    let listed = |place: &str| {
        let how = match place {
            place if place.starts_with("query.") => "; or add the query with `--path`",
            place if place.starts_with("headers.") => "; or add the header with `--header`",
            "mcp.name" => "; or name the message with `--mcp`",
            _ => "; or add the body with `--body`",
        };
        format!("add `{place}` to `request` of `decision_log`, for the lines to come{how}")
    };
    let of_request = check.got.split("the value of `").skip(1);
    let of_request = of_request.filter_map(|rest| rest.split_once("` of the request").map(|(place, _)| listed(place)));
    let of_places = [
        (
            "the claim `",
            "add the claim to `claims` of `decision_log`, for the lines to come",
        ),
        (
            "the query ",
            "add the query with `--path`, such as `/a?b=c`; `/a?` has none",
        ),
        (
            "the header `",
            "add it with `--header`; where the request had no such header, add `--all-headers`",
        ),
        ("the body ", "add the body with `--body`"),
        ("the message of MCP ", "name the message with `--mcp METHOD:NAME`"),
        ("the host ", "name the host with `--header 'Host: …'`"),
    ];
    let helps = of_places.iter().filter(|(place, _)| check.got.contains(place));
    let helps = helps.map(|(_, help)| (*help).to_owned()).chain(of_request);
    helps.collect::<Vec<_>>().join("; ")
}

fn of_route(check: &Check) -> Option<String> {
    (check.code? == "mcp_header_mismatch" && check.got.contains("`MCP-Protocol-Version` is missing"))
        .then(|| "name the message with `--mcp METHOD:NAME`, such as `--mcp tools/call:NAME`".to_owned())
}

/// The token has a type that the profile does not accept.
fn of_type(check: &Check, fitting: &[&str]) -> String {
    let got = match &*check.got {
        "no `typ`" => "there is no `typ`".to_owned(),
        got => format!("`typ` is `{got}`"),
    };
    match fitting {
        [] => format!(
            "{got}: no preset accepts a token of this form; configure the issuer for RFC 9068 access tokens (`at+jwt`)"
        ),
        fitting => format!(
            "{got}: {}, or configure the issuer for RFC 9068 access tokens (`at+jwt`)",
            with_preset(fitting)
        ),
    }
}

/// A rule on one value, and a claim that is a list.
fn of_list(check: &Check) -> Option<String> {
    let is_list = matches!(serde_json::from_str(&check.got), Ok(Value::Array(_)));
    let is_one_value = !check.expected.starts_with("a list with ");
    let expected = &check.expected;
    let test = match expected.contains(" or ") {
        true => "one alternative of `any_of` for each value, with `{ contains: VALUE }`".to_owned(),
        false => format!("`{{ contains: {expected} }}`"),
    };
    (is_list && is_one_value).then(|| format!("the claim is a list; write {test}"))
}

/// Which presets accept a token. Its form does not show which product issued it.
fn with_preset(fitting: &[&str]) -> String {
    let names: Vec<String> = fitting.iter().map(|name| format!("`{name}`")).collect();
    match &names[..] {
        [only] => {
            format!("the preset {only} accepts a token of this form; write it as `profile` if that is the product")
        }
        several => format!(
            "the presets {} accept a token of this form; write the one of the product as `profile`",
            several.join(", ")
        ),
    }
}
