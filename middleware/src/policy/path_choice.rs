//! A choice by the path of a request that every form of the path leads to.

use super::policy::Policy;
use super::spelling::Ambiguity;
use crate::error::Error;
use crate::request::{Folding, PathForm, PathPrefix, Target};

impl Policy {
    /// What `choose` finds for the path of a request, if it finds the same for each form that a server may read the path in:
    /// with its escapes decoded or kept, with its escaped slashes decoded, and in another spelling, unless the policy states
    /// [`spelling: exact`](Self::compares_spelling_exactly). Routes are found by the same forms.
    ///
    /// `prefixes` are those that `choose` compares a path with. It is called once for most paths.
    ///
    /// ```
    /// use actgate::Policy;
    /// use actgate::request::{PathPrefix, Target};
    /// use http::{Method, Uri};
    ///
    /// let policy = Policy::from_yaml("routes: [{ match: 'GET /{*path}', public: true }]")?;
    /// let billing = PathPrefix::new("/billing")?;
    /// let is_billing = |uri: Uri| {
    ///     let target = Target::new(&Method::GET, &uri)?;
    ///     policy.choose_by_path(&target, [&billing], |path| path.is_below(&billing))
    /// };
    /// assert_eq!(is_billing(Uri::from_static("/billing/1")), Ok(true));
    /// assert_eq!(is_billing(Uri::from_static("/orders/1")), Ok(false));
    /// for ambiguous in ["/%62illing/1", "/Billing/1"] {
    ///     assert!(is_billing(ambiguous.parse()?).is_err());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] if the form decides.
    pub fn choose_by_path<'p, T: PartialEq>(
        &self,
        target: &Target<'_>,
        prefixes: impl IntoIterator<Item = &'p PathPrefix>,
        choose: impl Fn(&PathForm<'_>) -> T,
    ) -> Result<T, Error> {
        let forms = target.forms();
        let prefixes = prefixes.into_iter().map(PathPrefix::differences);
        let of_prefixes = prefixes.fold(Folding::default(), Folding::union);
        let found = choose(&PathForm::new(forms.decoded, Folding::default()));
        let differs = |path: &str, ignored| choose(&PathForm::new(path, ignored)) != found;
        let differs_folded = |path: &str, differences: Folding| {
            let mut foldings = differences.union(of_prefixes).subsets().skip(1);
            !self.compares_spelling_exactly() && foldings.any(|folding| differs(path, folding))
        };
        if forms.kept.is_some_and(|path| differs(path, Folding::default())) {
            return Err(Ambiguity::Escape.error());
        }
        let differs_decoded =
            |path: &String| differs(path, Folding::default()) || differs_folded(path, Folding::of(path));
        if forms.slashes.iter().any(differs_decoded) {
            return Err(Ambiguity::EscapedSlash.error());
        }
        if forms
            .iter()
            .any(|(path, differences)| differs_folded(path, differences))
        {
            return Err(Ambiguity::Spelling.error());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::*;

    const ROUTES: &str = "routes: [{ match: 'GET /{*path}', public: true }]";

    fn chosen(policy: &str, prefixes: &[&str], path: &str) -> Result<Option<usize>, String> {
        let policy = Policy::from_yaml(policy).unwrap();
        let prefixes: Vec<PathPrefix> = prefixes.iter().map(|text| PathPrefix::new(text).unwrap()).collect();
        let uri: Uri = path.parse().unwrap();
        let target = Target::with_escaped_slashes(&Method::GET, &uri).unwrap();
        let chosen = policy.choose_by_path(&target, &prefixes, |form| {
            prefixes.iter().position(|prefix| form.is_below(prefix))
        });
        chosen.map_err(|error| match error {
            Error::InvalidRequest { reason } => reason.split(' ').take(4).collect::<Vec<_>>().join(" "),
            error => error.to_string(),
        })
    }

    #[test]
    fn every_form_of_a_path_leads_to_one_choice() {
        const ESCAPE: &str = "an escape in the";
        const SPELLING: &str = "the path in another";
        const SLASH: &str = "the path contains an";
        let exact = format!("spelling: exact\n{ROUTES}");
        let prefixes = ["/billing/Private", "/billing", "/a@b"];
        for (path, folded, exactly) in [
            ("/orders/1", Ok(None), Ok(None)),
            ("/billing", Ok(Some(1)), Ok(Some(1))),
            ("/billing/", Ok(Some(1)), Ok(Some(1))),
            ("/billing/%7Eme", Ok(Some(1)), Ok(Some(1))),
            ("/billing/Private/1", Ok(Some(0)), Ok(Some(0))),
            ("/billing/private/1", Err(SPELLING), Ok(Some(1))),
            ("/BILLING/1", Err(SPELLING), Ok(None)),
            ("/billing./1", Err(SPELLING), Ok(None)),
            ("/ORDERS/1", Ok(None), Ok(None)),
            ("/%62illing/1", Err(ESCAPE), Err(ESCAPE)),
            ("/a%40b", Err(ESCAPE), Err(ESCAPE)),
            ("/billing%2F1", Err(SLASH), Err(SLASH)),
            ("/Billing%2F1", Err(SLASH), Ok(None)),
            ("/billing/1%2F2", Ok(Some(1)), Ok(Some(1))),
            ("/billing/1%2FPrivate", Ok(Some(1)), Ok(Some(1))),
            ("/billing/Private%2F1", Err(SLASH), Err(SLASH)),
        ] {
            let owned = |result: Result<_, &str>| result.map_err(str::to_owned);
            assert_eq!(chosen(ROUTES, &prefixes, path), owned(folded), "{path}");
            assert_eq!(chosen(&exact, &prefixes, path), owned(exactly), "{path}, exact");
        }
    }
}
