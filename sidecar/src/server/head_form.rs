//! The form of a request head, by the version of its protocol.

use http::Version;
use http::request::Parts;

use crate::gate::connection_info::HeadForm;

/// Records the form of a head for the gate, unless it is the usual one.
pub(super) fn record(request: &mut Parts) {
    let form = match request.version {
        Version::HTTP_09 | Version::HTTP_10 => HeadForm::OldLines,
        Version::HTTP_2 | Version::HTTP_3 => HeadForm::Fields,
        _ => return,
    };
    request.extensions.insert(form);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_from_the_version() {
        for (version, form) in [
            (Version::HTTP_10, Some(HeadForm::OldLines)),
            (Version::HTTP_11, None),
            (Version::HTTP_2, Some(HeadForm::Fields)),
        ] {
            let (mut request, ()) = http::Request::builder().version(version).body(()).unwrap().into_parts();
            record(&mut request);
            assert_eq!(request.extensions.get(), form.as_ref(), "{version:?}");
        }
    }
}
