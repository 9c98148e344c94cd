//! One line of the decision log, in one line for people.

use std::fmt;

use serde_json::{Map, Value};

use super::arguments::{Shown, TailArguments};
use crate::cli::terminal::{bad, faint, good, printable, strong};

/// A line of the decision log.
#[derive(Debug)]
pub(super) struct Event(Map<String, Value>);

impl Event {
    /// Reads a line; [`None`] for what is none of a decision log.
    pub(super) fn parse(line: &[u8]) -> Option<Event> {
        let event = Event(serde_json::from_slice(line).ok()?);
        (event.text("decision").is_some() && event.text("id").is_some()).then_some(event)
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str()
    }

    /// A member within a member.
    fn within(&self, outer: &str, member: &str) -> Option<&Value> {
        self.0.get(outer)?.get(member)
    }

    /// The initiator, then the actors, the current one last.
    fn parties(&self) -> Vec<&Value> {
        let actors = self.within("chain", "actors").and_then(Value::as_array);
        let actors = actors.into_iter().flatten().rev();
        self.within("chain", "initiator").into_iter().chain(actors).collect()
    }

    /// Whether the arguments ask for it.
    pub(super) fn is_asked_for(&self, arguments: &TailArguments) -> bool {
        let decision = arguments.decision.is_none_or(|shown| {
            self.text("decision")
                == Some(match shown {
                    Shown::Allow => "allow",
                    Shown::Deny => "deny",
                })
        });
        let codes = [self.text("code"), self.within("shadow", "code").and_then(Value::as_str)];
        let is_code = |wanted: &String| codes.contains(&Some(wanted.as_str()));
        let code = arguments.code.is_empty() || arguments.code.iter().any(is_code);
        let route = arguments.route.as_ref();
        let route = route.is_none_or(|wanted| self.text("route").is_some_and(|route| route.contains(wanted.as_str())));
        let party = arguments.party.as_ref().is_none_or(|wanted| {
            let is_wanted = |text: Option<&str>| text == Some(wanted.as_str());
            let mut parties = self.parties().into_iter();
            is_wanted(self.text("client")) || parties.any(|party| is_wanted(party.get("sub").and_then(Value::as_str)))
        });
        let trace = arguments.trace.as_deref();
        let trace = trace.is_none_or(|wanted| self.text("trace_id").is_some_and(|id| id.eq_ignore_ascii_case(wanted)));
        decision && code && route && party && trace
    }

    /// The status of the response; `-` without one.
    fn status(&self) -> String {
        let status = self.0.get("status").or_else(|| self.within("upstream", "status"));
        status.map_or_else(|| "-  ".to_owned(), |status| printable(&status.to_string()))
    }

    fn chain(&self) -> String {
        let parties = self.parties().into_iter().map(|party| {
            let member = |name| printable(party.get(name).and_then(Value::as_str).unwrap_or("-"));
            format!("{} ({})", member("sub"), member("kind"))
        });
        parties.collect::<Vec<_>>().join(" → ")
    }
}

