//! The protected resources.

use actgate::{ConfigError, Resource};
use actgate_yaml::{Span, Spanned};

use super::reader::ConfigReader;
use super::values::{self, InvalidValue, invalid};
use crate::config::document::{Document, ResourceAudience, ResourceDocument};

/// Replaces an invalid identifier, so that the other keys of the resource are checked.
const PLACEHOLDER: &str = "https://resource.invalid";

impl ConfigReader<'_> {
    /// The resources that are written, or the one that follows from `audience`, where it is a URL.
    pub(super) fn resources(&mut self, document: &Document, audiences: &[String]) -> Vec<Resource> {
        let Some(written) = &document.resources else {
            return match &document.resource_metadata {
                Some(_) => Vec::new(),
                None => audiences
                    .iter()
                    .find_map(|audience| Resource::new(audience).ok())
                    .into_iter()
                    .collect(),
            };
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "name at least one resource, or write `audience` for a single API";
            self.diagnostics
                .push(written.span(), "the list of resources is empty", help);
        }
        if let Some(audience) = &document.audience {
            let message = "`audience` and `resources` exclude each other: each resource has its audiences";
            let help = "write it as `audience` of an entry of `resources`, and remove it here";
            self.diagnostics.push(audience.span(), message, help);
        }
        if let Some(metadata) = &document.resource_metadata {
            let message = "`resource_metadata` and `resources` exclude each other: each resource has its metadata";
            let help = "write it in an entry of `resources`";
            self.diagnostics.push(metadata.span(), message, help);
        }
        written.value.iter().filter_map(|entry| self.resource(entry)).collect()
    }

    fn resource(&mut self, written: &Spanned<ResourceDocument>) -> Option<Resource> {
        let document = &written.value;
        let mut resource = Resource::new(PLACEHOLDER).ok()?;
        let identifier = self.required("resource", document.resource.as_ref(), written.span());
        let named = self.optional(identifier, |text| checked(Resource::new(text)));
        let is_named = named.is_some();
        resource = named.unwrap_or(resource);
        for audience in document.audience.iter().flat_map(|audiences| audiences.iter()) {
            resource = self.audience_of_resource(resource, audience);
        }
        if let Some(hosts) = &document.hosts {
            if hosts.value.is_empty() && !self.omissions.within(hosts.span()) {
                let help = "name the hosts of the resource, or remove the key for every host";
                self.diagnostics.push(hosts.span(), "the list of hosts is empty", help);
            }
            for host in &hosts.value {
                resource = self.changed(resource, host, Resource::host);
            }
        }
        if let Some(path) = &document.path {
            resource = self.changed(resource, path, Resource::path);
        }
        if let Some(documentation) = &document.documentation {
            resource = self.changed(resource, documentation, Resource::documentation);
        }
        if let Some(metadata) = &document.resource_metadata {
            resource = self.changed(resource, metadata, Resource::metadata_at);
        }
        if let Some(name) = &document.name {
            resource = self.changed(resource, name, Resource::name);
        }
        if let Some(scopes) = &document.scopes_supported {
            let scopes = self.valid(scopes, |resource, scope| resource.scopes_supported([scope]));
            resource = resource.scopes_supported(scopes).ok()?;
        }
        if let Some(issuers) = &document.authorization_servers {
            let issuers = self.valid(issuers, |resource, issuer| resource.authorization_servers([issuer]));
            resource = resource.authorization_servers(issuers).ok()?;
        }
        is_named.then_some(resource)
    }

    fn audience_of_resource(&mut self, mut resource: Resource, written: &Spanned<ResourceAudience>) -> Resource {
        let issuers = match &written.value {
            ResourceAudience::Of(issuers) => issuers,
            ResourceAudience::OfEach(audience) => {
                let changed = resource.clone().audience(audience);
                return self.take(written, |_| checked(changed)).unwrap_or(resource);
            }
        };
        if issuers.is_empty() && !self.omissions.within(written.span()) {
            let help = "write `{ ISSUER: AUDIENCE }`, or the audience alone for each issuer";
            self.diagnostics.push(written.span(), "no issuer is named", help);
        }
        for (issuer, audiences) in issuers {
            if audiences.value.is_empty() && !self.omissions.within(audiences.span()) {
                let help = "write the audience as the issuer writes it in `aud`";
                self.diagnostics.push(audiences.span(), "there is no audience", help);
            }
            for audience in audiences.value.iter() {
                let changed = resource.clone().audience_of(issuer, &audience.value);
                resource = self.take(audience, |_| checked(changed)).unwrap_or(resource);
            }
        }
        resource
    }

    /// The texts with which the change of a resource is no mistake.
    fn valid<'t>(
        &mut self,
        texts: &'t [Spanned<String>],
        change: fn(Resource, &str) -> Result<Resource, ConfigError>,
    ) -> Vec<&'t str> {
        let is_valid = |text: &&'t Spanned<String>| {
            let changed = Resource::new(PLACEHOLDER).and_then(|resource| change(resource, &text.value));
            self.take(text, |_| checked(changed)).is_some()
        };
        texts.iter().filter(is_valid).map(|text| &*text.value).collect()
    }

    /// The resource with a text, or as it was where the text is a mistake.
    fn changed(
        &mut self,
        resource: Resource,
        text: &Spanned<String>,
        change: fn(Resource, &str) -> Result<Resource, ConfigError>,
    ) -> Resource {
        let changed = self.take(text, |text| checked(change(resource.clone(), text)));
        changed.unwrap_or(resource)
    }

    /// The place of the audiences for an issuer at the resource with an identifier; [`None`] where the issuer is written, and has
    /// a mistake of its own.
    pub(super) fn place_of_audience(document: &Document, identifier: &str, issuer: &str) -> Option<Span> {
        let mut issuers = document.issuers.iter().flat_map(|issuers| &issuers.value);
        if issuers.any(|entry| entry.value.issuer.as_ref().is_some_and(|name| name.value == issuer)) {
            return None;
        }
        let entries = document.resources.iter().flat_map(|resources| &resources.value);
        let is_named = |entry: &&Spanned<ResourceDocument>| {
            let name = entry.value.resource.as_ref();
            name.is_some_and(|name| name.value == identifier)
        };
        let audiences = entries.filter(is_named).flat_map(|entry| &entry.value.audience);
        audiences
            .flat_map(|audiences| audiences.iter())
            .find_map(|audience| match &audience.value {
                ResourceAudience::Of(issuers) => issuers.get(issuer).map(Spanned::span),
                ResourceAudience::OfEach(_) => None,
            })
    }

    /// The place of the resource with an identifier: the last, which is the one that an earlier one excludes.
    pub(super) fn place_of_resource(document: &Document, identifier: &str) -> Span {
        let entries = document.resources.iter().flat_map(|resources| &resources.value);
        let mut named = entries.filter_map(|entry| entry.value.resource.as_ref());
        let named = named.by_ref().filter(|resource| resource.value == identifier).last();
        named.map(Spanned::span).unwrap_or_default()
    }
}

