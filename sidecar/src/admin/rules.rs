//! `/rules`: the rules of the policy, each with its mode and the number of requests that did not meet it.

use actgate::policy::Mode;
use actgate::{Authorizer, RuleCount};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};
use http_body_util::Full;
use serde::Serialize;

use super::method::not_allowed;

/// Where the rules are.
pub(crate) const PATH: &str = "/rules";

#[derive(Serialize)]
struct Rules {
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    rule: String,
    mode: &'static str,
    /// The requests since the start that were denied for it, or in shadow would have been.
    unmet: u64,
}

impl Rule {
    fn of(count: RuleCount) -> Rule {
        Rule {
            rule: count.rule.to_string(),
            mode: match count.mode {
                Mode::Shadow => "shadow",
                _ => "enforce",
            },
            unmet: count.unmet,
        }
    }
}

/// The response to a request for the rules.
pub(crate) fn answer(method: &Method, authorizer: &Authorizer) -> Response<Full<Bytes>> {
    if let Some(response) = not_allowed(method) {
        return response;
    }
    let rules = authorizer.rules().into_iter().map(Rule::of).collect();
    let text = serde_json::to_vec(&Rules { rules }).unwrap_or_default();
    let mut response = Response::new(Full::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
