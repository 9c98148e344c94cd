//! A token whose form is wanted.

use crate::claims::{AccessClaims, Act, EntityProfile, SubjectProfile};

/// What the form of a token depends on.
pub(crate) struct Minting<'a> {
    pub(crate) claims: &'a AccessClaims,
    /// The grant type of the request.
    pub(crate) grant: &'a str,
    /// The subject token of an exchange.
    pub(crate) parent: Option<&'a AccessClaims>,
}

impl Minting<'_> {
    pub(super) fn is_user(&self) -> bool {
        self.claims.sub_profile == SubjectProfile::User
    }

    pub(super) fn is_agent(&self) -> bool {
        self.claims.sub_profile == SubjectProfile::Client(EntityProfile::AiAgent)
    }

    /// A value for users alone.
    pub(super) fn of_user<T>(&self, value: T) -> Option<T> {
        self.is_user().then_some(value)
    }

    pub(super) fn of_machine<T>(&self, value: T) -> Option<T> {
        (!self.is_user()).then_some(value)
    }

    pub(super) fn scopes(&self) -> Vec<&str> {
        self.claims.scope.iter().collect()
    }

    pub(super) fn actor(&self) -> Option<&Act> {
        self.claims.act.as_deref()
    }

    pub(super) fn auth_time(&self) -> Option<u64> {
        Some(self.claims.authentication.as_ref()?.auth_time)
    }

    pub(super) fn amr(&self) -> Option<&[String]> {
        Some(&self.claims.authentication.as_ref()?.amr)
    }

    /// The client and the resource as audiences.
    pub(super) fn both_audiences(&self) -> [&str; 2] {
        [&self.claims.client_id, &self.claims.aud]
    }
}