/// The time without its day: what is followed is of now.
fn hour(time: &str) -> &str {
    let time = time.split_once('T').map_or(time, |(_, time)| time);
    time.strip_suffix('Z').unwrap_or(time)
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |member| printable(self.text(member).unwrap_or("-"));
        let decision = match self.text("decision") {
            Some("allow") => good("allow"),
            _ => bad("deny "),
        };
        let (time, status) = (faint(&printable(hour(self.text("time").unwrap_or("-")))), self.status());
        write!(f, "{time} {decision} {status} {} {}", shown("method"), shown("path"))?;
        let chain = self.chain();
        if !chain.is_empty() {
            write!(f, "  {chain}")?;
        }
        if self.text("code").is_some() {
            write!(f, "  {}", strong(&shown("code")))?;
        }
        // It repeats the code and the rule where a policy denies.
        if let Some(reason) = self
            .text("reason")
            .filter(|reason| !reason.starts_with("denied by policy: "))
        {
            // The rule is shown after it.
            let rule = self.text("rule").map(|rule| format!(" ({rule})"));
            let without = rule.and_then(|rule| reason.strip_suffix(&*rule));
            write!(f, ": {}", printable(without.unwrap_or(reason)))?;
        }
        if let Some(error) = self.within("upstream", "error").and_then(Value::as_str) {
            write!(f, "  {}", bad(&printable(error)))?;
        }
        if self.text("rule").is_some() {
            write!(f, "  {}", faint(&format!("[{}]", shown("rule"))))?;
        }
        let of_shadow = |member| self.within("shadow", member).and_then(Value::as_str);
        let is_other = ["code", "rule"]
            .iter()
            .any(|member| of_shadow(member) != self.text(member));
        if of_shadow("decision") == Some("deny") && is_other {
            let (code, rule) = (of_shadow("code").unwrap_or("-"), of_shadow("rule").unwrap_or("-"));
            write!(
                f,
                "  in shadow: {} {}",
                strong(&printable(code)),
                faint(&format!("[{}]", printable(rule)))
            )?;
        }
        if self.text("client_address").is_some() {
            write!(f, "  {}", faint(&shown("client_address")))?;
        }
        if let Some(left_out) = self.0.get("left_out").and_then(Value::as_u64) {
            write!(f, "  {}", faint(&format!("and {left_out} before it")))?;
        }
        write!(f, "  {}", faint(&format!("id {}", shown("id"))))?;
        match self.text("trace_id") {
            Some(trace) => write!(f, "  {}", faint(&format!("trace {}", printable(trace)))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(event: &Value) -> String {
        let event = Event::parse(event.to_string().as_bytes()).unwrap();
        anstream::adapter::strip_str(&event.to_string()).to_string()
    }

    #[test]
    fn a_decision_is_one_line() {
        let mut event = json!({
            "time": "2026-01-02T03:04:05.678Z", "id": "i", "method": "POST", "path": "/refunds",
            "decision": "deny", "status": 403, "code": "actor_not_allowed", "reason": "the actor is not in the list",
            "rule": "POST /refunds: actor.one_of", "client_address": "192.0.2.1", "left_out": 7,
            "chain": { "initiator": { "iss": "i", "sub": "alice", "kind": "human" },
                "actors": [{ "iss": "i", "sub": "bot\u{1b}[2J", "kind": "agent" }, { "iss": "i", "sub": "planner", "kind": "agent" }] },
        });
        assert_eq!(
            shown(&event),
            "03:04:05.678 deny  403 POST /refunds  alice (human) → planner (agent) → bot\\u{1b}[2J (agent)  actor_not_allowed: the actor is not \
             in the list  [POST /refunds: actor.one_of]  192.0.2.1  and 7 before it  id i"
        );
        event["decision"] = json!("allow");
        for member in [
            "status",
            "code",
            "reason",
            "rule",
            "client_address",
            "left_out",
            "chain",
        ] {
            event.as_object_mut().unwrap().remove(member);
        }
        event["upstream"] = json!({ "status": 204 });
        event["shadow"] = json!({ "decision": "deny", "code": "no_route", "rule": "r" });
        assert_eq!(
            shown(&event),
            "03:04:05.678 allow 204 POST /refunds  in shadow: no_route [r]  id i"
        );
        event["upstream"] = json!({ "error": "no_connection" });
        event["shadow"] = json!({ "decision": "allow" });
        event["trace_id"] = json!("4bf9");
        assert_eq!(
            shown(&event),
            "03:04:05.678 allow -   POST /refunds  no_connection  id i  trace 4bf9"
        );
        let denied = json!({
            "time": "2026-01-02T03:04:05.678Z", "id": "i", "method": "GET", "path": "/", "decision": "deny", "status": 403,
            "code": "self_actor", "reason": "denied by policy: self_actor (GET /: self_actor)", "rule": "GET /: self_actor",
            "shadow": { "decision": "deny", "code": "self_actor", "rule": "GET /: self_actor" },
        });
        assert_eq!(
            shown(&denied),
            "03:04:05.678 deny  403 GET /  self_actor  [GET /: self_actor]  id i"
        );
        let limited = json!({
            "time": "2026-01-02T03:04:05.678Z", "id": "i", "method": "GET", "path": "/", "decision": "deny", "status": 429,
            "code": "limit_exceeded", "reason": "the party has made too many requests (GET /: limit)", "rule": "GET /: limit",
        });
        assert_eq!(
            shown(&limited),
            "03:04:05.678 deny  429 GET /  limit_exceeded: the party has made too many requests  [GET /: limit]  id i"
        );
    }

    #[test]
    fn what_is_no_decision_is_not_shown() {
        for line in [
            "",
            "{}",
            "[1]",
            "null",
            r#"{"decision":"allow"}"#,
            r#"{"id":"i","decision":1}"#,
            "{\"id\":",
        ] {
            assert!(Event::parse(line.as_bytes()).is_none(), "{line}");
        }
    }
}
