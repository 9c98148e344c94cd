//! What one fetch of keys has tried, for the line that reports its failure.

use std::fmt;
use std::time::Duration;

use super::endpoint::Endpoint;
use super::fetch::FetchError;

/// The addresses of one fetch, each with the reason of its failure.
#[derive(Default)]
pub(super) struct FetchTrace {
    failures: Vec<String>,
    current: Option<String>,
    retry_after: Option<Duration>,
}

impl FetchTrace {
    /// The next address is tried.
    pub(super) fn begin(&mut self, address: &Endpoint) {
        self.current = Some(address.to_string());
    }

    /// The current address failed.
    pub(super) fn fail(&mut self, reason: impl fmt::Display) {
        if let Some(address) = self.current.take() {
            self.failures.push(format!("{address}: {reason}"));
        }
    }

    /// The current address could not be fetched.
    pub(super) fn fail_fetch(&mut self, error: &FetchError) {
        if let FetchError::Busy { retry_after, .. } = error {
            self.retry_after = self.retry_after.max(Some(*retry_after));
        }
        self.fail(error);
    }

    /// The longest time that a server asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The current address led to the next one; earlier failures did not matter.
    pub(super) fn succeed(&mut self) {
        *self = FetchTrace::default();
    }

    /// Every address with its reason; the one that had not answered within `timeout` is the last.
    pub(super) fn into_reason(mut self, timeout: Duration) -> String {
        self.fail(format_args!("no complete answer within {timeout:?}"));
        self.failures.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::PlainHttp;
    use super::*;

    #[test]
    fn each_address_has_its_reason() {
        let address =
            |path: &str| Endpoint::check(&format!("https://idp.example/{path}"), PlainHttp::OnLoopback).unwrap();
        let mut trace = FetchTrace::default();
        for path in ["a", "b?secret"] {
            trace.begin(&address(path));
            trace.fail("status 404");
        }
        let mut second = FetchTrace::default();
        let reason = trace.into_reason(Duration::from_secs(5));
        assert_eq!(
            reason,
            "https://idp.example/a: status 404; https://idp.example/b?…: status 404"
        );
        second.begin(&address("a"));
        second.fail("status 404");
        second.begin(&address("b"));
        second.succeed();
        second.begin(&address("c"));
        let reason = second.into_reason(Duration::from_millis(500));
        assert_eq!(reason, "https://idp.example/c: no complete answer within 500ms");
    }
}
