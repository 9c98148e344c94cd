//! The JSON of a line of the decision log, member by member in the order of [`Event`].
//!
//! It is what serde makes of an event, which a test compares. A general serializer takes several times the instructions, and a line is
//! written for each request.

use serde::Serialize;
use uuid::Uuid;

use super::event::{Event, Forwarding, bounded};
use crate::address_text::push_address;

/// The capacity of most lines.
const USUAL_LENGTH: usize = 1024;

/// The line of an event, with its line feed.
///
/// # Errors
/// Where the recorded facts cannot be written.
pub(super) fn line(event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
    let Event {
        time,
        id,
        trace_id,
        span_id,
        traced: _,
        method,
        path,
        api,
        route,
        policy_hash,
        decision,
        status,
        code,
        rule,
        reason,
        retry_after,
        shadow,
        issuer,
        identity,
        facts,
        agent_owner,
        client,
        token_id,
        client_address,
        latency_us,
        forwarding,
        left_out,
        left_out_of_others,
    } = event;
    let mut line = Line(Vec::with_capacity(USUAL_LENGTH));
    line.plain("{\"time\":\"", time);
    line.id(",\"id\":\"", *id);
    line.value(",\"trace_id\":", trace_id.as_ref())?;
    line.value(",\"span_id\":", span_id.as_ref())?;
    line.text(",\"method\":", &bounded(method))?;
    line.text(",\"path\":", &bounded(path))?;
    line.some_text(",\"api\":", api.map(|api| api.name()))?;
    line.some_text(",\"route\":", *route)?;
    line.some_text(",\"policy_hash\":", *policy_hash)?;
    line.plain(",\"decision\":\"", decision.name());
    line.number(",\"status\":", *status);
    line.some_text(",\"code\":", *code)?;
    line.some_text(",\"rule\":", *rule)?;
    line.some_text(",\"reason\":", reason.as_deref())?;
    line.number(",\"retry_after\":", *retry_after);
    line.value(",\"shadow\":", shadow.as_ref())?;
    line.some_text(",\"issuer\":", *issuer)?;
    if let Some(identity) = identity {
        line.raw(",\"chain\":", identity.chain());
    }
    line.value(",\"facts\":", *facts)?;
    line.some_text(",\"agent_owner\":", *agent_owner)?;
    line.some_text(",\"client\":", *client)?;
    line.some_text(",\"token_id\":", token_id.map(bounded).as_deref())?;
    if let Some(address) = *client_address {
        line.raw(",\"client_address\":", "\"");
        push_address(address, |part| line.0.extend_from_slice(part.as_bytes()));
        line.0.push(b'"');
    }
    line.number(",\"latency_us\":", Some(*latency_us));
    if let Some(forwarding) = forwarding {
        line.forwarding(forwarding)?;
    }
    line.number(",\"left_out\":", Some(*left_out).filter(|count| *count > 0));
    line.number(
        ",\"left_out_of_others\":",
        Some(*left_out_of_others).filter(|count| *count > 0),
    );
    line.0.extend_from_slice(b"}\n");
    Ok(line.0)
}

/// A line so far. Each member has a beginning: what comes before its value.
struct Line(Vec<u8>);

impl Line {
    fn raw(&mut self, beginning: &str, json: &str) {
        self.0.extend_from_slice(beginning.as_bytes());
        self.0.extend_from_slice(json.as_bytes());
    }

    fn text(&mut self, beginning: &str, text: &str) -> serde_json::Result<()> {
        self.0.extend_from_slice(beginning.as_bytes());
        if !is_plain(text) {
            return serde_json::to_writer(&mut self.0, text);
        }
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
        Ok(())
    }

    fn some_text(&mut self, beginning: &str, text: Option<&str>) -> serde_json::Result<()> {
        text.map_or(Ok(()), |text| self.text(beginning, text))
    }

    /// A text that the gate makes itself, without a character that JSON escapes. `beginning` ends with its quotation mark.
    fn plain(&mut self, beginning: &str, text: &str) {
        self.raw(beginning, text);
        self.0.push(b'"');
    }

    fn id(&mut self, beginning: &str, id: Uuid) {
        let mut text = Uuid::encode_buffer();
        self.plain(beginning, id.hyphenated().encode_lower(&mut text));
    }

    fn number(&mut self, beginning: &str, number: Option<impl itoa::Integer>) {
        if let Some(number) = number {
            self.raw(beginning, itoa::Buffer::new().format(number));
        }
    }

    fn forwarding(&mut self, forwarding: &Forwarding<'_>) -> serde_json::Result<()> {
        let Forwarding {
            address,
            status,
            url: _,
            answered: _,
            error,
            time_us,
        } = forwarding;
        self.raw(",\"upstream\":{", "");
        // What comes before the first member is left out of its beginning.
        let start = self.0.len();
        self.some_text(",\"address\":", *address)?;
        self.number(",\"status\":", *status);
        self.some_text(",\"error\":", *error)?;
        self.number(",\"time_us\":", *time_us);
        if self.0.len() > start {
            self.0.remove(start);
        }
        self.0.push(b'}');
        Ok(())
    }

    /// A value that few lines have.
    fn value(&mut self, beginning: &str, value: Option<&impl Serialize>) -> serde_json::Result<()> {
        let Some(value) = value else { return Ok(()) };
        self.0.extend_from_slice(beginning.as_bytes());
        serde_json::to_writer(&mut self.0, value)
    }
}

