//! The results as JUnit XML, read by the library of cargo-nextest.

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

use super::{CASES, folder, run};

#[test]
fn a_pipe_that_no_process_reads_is_an_error_at_once() {
    let (files, folder) = folder(&CASES[..1]);
    let pipe = files.write("report.xml", "");
    std::fs::remove_file(&pipe).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let (code, text) = run(&["--junit", &pipe, &folder]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("report.xml: this is a pipe or a device, not a file"),
        "{text}"
    );
}

#[test]
fn the_results_are_read_by_a_parser_of_junit_xml() {
    let named = r#"{ name: "<a> & \"b\" ]]> \e[31m \x00 é", request: GET /health, token: { sub: "\e<&>" }, expect: { deny: no_route, status: 403 } }"#;
    let denied = CASES[7]
        .replace("{ deny: invalid_claim, status: 401 }", "allow")
        .replace("u1", "\"u\\e]1\"");
    let (files, folder) = folder(&[CASES[0], named, &denied]);
    let path = files.write("report.xml", "");
    let (code, text) = run(&["--junit", &path, &folder]);
    assert_eq!(code, 1, "{text}");
    let xml = std::fs::read_to_string(&path).unwrap();
    let report = Report::deserialize_from_str(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    assert_eq!((report.tests, report.failures, report.errors), (3, 2, 0));
    let [suite] = &report.test_suites[..] else {
        panic!("{xml}")
    };
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures), (&*folder, 3, 2));
    let [passed, failed, rejected] = &suite.test_cases[..] else {
        panic!("{xml}")
    };
    assert_eq!(passed.name.as_str(), "health");
    assert!(matches!(passed.status, TestCaseStatus::Success { .. }));
    assert_eq!(failed.name.as_str(), "<a> & \"b\" ]]> \\u{1b}[31m \\u{0} é");
    assert_eq!(failed.classname.as_ref().unwrap().as_str(), folder);
    for (case, expected) in [
        (failed, ["expected deny no_route (403), got allow", "GET /health"]),
        (
            rejected,
            [
                "expected allow, got deny invalid_claim (401)",
                "u\\u{1b}]1 (unknown)  initiator",
            ],
        ),
    ] {
        let TestCaseStatus::NonSuccess {
            kind,
            message,
            description,
            ..
        } = &case.status
        else {
            panic!("{xml}")
        };
        assert_eq!(*kind, NonSuccessKind::Failure);
        assert_eq!(message.as_ref().unwrap().as_str(), expected[0]);
        let description = description.as_ref().unwrap().as_str();
        assert!(
            description.contains(expected[1]) && description.lines().count() > 5,
            "{description}"
        );
    }
    assert!(!xml.contains('\u{1b}'), "{xml}");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let (_files, folder) = folder(&CASES[..1]);
    let (code, text) = run(&["--junit", "/no/such/folder/report.xml", &folder]);
    assert_eq!(code, 1);
    assert!(text.contains("/no/such/folder/report.xml: "), "{text}");
}

#[test]
fn the_report_replaces_no_file_of_the_suite() {
    let (_files, folder) = folder(&[CASES[0]]);
    for name in ["cases.yaml", "policy.yaml"] {
        let file = format!("{folder}/{name}");
        let before = std::fs::read_to_string(&file).unwrap();
        let (code, text) = run(&["--junit", &file, &folder]);
        assert!(code == 2 && text.contains("would replace a file"), "{code}: {text}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }
}

#[test]
fn too_little_coverage_is_a_failed_case() {
    let (files, folder) = folder(&CASES[..2]);
    let path = files.write("report.xml", "");
    let (code, text) = run(&["--min-coverage", "100", "--junit", &path, &folder]);
    assert_eq!(code, 1, "{text}");
    let report = Report::deserialize_from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((report.tests, report.failures), (3, 1));
    let coverage = report.test_suites[0].test_cases.last().unwrap();
    assert_eq!(coverage.name.as_str(), "coverage");
    assert!(matches!(coverage.status, TestCaseStatus::NonSuccess { .. }));
}
