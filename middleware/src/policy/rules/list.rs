//! How the lists of two rules relate.

use crate::policy::parties::PartyName;
use crate::policy::syntax::Name;

/// Whether each item is in the other list.
pub(super) fn all_in<T: PartialEq>(list: &[T], other: &[T]) -> bool {
    list.iter().all(|item| other.contains(item))
}

/// Whether no item is in the other list.
pub(super) fn none_in<T: PartialEq>(list: &[T], other: &[T]) -> bool {
    !list.iter().any(|item| other.contains(item))
}

/// Whether no party of a token is in both lists.
pub(super) fn no_party_in(list: &[PartyName], other: &[PartyName]) -> bool {
    !list.iter().any(|name| other.iter().any(|other| other.may_be(name)))
}

/// Whether each of these parties is of another issuer than the listed ones. The issuer of a bare name is that of the token.
pub(super) fn are_of_other_issuers<N: std::ops::Deref<Target = str>>(list: &[PartyName], issuers: &[N]) -> bool {
    let is_other = |name: &PartyName| {
        let issuer = name.issuer();
        issuer.is_some_and(|issuer| !issuers.iter().any(|listed| *issuer == **listed || **listed == *"same"))
    };
    list.iter().all(is_other)
}

/// Whether no issuer is in both lists, whatever the issuer of the token is.
pub(super) fn no_issuer_in(list: &[Name], other: &[Name]) -> bool {
    let has_same = |issuers: &[Name]| issuers.iter().any(|issuer| **issuer == *"same");
    !has_same(list) && !has_same(other) && none_in(list, other)
}

/// Whether each of these parties is of one of the issuers in every token, where `same` is that of the token.
pub(super) fn are_of_issuers(list: &[PartyName], issuers: &[Name]) -> bool {
    let has = |issuer: &str| issuers.iter().any(|listed| **listed == *issuer);
    list.iter().all(|name| has(name.issuer().unwrap_or("same")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_of_issuers_where_each_of_them_is() {
        let name = |text: &str| Name::from_valid(text.into());
        let issuers = |listed: &[&str]| listed.iter().map(|issuer| name(issuer)).collect::<Vec<_>>();
        let bare = PartyName::new(None, name("a"));
        let of_one = PartyName::new(Some(name("https://one.example")), name("b"));
        for (list, listed, expected) in [
            (vec![bare.clone()], &["same"][..], true),
            (vec![bare.clone()], &["https://one.example"], false),
            (vec![of_one.clone()], &["https://one.example"], true),
            (vec![of_one.clone()], &["same"], false),
            (vec![bare.clone(), of_one.clone()], &["same"], false),
            (vec![bare, of_one], &["same", "https://one.example"], true),
        ] {
            assert_eq!(are_of_issuers(&list, &issuers(listed)), expected, "{listed:?}");
        }
    }
}
