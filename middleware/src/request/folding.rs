//! The differences in the spelling of a path that some servers ignore.

use std::borrow::Cow;

/// What some servers ignore at the end of a segment.
const END: [char; 2] = ['.', ' '];

/// A set of differences in spelling that a server ignores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folding(u8);

impl Folding {
    const CASE: u8 = 1;
    const SLASH: u8 = 2;
    const SEGMENT_END: u8 = 4;

    /// The differences that folding would remove from a path.
    pub(crate) fn of(path: &str) -> Folding {
        // Most paths have none. Without branches, the compiler looks at many bytes at a time.
        let (mut case, mut end) = (false, false);
        for byte in path.bytes() {
            // A letter outside of ASCII may have a lower case.
            case |= byte.is_ascii_uppercase() | !byte.is_ascii();
            end |= (byte == b'.') | (byte == b' ');
        }
        let mut differences = if case { Self::CASE } else { 0 };
        if path.len() > 1 && path.ends_with('/') {
            differences |= Self::SLASH;
        }
        if end {
            differences |= Folding::of_ends(path);
        }
        Folding(differences)
    }

    /// The differences at the ends of segments.
    fn of_ends(path: &str) -> u8 {
        let mut differences = 0;
        if path.split('/').any(|segment| segment.ends_with(END)) {
            differences |= Self::SEGMENT_END;
        }
        // A segment of blanks and dots alone is a last slash without them.
        let (_, last) = path.rsplit_once('/').unwrap_or_default();
        if path.len() > 1 && last.trim_end_matches(END).is_empty() {
            differences |= Self::SLASH;
        }
        differences
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The differences that are in one of both.
    pub(crate) fn union(self, other: Folding) -> Folding {
        Folding(self.0 | other.0)
    }

    /// The differences that are in both.
    pub(crate) fn intersection(self, other: Folding) -> Folding {
        Folding(self.0 & other.0)
    }

    /// Every subset, from the empty one on.
    pub(crate) fn subsets(self) -> impl Iterator<Item = Folding> {
        (0..8).filter(move |subset| subset & !self.0 == 0).map(Folding)
    }

    /// The path without these differences.
    pub(crate) fn apply(self, path: &str) -> Cow<'_, str> {
        let mut folded = Cow::Borrowed(path);
        if self.has(Self::CASE) {
            folded = Cow::Owned(lower_case(&folded));
        }
        if self.has(Self::SEGMENT_END) {
            let segments: Vec<&str> = folded.split('/').map(|segment| segment.trim_end_matches(END)).collect();
            folded = Cow::Owned(segments.join("/"));
        }
        if self.has(Self::SLASH) && folded.len() > 1 && folded.ends_with('/') {
            folded = Cow::Owned(folded[..folded.len() - 1].to_owned());
        }
        folded
    }

    fn has(self, difference: u8) -> bool {
        self.0 & difference != 0
    }
}

/// Lower case, where every letter with the same upper case becomes one: `K`, `k` and the Kelvin sign.
fn lower_case(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(path: &str) -> String {
        Folding::of(path).apply(path).into_owned()
    }

    #[test]
    fn every_spelling_of_a_path_folds_to_one() {
        for (path, folded) in [
            ("/", "/"),
            ("/orders/7", "/orders/7"),
            ("/Orders/7", "/orders/7"),
            ("/orders/7/", "/orders/7"),
            ("/orders./7", "/orders/7"),
            ("/orders/7. .", "/orders/7"),
            ("/ORDERS /7.../", "/orders/7"),
            ("/a.b/c d", "/a.b/c d"),
            ("/.hidden", "/.hidden"),
            ("/a/...", "/a"),
            ("/É", "/é"),
            ("/\u{212a}ey", "/key"),
            ("/\u{17f}ecret", "/secret"),
        ] {
            assert_eq!(all(path), folded, "{path}");
            assert_eq!(all(&all(path)), folded, "folding twice: {path}");
        }
    }

    #[test]
    fn a_folding_removes_only_its_differences() {
        let spelled = "/A. /";
        let foldings: Vec<String> = Folding::of(spelled)
            .subsets()
            .map(|folding| folding.apply(spelled).into_owned())
            .collect();
        assert_eq!(foldings, ["/A. /", "/a. /", "/A. ", "/a. ", "/A/", "/a/", "/A", "/a"]);
        assert_eq!(Folding::of("/a/b.c").subsets().count(), 1);
    }

    #[test]
    fn the_root_is_its_only_spelling() {
        assert!(Folding::of("/").is_empty() && Folding::of("/a.b").is_empty());
        assert!(!Folding::of("/a/").is_empty() && !Folding::of("/A").is_empty());
        let every = Folding::of("/A. /");
        assert_eq!(every.apply("/"), "/");
        assert_eq!(every.apply("/..."), "/");
    }
}
