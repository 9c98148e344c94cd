//! `shared_limits`: the store that counts the requests of all gates.

use std::ops::RangeInclusive;
use std::time::Duration;

use actgate::Policy;
use actgate_yaml::{Diagnostic, Spanned};

use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values;
use crate::config::document::shared_limits::SharedLimitsDocument;
use crate::config::secrets::client_secret_in;
use crate::shared_limits::server::{Credentials, ServerUrl, SharedLimits};

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_secs(5);

impl ConfigReader<'_> {
    /// Reads the store of limits.
    pub(super) fn shared_limits(
        &mut self,
        whole: Option<&Spanned<SharedLimitsDocument>>,
        findings: &mut FileFindings,
    ) -> Option<SharedLimits> {
        let whole = whole?;
        let written = &whole.value;
        let url = self.required("redis", written.redis.as_ref(), whole.span())?;
        let user = self.optional(written.user.as_ref(), |text| {
            values::one_word(text, "the name of a user")
        });
        let prefix = self.optional(written.prefix.as_ref(), |text| values::one_word(text, "how keys begin"));
        let password = written.password_file.as_ref();
        let password = password.and_then(|file| self.secret_file("password_file", file, client_secret_in, findings));
        let roots = written.ca_file.as_ref().and_then(|file| self.roots_in(file, findings));
        let mut timeout = Duration::from_millis(100);
        self.duration(written.timeout.as_ref(), TIMEOUT, &mut timeout);
        if let Some(name) = written.user.as_ref().filter(|_| written.password_file.is_none()) {
            let message = "`user` has no effect without a password";
            self.diagnostics
                .push(name.span(), message, "write `password_file` beside it, or remove it");
        }
        let server = ServerUrl::parse(&url.value).inspect_err(|reason| {
            let help = match url.value.contains('@') {
                true => "write `user` and `password_file` beside it",
                false => "write it as `redis://HOST:PORT/DATABASE`, `rediss://` with TLS, or `redis+unix:///PATH`",
            };
            self.diagnostics.push(url.span(), *reason, help);
        });
        let server = server.ok()?;
        if let Some(file) = written.ca_file.as_ref().filter(|_| !server.is_tls()) {
            let help = "write `rediss://` in `redis`, or remove it";
            self.diagnostics
                .push(file.span(), "`ca_file` has no effect without TLS", help);
        }
        if let Some(file) = written.password_file.as_ref().filter(|_| server.is_in_clear()) {
            let message = "the password is sent to another machine without TLS".to_owned();
            let help = "write `rediss://` in `redis`".to_owned();
            findings.warnings.extend([self.finding(file, message, help)]);
        }
        let credentials = Credentials {
            user,
            password: password.map(|(_, secret)| secret.0),
        };
        let prefix = prefix.as_deref().unwrap_or("actgate");
        SharedLimits::new(server, roots.as_deref(), credentials, (prefix, timeout))
            .inspect_err(|error| {
                let message = format!("the server cannot be asked over TLS: {error}");
                self.diagnostics
                    .push(url.span(), message, "check the roots and the host");
            })
            .ok()
    }

    /// A store that nothing is counted in: no mistake, since the last limit of a policy may be removed while gates run.
    pub(super) fn unused_shared_limits(
        &self,
        whole: Option<&Spanned<SharedLimitsDocument>>,
        policy: &Policy,
    ) -> Option<Diagnostic> {
        let whole = whole.filter(|_| !policy.has_limit())?;
        let message = "the policy has no `limit`, so that this has no effect";
        let help = "write `limit` at a route or beside `routes`, or remove this";
        Some(Diagnostic {
            file: Some(self.file.to_owned()),
            ..Diagnostic::new(whole.span(), message, help)
        })
    }
}
