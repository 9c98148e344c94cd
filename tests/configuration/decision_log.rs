//! The file of the decision log.

use super::Mistake;

pub(super) const MISTAKES: &[Mistake] = &[
    (
        "leeway:",
        "decision_log: ''\nleeway:",
        "5:15: the path of the decision log is empty",
    ),
    ("leeway:", "decision_log: .\nleeway:", "5:15: `.` is a folder"),
    (
        "leeway:",
        "decision_log: nowhere/a.log\nleeway:",
        "5:15: the folder of `nowhere/a.log` does not exist",
    ),
    (
        "leeway:",
        "decision_log: actgate.yaml\nleeway:",
        "5:15: `actgate.yaml` is a file that the gate reads",
    ),
    (
        "leeway:",
        "decision_log: \"a\\0b\"\nleeway:",
        "5:15: the path of the decision log contains a NUL\n  help: write `stdout`, or a file in an existing folder",
    ),
    (
        "leeway:",
        "decision_log: stderr\nleeway:",
        "5:15: `stderr` is not a file\n  help: write `stdout`, or a file such as decisions.log",
    ),
    ("leeway:", "decision_log: '-'\nleeway:", "5:15: `-` is not a file"),
    ("leeway:", "decision_log: none\nleeway:", "5:15: `none` is not a file"),
    (
        "leeway:",
        "decision_log: { file: stdout, claims: [tid] }\nleeway:",
        "5:15: `claims` is for the facts, which are not recorded\n  help: add `facts: true`, or remove it",
    ),
    (
        "leeway:",
        "decision_log: { facts: true, claims: ['*'] }\nleeway:",
        "5:39: the name of a claim has no wildcard\n  help: write the name in full",
    ),
    (
        "leeway:",
        "decision_log: { facts: true, claims: [act] }\nleeway:",
        "5:39: no rule reads `act` as a claim\n  help: remove it",
    ),
    (
        "leeway:",
        "decision_log: { fact: true }\nleeway:",
        "5:17: unknown key `fact`",
    ),
];
