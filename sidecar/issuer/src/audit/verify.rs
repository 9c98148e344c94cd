//! Verifying a trail.

use std::io::{self, BufRead, BufReader, Read};

use serde::Deserialize;

use crate::secret::sha256_hex;

/// `prev` of the first line.
pub(super) const FIRST_PREVIOUS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The maximum length of a line in bytes: many times an entry with 16 actors.
const MAX_LINE: u64 = 256 * 1024;

/// What a valid trail has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedTrail {
    /// The number of complete lines.
    pub lines: u64,
    /// The SHA-256 of the last complete line in hexadecimal, which proves later that no line up to it is missing; 64
    /// zeros for an empty trail.
    pub last: String,
    /// The number of lines after the expected one; none if none was expected.
    pub lines_after_expected: Option<u64>,
    /// The trail ends in a line without its end, as after a crash or while it is written. The issuer cuts it at its
    /// next start.
    pub has_incomplete_line: bool,
    /// The length of the complete lines in bytes.
    pub complete_bytes: u64,
}

/// Why a trail is not valid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrailFault {
    /// The trail cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line is not one that an issuer writes.
    #[error("line {line} is not a line of an audit trail")]
    NotALine {
        /// The number of the line, from 1.
        line: u64,
    },
    /// The chain is broken before a line.
    #[error(
        "line {line} does not continue the line before: one of the two was changed, or lines between them were removed, inserted or moved"
    )]
    Broken {
        /// The number of the line, from 1.
        line: u64,
    },
    /// No line has the expected digest.
    #[error("no line has the expected digest: lines at the end were removed, or replaced with all that follow")]
    NotExpected,
}

impl TrailFault {
    /// The number of the first line that is not valid; none if it is not one line.
    pub fn line(&self) -> Option<u64> {
        match self {
            TrailFault::NotALine { line } | TrailFault::Broken { line } => Some(*line),
            TrailFault::Io(_) | TrailFault::NotExpected => None,
        }
    }
}

/// Verifies that each line continues the one before. With `expected`, the SHA-256 of a line that is known from
/// elsewhere, it also verifies that the trail has this line.
///
/// It detects lines that were changed, removed, inserted or moved. Without `expected` it does NOT detect that lines at
/// the end were removed, or that all lines from one on were written anew: the digests need no secret.
pub fn verify_trail(trail: impl Read, expected: Option<&str>) -> Result<VerifiedTrail, TrailFault> {
    #[derive(Deserialize)]
    struct Link {
        prev: String,
    }

    let mut reader = BufReader::new(trail);
    let mut verified = VerifiedTrail {
        lines: 0,
        last: FIRST_PREVIOUS.to_owned(),
        lines_after_expected: (expected == Some(FIRST_PREVIOUS)).then_some(0),
        has_incomplete_line: false,
        complete_bytes: 0,
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        if length == 0 {
            break;
        }
        let number = verified.lines.saturating_add(1);
        if line.last() != Some(&b'\n') {
            if length == MAX_LINE {
                return Err(TrailFault::NotALine { line: number });
            }
            verified.has_incomplete_line = true;
            break;
        }
        let link: Link = serde_json::from_slice(&line).map_err(|_| TrailFault::NotALine { line: number })?;
        if link.prev != verified.last {
            return Err(TrailFault::Broken { line: number });
        }
        verified.lines = number;
        verified.last = sha256_hex(&line);
        verified.complete_bytes = verified.complete_bytes.saturating_add(length);
        verified.lines_after_expected = match verified.lines_after_expected {
            Some(after) => Some(after.saturating_add(1)),
            None => (expected == Some(&*verified.last)).then_some(0),
        };
    }
    if expected.is_some() && verified.lines_after_expected.is_none() {
        return Err(TrailFault::NotExpected);
    }
    Ok(verified)
}

#[cfg(test)]
mod tests {
    use super::super::{AuditTrail, Durability, Entry, Event};
    use super::{TrailFault, verify_trail};

    fn lines(count: usize) -> Vec<String> {
        let trail = AuditTrail::in_memory("https://issuer.example");
        for _ in 0..count {
            let entry = Entry {
                txn: Some("t".to_owned()),
                ..Entry::new(Event::Issue)
            };
            trail.append(7, &[entry], Durability::Written).unwrap();
        }
        let lines = trail.of_transaction("t");
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// The first bad line, 0 for a missing expected one.
    fn fault(lines: &[String], expected: Option<&str>) -> Option<u64> {
        let text = lines.concat();
        verify_trail(text.as_bytes(), expected)
            .err()
            .map(|fault| fault.line().unwrap_or(0))
    }

    #[test]
    fn a_line_that_was_changed_removed_inserted_or_moved_is_found() {
        let valid = lines(5);
        assert_eq!(fault(&valid, None), None);
        let last = verify_trail(valid.concat().as_bytes(), None).unwrap().last;
        assert_eq!(fault(&valid, Some(&last)), None);
        for index in 0..5 {
            let number = u64::try_from(index).unwrap() + 1;
            let mut changed = valid.clone();
            changed[index] = changed[index].replace("issue\"", "exchange\"");
            // The last line has no successor that shows it.
            let found = (index < 4).then_some(number + 1);
            assert_eq!(fault(&changed, None), found, "changed {number}");
            assert!(fault(&changed, Some(&last)).is_some(), "changed {number}");

            let mut removed = valid.clone();
            removed.remove(index);
            assert_eq!(fault(&removed, None), (index < 4).then_some(number), "removed {number}");
            assert!(fault(&removed, Some(&last)).is_some(), "removed {number}");

            let mut inserted = valid.clone();
            inserted.insert(index, valid[2].clone());
            assert!(
                fault(&inserted, None).is_some_and(|line| line > 0),
                "inserted at {number}"
            );

            let mut moved = valid.clone();
            moved.swap(index, (index + 1) % 5);
            assert!(fault(&moved, None).is_some_and(|line| line > 0), "moved {number}");
        }
    }

    #[test]
    fn lines_removed_at_the_end_are_found_with_a_digest_only() {
        let valid = lines(5);
        let early = verify_trail(valid[..3].concat().as_bytes(), None).unwrap().last;
        let verified = verify_trail(valid.concat().as_bytes(), Some(&early)).unwrap();
        assert_eq!(verified.lines_after_expected, Some(2));
        assert_eq!(fault(&valid[..2], None), None);
        assert_eq!(fault(&valid[..2], Some(&early)), Some(0));
        let zeros = "0".repeat(64);
        assert_eq!(fault(&[], Some(&zeros)), None);
    }

    #[test]
    fn what_is_no_line_is_found() {
        for text in ["x\n", "{}\n", "[]\n", "\n", "{\"prev\":1}\n", "\u{0}\n"] {
            let fault = verify_trail(text.as_bytes(), None).unwrap_err();
            assert!(matches!(fault, TrailFault::NotALine { line: 1 }), "{text:?}");
        }
        let long = vec![b' '; 300 * 1024];
        assert!(matches!(
            verify_trail(&long[..], None),
            Err(TrailFault::NotALine { line: 1 })
        ));
        let incomplete = verify_trail(&b"{\"prev\""[..], None).unwrap();
        assert!(incomplete.has_incomplete_line && incomplete.lines == 0);
    }
}
