//! Texts that share the memory of the document that they are from, and excerpts: places that are kept beside their document.

use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A document, and the copy of it that its texts share.
pub(crate) struct SharedDocument<'d> {
    read: &'d str,
    shared: Arc<str>,
}

impl<'d> SharedDocument<'d> {
    pub(crate) fn new(read: &'d str) -> Self {
        SharedDocument {
            read,
            shared: read.into(),
        }
    }

    /// The whole of it.
    pub(crate) fn into_shared(self) -> Arc<str> {
        self.shared
    }

    /// A text that was read from the document: a part of it, unless it was written with escapes.
    pub(crate) fn text(&self, text: &str) -> SharedText {
        match self.place(text) {
            Some(place) => SharedText {
                whole: Arc::clone(&self.shared),
                place,
            },
            None => text.into(),
        }
    }

    /// The same, for facts that keep the document beside their texts.
    pub(crate) fn excerpt(&self, text: &str) -> Excerpt {
        match self.place(text) {
            Some(place) => Excerpt::Part(place),
            None => text.into(),
        }
    }

    /// Where a text is that is a part of the document.
    pub(crate) fn place(&self, text: &str) -> Option<Place> {
        let start = text.as_ptr().addr().wrapping_sub(self.read.as_ptr().addr());
        let end = start.wrapping_add(text.len());
        // Both texts are borrowed now, so that a place within the document is a part of it.
        let is_part = start <= end && end <= self.shared.len() && end <= u32::MAX as usize;
        is_part.then_some(Place {
            start: start as u32,
            end: end as u32,
        })
    }
}

/// Where a part of a document begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// The text there. `document` is the one that the place is of.
    pub(crate) fn of(self, document: &str) -> &str {
        document.get(self.range()).unwrap_or_default()
    }

    /// Its bytes. That they begin and end with a character is not checked again.
    fn bytes_of(self, document: &str) -> &[u8] {
        document.as_bytes().get(self.range()).unwrap_or_default()
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A text of a document that is kept beside it: it takes no count of the document.
#[derive(Clone)]
pub(crate) enum Excerpt {
    Part(Place),
    Own(Box<str>),
}

impl Excerpt {
    /// The text. `document` is the one that it is from.
    pub(crate) fn of<'t>(&'t self, document: &'t str) -> &'t str {
        match self {
            Excerpt::Part(place) => place.of(document),
            Excerpt::Own(text) => text,
        }
    }

    /// Its bytes. That they begin and end with a character is not checked again.
    pub(crate) fn bytes_of<'t>(&'t self, document: &'t str) -> &'t [u8] {
        match self {
            Excerpt::Part(place) => place.bytes_of(document),
            Excerpt::Own(text) => text.as_bytes(),
        }
    }

    /// The same text without its document.
    pub(crate) fn own(&self, document: &str) -> Excerpt {
        self.of(document).into()
    }
}

impl From<&str> for Excerpt {
    fn from(text: &str) -> Self {
        Excerpt::Own(text.into())
    }
}

/// A part of a text that others share: the facts of a token lie together in memory, and take one allocation.
#[derive(Clone)]
pub(crate) struct SharedText {
    whole: Arc<str>,
    place: Place,
}

impl SharedText {
    /// Whether it is a part of this document.
    pub(crate) fn is_of(&self, document: &SharedDocument<'_>) -> bool {
        Arc::ptr_eq(&self.whole, &document.shared)
    }

    /// The document that it is a part of.
    pub(crate) fn whole(&self) -> &Arc<str> {
        &self.whole
    }

    /// Whether it is this text.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.place.bytes_of(&self.whole) == text.as_bytes()
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.place.of(&self.whole)
    }
}

impl From<&str> for SharedText {
    /// A text by itself. One of more than 4 GiB, which no token has, is empty.
    fn from(text: &str) -> Self {
        SharedText {
            whole: text.into(),
            place: Place {
                start: 0,
                end: u32::try_from(text.len()).unwrap_or_default(),
            },
        }
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SharedText {}

impl Hash for SharedText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_document_is_a_part_of_its_copy() {
        let read = r#"{"sub":"zoë"}"#.to_owned();
        let document = SharedDocument::new(&read);
        let text = document.text(&read[8..12]);
        assert_eq!(&*text, "zoë");
        assert!(Arc::ptr_eq(&text.whole, &document.shared));
        drop(read);
        assert_eq!(&*text, "zoë");
    }

    #[test]
    fn a_text_from_elsewhere_is_copied() {
        let document = SharedDocument::new("abc");
        let elsewhere = String::from("b");
        let text = document.text(&elsewhere);
        assert_eq!(&*text, "b");
        assert!(!Arc::ptr_eq(&text.whole, &document.shared));
        assert_eq!(&*document.text(""), "");
    }

    #[test]
    fn an_excerpt_is_a_part_of_its_document_or_a_text_of_its_own() {
        let document = SharedDocument::new(r#"{"sub":"zoë"}"#);
        let part = document.excerpt(&document.read[8..12]);
        let own = part.own(document.read);
        assert!(matches!(
            (&part, &own),
            (Excerpt::Part(Place { start: 8, end: 12 }), Excerpt::Own(_))
        ));
        for (excerpt, of) in [(&part, document.read), (&own, ""), (&Excerpt::from("zoë"), "")] {
            assert_eq!((excerpt.of(of), excerpt.bytes_of(of)), ("zoë", "zoë".as_bytes()));
        }
        // Of a document that it is not from.
        assert_eq!((part.of("abc"), part.bytes_of("abc")), ("", &b""[..]));
        assert!(matches!(document.excerpt(&String::from("zoë")), Excerpt::Own(_)));
    }

    #[test]
    fn texts_are_equal_by_what_they_are() {
        let document = SharedDocument::new("a,a,b");
        let [first, second, third] = [0, 2, 4].map(|at| document.text(&document.read[at..=at]));
        assert!(first == second && first == SharedText::from("a") && first != third);
    }
}
