//! The form of a request head, by the version of its protocol.

use http::Version;

use crate::gate::connection_info::HeadForm;

/// The form of heads in this version.
pub(super) fn of(version: Version) -> HeadForm {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => HeadForm::OldLines,
        Version::HTTP_2 | Version::HTTP_3 => HeadForm::Fields,
        _ => HeadForm::Lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_from_the_version() {
        for (version, form) in [
            (Version::HTTP_09, HeadForm::OldLines),
            (Version::HTTP_10, HeadForm::OldLines),
            (Version::HTTP_11, HeadForm::Lines),
            (Version::HTTP_2, HeadForm::Fields),
        ] {
            assert_eq!(of(version), form, "{version:?}");
        }
    }
}