fn checked(resource: Result<Resource, ConfigError>) -> Result<Resource, InvalidValue> {
    resource.or_else(|error| match error {
        ConfigError::Resource {
            resource, reason, help, ..
        } => invalid(format!("`{resource}` is not a resource: {reason}"), help),
        ConfigError::Place {
            place, reason, help, ..
        } => invalid(format!("`{place}` is not a place of a resource: {reason}"), help),
        ConfigError::Audience {
            audience, reason, help, ..
        } => invalid(format!("`{audience}` is not an audience: {reason}"), help),
        ConfigError::EmptyAudience => invalid("an audience is empty", values::NAME_THIS_API),
        ConfigError::Url { url, reason, .. } => {
            invalid(format!("`{url}` cannot be used: {reason}"), "write an https URL")
        }
        ConfigError::Metadata {
            text,
            what,
            reason,
            help,
            ..
        } => invalid(format!("`{text}` is not {what}: {reason}"), help),
        error => invalid(error.to_string(), ""),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use actgate::Resource;

    use crate::config::{Settings, parse};

    const REST: &str = "
listen: 127.0.0.1:0
upstream: http://127.0.0.1:9000
issuers: [{ issuer: https://idp.example.com }]
routes: [{ match: 'GET /orders/{id}', scopes: [a] }]
";

    fn settings(resources: &str) -> Settings {
        parse(Path::new("actgate.yaml"), &format!("{REST}{resources}\n")).unwrap()
    }

    #[test]
    fn the_entry_of_the_reference_is_valid_and_has_every_key() {
        let reference = include_str!("../reference.yaml").lines();
        let entry = reference.skip_while(|line| !line.starts_with("# resources:"));
        let is_entry = |(index, line): &(usize, &str)| *index == 0 || line.starts_with("#  ");
        let entry = entry.enumerate().take_while(is_entry);
        let entry: Vec<&str> = entry.filter_map(|(_, line)| line.strip_prefix("# ")).collect();
        let entry: Vec<&str> = entry
            .iter()
            .map(|line| line.strip_prefix("  ").unwrap_or(line))
            .collect();
        let settings = settings(&entry.join("\n"));
        let [resource] = &settings.resources[..] else {
            panic!("{:?}", settings.resources)
        };
        assert_eq!(resource.identifier(), "https://api.example.com/orders");
        assert_eq!(
            (resource.hosts().collect(), resource.stated_path()),
            (vec!["api.example.com"], Some("/orders"))
        );
        assert_eq!(resource.metadata_url(), "https://docs.example.com/orders/metadata");
        assert!(settings.authorizer().build().is_ok());
        let keys = [
            "resource",
            "path",
            "hosts",
            "audience",
            "name",
            "documentation",
            "scopes_supported",
            "authorization_servers",
            "resource_metadata",
        ];
        for key in keys {
            let is_written = |line: &&&str| line.trim_start_matches([' ', '-']).starts_with(&format!("{key}:"));
            assert_eq!(entry.iter().filter(is_written).count(), 1, "{key}");
        }
    }

    #[test]
    fn the_first_audience_that_is_a_url_is_the_resource() {
        for (lines, expected) in [
            (
                "audience: https://orders.example.com",
                Some("https://orders.example.com"),
            ),
            (
                "audience: [api://1, https://a.example, https://b.example]",
                Some("https://a.example"),
            ),
            ("audience: orders", None),
            (
                "audience: https://a.example\nresource_metadata: https://docs.example.com",
                None,
            ),
        ] {
            let settings = settings(lines);
            assert_eq!(
                settings.resources.first().map(Resource::identifier),
                expected,
                "{lines}"
            );
            assert!(settings.authorizer().build().is_ok());
        }
    }
}
