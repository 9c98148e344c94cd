//! A browser without scripts: it follows redirects, keeps cookies and fills in forms.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::form_urlencoded::Serializer;
use url::{Position, Url};

use crate::wire::{self, Answer};

/// More pages and redirects than any login has.
const MOST_STEPS: usize = 20;

/// What a person types into the fields of a form, by their names.
pub type Entries<'a> = &'a [(&'a str, &'a str)];

/// Opens `url`, fills in every form with `entries`, and returns the redirect to `callback` without following it.
pub fn sign_in(url: &str, entries: Entries<'_>, callback: &str) -> Url {
    let mut browser = Browser::default();
    let mut page = Page::Get(Url::parse(url).expect("the address of the login"));
    for _ in 0..MOST_STEPS {
        let (address, answer) = browser.open(&page);
        page = match answer.field("location") {
            Some(location) => Page::Get(address.join(&location).expect("a location")),
            None => filled_in(&address, &answer, entries),
        };
        match &page {
            Page::Get(address) if address.as_str().starts_with(callback) => return address.clone(),
            _ => {}
        }
    }
    panic!("no way from {url} to {callback}");
}

/// Signs in as a person does whose application listens at the callback, and requests it.
pub fn sign_in_to_application(url: &str, entries: Entries<'_>) {
    let authorize = Url::parse(url).expect("the address of the login");
    let callback = authorize.query_pairs().find(|(name, _)| name == "redirect_uri");
    let (_, callback) = callback.expect("a redirect URI");
    let callback = Page::Get(sign_in(url, entries, &callback));
    let (_, answer) = Browser::default().open(&callback);
    assert_eq!(answer.status, 200, "{}", answer.everything());
}

/// Opens `url` and fills in every form with `entries`, until a page has none. Returns its text.
pub fn fill_in_all(url: &str, entries: Entries<'_>) -> String {
    let mut browser = Browser::default();
    let mut page = Page::Get(Url::parse(url).expect("an address"));
    for _ in 0..MOST_STEPS {
        let (address, answer) = browser.open(&page);
        page = match answer.field("location") {
            Some(location) => Page::Get(address.join(&location).expect("a location")),
            None if !answer.text().contains("<form") => return answer.text(),
            None => filled_in(&address, &answer, entries),
        };
    }
    panic!("{url} has no end");
}

enum Page {
    Get(Url),
    Post(Url, Vec<(String, String)>),
}

/// The cookies: origin, name and path, with the value.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<(String, String, String), String>,
}

impl Browser {
    fn open(&mut self, page: &Page) -> (Url, Answer) {
        let (method, url, form) = match page {
            Page::Get(url) => ("GET", url, None),
            Page::Post(url, form) => ("POST", url, Some(form)),
        };
        let target = &url[Position::BeforePath..Position::AfterQuery];
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            url.authority()
        );
        let cookies = self.cookies_for(url);
        if !cookies.is_empty() {
            head.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        let mut body = String::new();
        if let Some(form) = form {
            body = Serializer::new(body).extend_pairs(form).finish();
            head.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let answer = wire::answer(address_of(url), format!("{head}\r\n{body}").as_bytes());
        for line in answer.head.values("set-cookie") {
            self.keep(url, &line);
        }
        (url.clone(), answer)
    }

    fn cookies_for(&self, url: &Url) -> Vec<String> {
        let origin = url.origin().ascii_serialization();
        let fitting = self
            .cookies
            .iter()
            .filter(|((from, _, path), _)| *from == origin && url.path().starts_with(path));
        fitting.map(|((_, name, _), value)| format!("{name}={value}")).collect()
    }

    fn keep(&mut self, url: &Url, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
        let path = parts.find_map(|part| part.strip_prefix("path=").or_else(|| part.strip_prefix("Path=")));
        let path = path.unwrap_or("/").to_owned();
        let key = (url.origin().ascii_serialization(), name.to_owned(), path);
        match value {
            "" => self.cookies.remove(&key),
            _ => self.cookies.insert(key, value.to_owned()),
        };
    }
}

/// The request that the first form of a page makes.
fn filled_in(address: &Url, page: &Answer, entries: Entries<'_>) -> Page {
    let text = page.text();
    let form = text
        .split_once("<form")
        .and_then(|(_, rest)| rest.split_once("</form>"))
        .map(|(form, _)| form)
        .unwrap_or_else(|| panic!("no form at {address}: {}", page.everything()));
    let action = attribute(form, "action").expect("the action of a form");
    let mut fields = Vec::new();
    for control in form
        .split('<')
        .filter(|tag| tag.starts_with("input") || tag.starts_with("button"))
    {
        let Some(name) = attribute(control, "name") else {
            continue;
        };
        // The first button with a name is the one that agrees.
        if control.starts_with("button") && fields.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let typed = entries.iter().find(|(known, _)| *known == name);
        let value = typed.map(|(_, value)| (*value).to_owned());
        fields.push((name, value.or_else(|| attribute(control, "value")).unwrap_or_default()));
    }
    fields.retain(|(_, value)| !value.is_empty());
    Page::Post(address.join(&action).expect("an action"), fields)
}

/// The value of an attribute in the text of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split('"').next()?.replace("&amp;", "&"))
}

/// The address of an origin on a loopback IP literal.
pub fn address_of(url: &Url) -> SocketAddr {
    let addresses = url.socket_addrs(|| None).expect("an address");
    addresses[0]
}