/// Whether a text is in JSON as it is. Every byte is looked at, which takes fewer instructions than to stop at the first one that is not.
fn is_plain(text: &str) -> bool {
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
    !text.bytes().fold(false, |found, byte| found | is_escaped(byte))
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU64, NonZeroU128};

    use actgate::chain::RecordedFacts;
    use actgate::testing::TestIssuer;
    use fastrand::Rng;
    use serde_json::json;

    use super::*;
    use crate::headers::stated_identity::StatedIdentity;
    use crate::log::event::tests::event;
    use crate::log::event::{Api, Effect, Shadow};
    use crate::trace::context::{SpanId, TraceId};

    /// Texts that JSON escapes, or that are changed before; and plain ones.
    const TEXTS: [&str; 8] = [
        "",
        "/orders/7",
        "a\"b",
        "a\\b",
        "\r\n\u{1b}\u{7f}",
        "é\u{2028}😀",
        "/a/eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
        "/eyJ\"a.b",
    ];

    /// A value, or none.
    fn some<T>(rng: &mut Rng, value: T) -> Option<T> {
        rng.bool().then_some(value)
    }

    fn random<'e>(rng: &mut Rng, long: &'e str, identity: &'e StatedIdentity, facts: &'e RecordedFacts) -> Event<'e> {
        let text = |rng: &mut Rng| match rng.usize(..=TEXTS.len()) {
            index if index < TEXTS.len() => TEXTS[index],
            _ => long,
        };
        let number = |rng: &mut Rng| *rng.choice([0, 1, 999, u64::MAX].iter()).unwrap_or(&0);
        let status = |rng: &mut Rng| rng.u16(..);
        let decision = |rng: &mut Rng| {
            *rng.choice([Effect::Allow, Effect::Deny].iter())
                .unwrap_or(&Effect::Deny)
        };
        let addresses = ["192.0.2.1", "0.0.0.0", "255.10.9.100", "2001:db8::1", "::ffff:1.2.3.4"];
        let address = addresses[rng.usize(..addresses.len())].parse().unwrap();
        let apis = [Api::ForwardAuth, Api::ExtAuthz, Api::Authzen, Api::Validate];
        let api = apis[rng.usize(..apis.len())];
        let forwarding = Forwarding {
            address: text(rng).into(),
            status: status(rng).into(),
            url: None,
            answered: None,
            error: Some("timeout"),
            time_us: rng.bool().then(|| number(rng)),
        };
        let shadow = Shadow {
            decision: decision(rng),
            status: status(rng).into(),
            code: None,
            rule: text(rng).into(),
            reason: text(rng).to_owned().into(),
        };
        Event {
            id: Uuid::from_u128(rng.u128(..)),
            trace_id: NonZeroU128::new(rng.u128(..)).map(TraceId).filter(|_| rng.bool()),
            span_id: NonZeroU64::new(rng.u64(..)).map(SpanId).filter(|_| rng.bool()),
            method: text(rng),
            api: some(rng, api),
            route: text(rng).into(),
            policy_hash: text(rng).into(),
            decision: decision(rng),
            status: status(rng).into(),
            code: text(rng).into(),
            rule: text(rng).into(),
            reason: text(rng).to_owned().into(),
            retry_after: some(rng, u32::MAX),
            shadow: some(rng, shadow),
            issuer: text(rng).into(),
            identity: some(rng, identity),
            facts: some(rng, facts),
            agent_owner: text(rng).into(),
            client: text(rng).into(),
            token_id: text(rng).into(),
            client_address: some(rng, address),
            latency_us: number(rng),
            forwarding: some(rng, forwarding),
            left_out: number(rng),
            left_out_of_others: number(rng),
            ..event(text(rng))
        }
    }

    #[test]
    fn a_line_is_what_serde_makes_of_its_event() {
        let claims = json!({ "sub": "é\"", "sub_profile": "user", "act": { "sub": "a1" } });
        let identity = TestIssuer::new().unwrap().identity(claims).unwrap();
        let identity = StatedIdentity::of(&identity);
        let facts = json!({
            "iss": "https://idp.example", "sub": "u", "kind": "human", "aud": ["a"], "exp": 2, "scope": "", "bytes": 9, "from": [],
        });
        let facts = RecordedFacts::from_json(&facts.to_string()).unwrap();
        let long = "/é".repeat(2000);
        let mut rng = Rng::with_seed(7);
        for _ in 0..2000 {
            let mut event = random(&mut rng, &long, &identity, &facts);
            // Those that `random` always has.
            for text in [
                &mut event.route,
                &mut event.policy_hash,
                &mut event.code,
                &mut event.rule,
                &mut event.issuer,
                &mut event.agent_owner,
                &mut event.client,
                &mut event.token_id,
            ] {
                text.take_if(|_| rng.bool());
            }
            event.reason.take_if(|_| rng.bool());
            event.status.take_if(|_| rng.bool());
            if let Some(forwarding) = &mut event.forwarding {
                forwarding.address.take_if(|_| rng.bool());
                forwarding.status.take_if(|_| rng.bool());
                forwarding.error.take_if(|_| rng.bool());
            }
            let expected = serde_json::to_string(&event).unwrap() + "\n";
            assert_eq!(String::from_utf8(line(&event).unwrap()).unwrap(), expected);
        }
    }
}
