//! What is found in a text that is not a route.

use crate::policy::exact;

/// Why a text is not a route, and where the route to write instead matches more than what is written.
#[derive(Default)]
pub(super) struct Notes {
    reasons: Vec<(String, &'static str)>,
    widened: bool,
}

/// The longest part of a text that a reason repeats.
const MAX_SHOWN: usize = 60;

impl Notes {
    /// Adds a reason: a part of the text and what it is, as in `:id` and "is a parameter as Express writes it".
    /// Only the first part of each kind is kept.
    pub(super) fn add(&mut self, part: &str, what: &'static str) {
        if self.reasons.iter().all(|(_, other)| *other != what) {
            self.reasons.push((shown(part), what));
        }
    }

    /// The same, where a parameter takes the place of a part that restricts its text.
    pub(super) fn add_widened(&mut self, part: &str, what: &'static str) {
        self.add(part, what);
        self.widened = true;
    }

    pub(super) fn has(&self, what: &str) -> bool {
        self.reasons.iter().any(|(_, other)| *other == what)
    }

    pub(super) fn is_widened(&self) -> bool {
        self.widened
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}

fn shown(part: &str) -> String {
    match part.char_indices().nth(MAX_SHOWN) {
        None => exact::shown(part),
        Some((end, _)) => format!("{}…", exact::shown(&part[..end])),
    }
}

/// The reasons in the order in which they were found.
impl std::fmt::Display for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (part, what)) in self.reasons.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            match &**part {
                "" => write!(f, "{separator}{what}")?,
                part => write!(f, "{separator}`{part}` {what}")?,
            }
        }
        Ok(())
    }
}
