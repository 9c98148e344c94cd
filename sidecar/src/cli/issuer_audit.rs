//! `actgate issuer audit verify`: whether an audit trail is as it was written.

use std::fs::File;
use std::path::PathBuf;

use actgate_issuer::{AUDIT_FILE, TrailFault, VerifiedTrail, audited_head, verify_trail};
use serde_json::json;

use crate::cli::issuer_arguments::VerifyArguments;
use crate::cli::output::{print, print_json};
use crate::exit::{Context as _, Failure};

/// Where the digest of a line that the trail must have comes from.
#[derive(Clone, Copy)]
enum DigestSource {
    Nowhere,
    Argument,
    Store,
}

/// Verifies a trail and prints the result.
pub(super) fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let (path, head) = match (&arguments.file, &arguments.data) {
        (_, Some(folder)) => (folder.join(AUDIT_FILE), audited_head(folder).ok().flatten()),
        (Some(file), None) => (file.clone(), None),
        (None, None) => (PathBuf::from(AUDIT_FILE), None),
    };
    let (expected, known) = match (&arguments.expect_last, head) {
        (Some(argument), _) => (Some(argument.clone()), DigestSource::Argument),
        (None, Some(head)) => (Some(head), DigestSource::Store),
        (None, None) => (None, DigestSource::Nowhere),
    };
    let file = File::open(&path).context(path.display())?;
    match verify_trail(file, expected.as_deref()) {
        Ok(verified) => valid(&verified, known, arguments),
        Err(TrailFault::Io(error)) => Err(error).context(path.display()),
        Err(fault) => {
            let reason = match (&fault, known) {
                (TrailFault::NotExpected, DigestSource::Store) => {
                    "lines at the end are missing: no line is the last one that the store has recorded".to_owned()
                }
                _ => fault.to_string(),
            };
            match arguments.json {
                true => print_json(&json!({ "valid": false, "line": fault.line(), "reason": reason }))?,
                false => print(&format!("not valid: {reason}\n"))?,
            }
            Err(Failure::Denied)
        }
    }
}

fn valid(verified: &VerifiedTrail, known: DigestSource, arguments: &VerifyArguments) -> Result<(), Failure> {
    let VerifiedTrail { lines, last, .. } = verified;
    if arguments.json {
        let end = match known {
            DigestSource::Nowhere => None,
            DigestSource::Argument => Some("expect_last"),
            DigestSource::Store => Some("store"),
        };
        return print_json(&json!({
            "valid": true,
            "lines": lines,
            "last": last,
            "incomplete_line": verified.has_incomplete_line,
            "end_verified_by": end,
            "lines_after_expected": verified.lines_after_expected,
        }));
    }
    let after = verified.lines_after_expected.unwrap_or_default();
    let end = match known {
        DigestSource::Nowhere => {
            "the end is not verified: lines could be missing there (--expect-last, or --data of an issuer that does not run)"
                .to_owned()
        }
        DigestSource::Argument => format!("the line of --expect-last is followed by {after} more"),
        DigestSource::Store => format!("the line of the last change in the store is followed by {after} more"),
    };
    let incomplete = match verified.has_incomplete_line {
        true => "the last line is incomplete; the issuer cuts it when it starts\n",
        false => "",
    };
    print(&format!("valid: {lines} lines\nlast   {last}\n{end}\n{incomplete}"))
}
