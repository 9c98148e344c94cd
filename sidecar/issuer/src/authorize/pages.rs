//! The pages a person sees: plain HTML, no script, everything escaped.

use std::fmt;

use crate::registry::{Client, Profile};
use crate::scope::ScopeSet;

/// What the login page says above the form.
pub(super) enum Notice {
    None,
    LoginFailed,
}

pub(super) fn login(transaction: &str, client: &Client, notice: Notice) -> String {
    let notice = match notice {
        Notice::None => "",
        Notice::LoginFailed => "<p class=\"notice\" role=\"alert\">That did not work. Try again.</p>",
    };
    page(
        "Sign in",
        format_args!(
            "<p>to go on to <strong>{client}</strong></p>{notice}
<form method=\"post\" action=\"/login\">
<input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">
<label>Name <input name=\"username\" autocomplete=\"username\" required autofocus></label>
<label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>
<label>Second factor <input name=\"second_factor\" inputmode=\"numeric\" autocomplete=\"one-time-code\" placeholder=\"if you have one\"></label>
<button>Sign in</button>
</form>",
            client = Escaped(&client.name),
            transaction = Escaped(transaction),
        ),
    )
}

pub(super) fn consent(transaction: &str, client: &Client, subject: &str, scope: &ScopeSet, resource: &str) -> String {
    let what = match client.profile {
        Profile::AiAgent => "an agent that will act on your behalf",
        Profile::Service => "a service",
        Profile::WebApp | Profile::NativeApp | Profile::BrowserApp => "an application",
    };
    let scopes: String = scope
        .iter()
        .map(|scope| format!("<li><code>{}</code></li>", Escaped(scope)))
        .collect();
    page(
        "Permit this?",
        format_args!(
            "<p>You are <strong>{subject}</strong>.</p>
<p><strong>{client}</strong> (<code>{id}</code>), {what}, asks for</p>
<ul>{scopes}</ul>
<p>at <code>{resource}</code>.</p>
<form method=\"post\" action=\"/consent\">
<input type=\"hidden\" name=\"transaction\" value=\"{transaction}\">
<button name=\"decision\" value=\"allow\">Allow</button>
<button name=\"decision\" value=\"deny\">Deny</button>
</form>",
            subject = Escaped(subject),
            client = Escaped(&client.name),
            id = Escaped(&client.id),
            resource = Escaped(resource),
            transaction = Escaped(transaction),
        ),
    )
}

pub(super) fn refusal(reason: &str) -> String {
    page("This cannot go on", format_args!("<p>{}</p>", Escaped(reason)))
}

fn page(title: &str, body: fmt::Arguments<'_>) -> String {
    format!(
        "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem }}
label, button {{ display: block; margin: 0 0 1rem }} input {{ display: block; width: 100%; font: inherit; box-sizing: border-box }}
button {{ font: inherit; padding: .4rem 1.2rem }} .notice {{ color: #a00 }} footer {{ color: #666; margin-top: 3rem }}
</style>
<h1>{title}</h1>
{body}
<footer>actgate issuer, not for production</footer>
</html>
",
        title = Escaped(title),
    )
}

/// Text that is safe between tags and within a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (plain, tail) = rest.split_at(at);
            f.write_str(plain)?;
            f.write_str(match tail.as_bytes().first() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = tail.get(1..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Escaped, consent};
    use crate::registry::Registry;
    use crate::scope::ScopeSet;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            Escaped("<a href=\"x\" id='y'>&ü</a>").to_string(),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;ü&lt;/a&gt;"
        );
        assert_eq!(Escaped("plain").to_string(), "plain");
        assert_eq!(Escaped("").to_string(), "");
    }

    #[test]
    fn the_consent_page_shows_what_is_at_stake_and_nothing_as_markup() {
        let hostile = Registry::SAMPLE.replace("name: Shopping assistant", "name: <script>x</script>");
        let registry = Registry::from_yaml(&hostile).unwrap();
        let client = registry.client("assistant").unwrap();
        let scope = ScopeSet::from("orders:read refunds:write".to_owned());
        let html = consent("t1", client, "alice", &scope, "https://orders.example");
        for shown in [
            "alice",
            "&lt;script&gt;",
            "assistant",
            "act on your behalf",
            "orders:read",
            "refunds:write",
            "https://orders.example",
            "value=\"t1\"",
        ] {
            assert!(html.contains(shown), "{shown} in {html}");
        }
        assert!(!html.contains("<script"), "{html}");
    }
}
