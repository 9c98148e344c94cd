//! Rules that the compiler does not check: the direction of imports, rings, the length and the names of files, and what
//! a module may know.

mod graph;
mod map;
mod order;
mod paths;
pub mod source;
mod words;

use std::fs;

use crate::structure::graph::Crate;
use crate::structure::order::CRATES;
use crate::structure::source::{SourceFile, files_below, has_extension, in_repository, root};

const MAX_LINES: usize = 400;

/// The tests beside the sources of the crates.
const TESTS: &[&str] = &[
    "tests",
    "middleware/tests",
    "middleware/benches",
    "middleware/examples",
    "sidecar/issuer/tests",
];
const MAX_ISSUER_LINES: usize = 7_000;

/// The folders of the repository.
const FOLDERS: &[&str] = &[".cargo", ".ci", "middleware", "policy-examples", "sidecar", "tests"];

/// File and folder names that say nothing about the content.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "manager", "managers", "handler", "handlers", "misc",
];

/// Names that the pure modules do not mention.
const IMPURE_NAMES: &[&str] = &[
    "http",
    "tokio",
    "reqwest",
    "SystemTime",
    "Instant",
    "aws_lc_rs",
    "clock",
    "keys",
];
const PURE_MODULES: &[&str] = &["policy", "chain", "analysis"];

/// Names that the gate, which only decides, does not mention.
const GATE_FOREIGN_NAMES: &[&str] = &["hyper", "hyper_util", "proxy", "upstream", "Version"];

/// Names of the standard library for files, processes and the environment.
const ENVIRONMENT_NAMES: &[&str] = &["env", "fs", "process", "File", "stdin", "stdout", "stderr"];

/// Where cryptography is used: keys and signatures in the library, the issuer's keys and secrets, and test tokens.
const CRYPTO_FILES: &[&str] = &[
    "middleware/src/digest.rs",
    "middleware/src/keys/jwk.rs",
    "middleware/src/testing/issuer.rs",
    "sidecar/src/files/certificate_fault.rs",
    "sidecar/src/server/tls/certificates.rs",
    "sidecar/src/server/tls/mod.rs",
    "middleware/src/token/jws.rs",
    "sidecar/issuer/src/keys/signing_key.rs",
    "sidecar/issuer/src/secret.rs",
    "sidecar/src/headers/internal_token/signing_keys.rs",
    "sidecar/src/log/fact_recording.rs",
    "sidecar/src/headers/internal_token/token_digest.rs",
    "sidecar/src/cli/token/client_assertion.rs",
    "sidecar/src/cli/token/proof_key.rs",
    "sidecar/src/proxy/websocket/key.rs",
    "sidecar/src/proxy/upstream/tls.rs",
    "sidecar/src/shared_limits/tls.rs",
];

#[test]
fn imports_go_down_the_order_of_modules() {
    let upward: Vec<String> = crates()
        .flat_map(|(found, floors)| found.upward_imports(floors))
        .collect();
    assert_none(upward.into_iter());
}

#[test]
fn no_folder_has_an_import_ring() {
    let rings: Vec<String> = crates().flat_map(|(found, _)| found.rings()).collect();
    assert_none(rings.into_iter());
}

/// A build folder beside them is the work of one machine, and has its paths.
#[test]
fn the_repository_has_no_other_folder() {
    let files = source::tracked_files();
    assert!(files.len() > 100, "{} tracked files", files.len());
    let folders = files.iter().filter_map(|path| path.split_once('/'));
    let mut others: Vec<&str> = folders
        .map(|(folder, _)| folder)
        .filter(|folder| !FOLDERS.contains(folder))
        .collect();
    others.dedup();
    assert_none(others.into_iter().map(str::to_owned));
}

#[test]
fn no_file_has_more_than_400_lines_before_its_unit_tests() {
    let tests = TESTS.iter().flat_map(|folder| source::read(folder));
    let long = product_files().chain(tests).filter_map(|file| {
        let lines = file.code.lines().count();
        (lines > MAX_LINES).then(|| format!("{}: {lines} lines", file.path))
    });
    assert_none(long);
}

/// The issuer stays small. A line of code is one before the unit tests that is neither blank nor a comment alone.
#[test]
fn the_issuer_has_a_limited_number_of_lines() {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
    // Tests that other files use are in a module that is not private.
    let before_tests = |line: &&str| *line != "#[cfg(test)]";
    let lines = |file: SourceFile| file.code.lines().take_while(before_tests).filter(is_code).count();
    let all: usize = source::read("sidecar/issuer/src").into_iter().map(lines).sum();
    assert!(all <= MAX_ISSUER_LINES, "{all} lines of code");
}

#[test]
fn unit_tests_are_at_the_bottom_of_their_file() {
    assert_none(
        product_files()
            .filter(SourceFile::continues_after_tests)
            .map(|file| file.path),
    );
}

#[test]
fn file_names_are_nouns_of_the_field() {
    let files = files_below(&root())
        .into_iter()
        .filter(|path| has_extension(path, "rs"));
    let names = files.map(|path| in_repository(&path));
    assert_none(names.filter(|path| has_empty_name(path)));
}

#[test]
fn pure_modules_know_no_http_type_clock_key_or_runtime() {
    let library = Crate::read("middleware/src");
    for module in ["policy", "chain"] {
        assert!(library.files.iter().any(|file| file.module == [module]), "{module}");
    }
    assert_none(library.files.iter().flat_map(impure_mentions));
}

#[test]
fn the_gate_knows_no_hyper_type_upstream_or_http_version() {
    let sidecar = Crate::read("sidecar/src");
    let gate: Vec<&SourceFile> = sidecar.files.iter().filter(|file| is_in(file, &["gate"])).collect();
    assert!(!gate.is_empty());
    assert_none(gate.into_iter().flat_map(|file| mentions(file, GATE_FOREIGN_NAMES)));
}

#[test]
fn the_library_does_not_reach_files_and_environment() {
    let library = Crate::read("middleware/src");
    assert_none(library.files.iter().flat_map(|file| mentions(file, ENVIRONMENT_NAMES)));
    let sidecar = library.files.iter().filter(|file| file.code.contains("sidecar"));
    assert_none(sidecar.map(|file| file.path.clone()));
}

#[test]
fn cryptography_is_used_in_the_files_of_keys_signatures_and_secrets() {
    let others = product_files().filter(|file| !CRYPTO_FILES.contains(&file.path.as_str()));
    assert_none(others.flat_map(|file| mentions(&file, &["aws_lc_rs"])));
}

#[test]
fn the_issuer_does_not_use_the_library() {
    let manifest = fs::read_to_string(root().join("sidecar/issuer/Cargo.toml")).unwrap();
    let uses = |line: &str| line.split(['.', ' ', '=']).next() == Some("actgate");
    assert!(!manifest.lines().any(uses), "{manifest}");
}

#[test]
fn the_readme_shows_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["cargo run -- demo", "cargo test --workspace"] {
        assert!(readme.contains(command), "{command}");
    }
}

#[test]
fn an_upward_import_is_found() {
    let floors: &[&[&str]] = &[&["low"], &["left", "right"], &["high"]];
    let upward = |files: &[(&str, &str)]| Crate::of(files).upward_imports(floors);
    let lib = ("lib.rs", "mod high; mod left; mod low; mod right;\npub use high::High;");
    let low = |text| {
        upward(&[
            lib,
            ("low.rs", text),
            ("left.rs", ""),
            ("right.rs", ""),
            ("high/mod.rs", "mod a; pub use a::Item;"),
            ("high/a.rs", "pub struct Item;"),
        ])
    };
    assert_eq!(low("use crate::high::Item;"), ["src/low.rs imports src/high/a.rs"]);
    assert_eq!(
        low("fn f() { crate::high::a::g() }"),
        ["src/low.rs imports src/high/a.rs"]
    );
    assert_eq!(low("use crate::{high, low};"), ["src/low.rs imports src/high/mod.rs"]);
    assert_eq!(low("use crate::High;"), ["src/low.rs imports src/high/mod.rs"]);
    assert_eq!(
        low("mod inline { use super::super::high::Item; }"),
        ["src/low.rs imports src/high/a.rs"]
    );
    assert_eq!(low("use super::high::Item;"), ["src/low.rs imports src/high/a.rs"]);
    assert_eq!(low("use crate::VERSION;"), ["src/low.rs imports src/lib.rs"]);
    assert_eq!(
        low("// use crate::high::Item;\n#[cfg(test)]\nmod tests { use crate::high::Item; }"),
        [""; 0]
    );
    assert_eq!(
        upward(&[
            lib,
            ("left.rs", "use crate::right::A;"),
            ("right.rs", "use crate::low::B;"),
            ("low.rs", "")
        ]),
        ["src/left.rs imports src/right.rs"]
    );
    assert_eq!(
        upward(&[("other.rs", "")]),
        ["src/other.rs: its module is not in the order"]
    );
}

#[test]
fn an_import_ring_is_found() {
    let rings = |module: &str, a: &str, b: &str| {
        Crate::of(&[
            ("lib.rs", "mod m;"),
            ("m/mod.rs", module),
            ("m/a.rs", a),
            ("m/b/mod.rs", "mod c;"),
            ("m/b/c.rs", b),
        ])
        .rings()
    };
    assert_eq!(rings("mod a; mod b;\npub use a::A;", "use super::b::C;", ""), [""; 0]);
    // Between a file and a folder, by the folder's own name, by an exported one, and by a path of the parent.
    for import in [
        "use super::super::a::A;",
        "use crate::m::A;",
        "use crate::m::a::A;",
        "fn f() { crate::m::a::g() }",
    ] {
        assert_eq!(
            rings("mod a; mod b;\npub use a::A;", "use super::b::c::C;", import),
            ["src/m/mod.rs: a -> b -> a"],
            "{import}"
        );
    }
    // Through a path in a `mod.rs`, wherever it is.
    for import in [
        "use a::A;",
        "fn f() { a::g() }",
        "struct M(a::A);",
        "pub use a::A;\nfn f() -> A {}",
        "fn f() { self::a::g() }",
        "use self::a as other;",
    ] {
        let module = format!("mod a; mod b;\n{import}\npub struct Own;");
        assert_eq!(
            rings(&module, "use super::Own;", ""),
            ["src/m/mod.rs: a -> mod -> a"],
            "{import}"
        );
    }
    // Between modules of the crate.
    let modules = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a;\nfn f() { a::g() }"),
    ];
    assert_eq!(Crate::of(&modules).rings(), ["src/lib.rs: a -> b -> a"]);
}

#[test]
fn the_other_checks_find_what_they_look_for() {
    let file = |path: &str, text: &str| Crate::of(&[(path, text)]).files.remove(0);
    let tests = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";
    assert!(!file("a.rs", tests).continues_after_tests());
    assert!(file("a.rs", &format!("{tests}fn g() {{}}\n")).continues_after_tests());
    assert_eq!(file("a.rs", &format!("fn f() {{}}\n{tests}")).code.lines().count(), 1);
    assert!(has_empty_name("src/utils/a.rs") && has_empty_name("src/misc.rs") && !has_empty_name("src/commonly.rs"));
    let impure = |path: &str, text: &str| impure_mentions(&file(path, text));
    assert_eq!(
        impure("policy/a.rs", "use http::Method;"),
        ["src/policy/a.rs: http::Method"]
    );
    assert_eq!(
        impure("chain/mod.rs", "fn f() -> std::time::Instant {}"),
        ["src/chain/mod.rs: std::time::Instant"]
    );
    assert_eq!(impure("chain.rs", "use my_http::Method; // http::Method"), [""; 0]);
    assert_eq!(impure("layer.rs", "use http::Method;"), [""; 0]);
    assert_eq!(
        mentions(&file("a.rs", "use std::{env, fmt};"), ENVIRONMENT_NAMES),
        ["src/a.rs: std::env"]
    );
}

fn crates() -> impl Iterator<Item = (Crate, &'static [&'static [&'static str]])> {
    CRATES.iter().map(|(folder, floors)| (Crate::read(folder), *floors))
}

fn product_files() -> impl Iterator<Item = SourceFile> {
    CRATES.iter().flat_map(|(folder, _)| source::read(folder))
}

fn has_empty_name(path: &str) -> bool {
    let parts = path.trim_end_matches(".rs").split('/');
    parts.into_iter().any(|part| EMPTY_NAMES.contains(&part))
}

fn impure_mentions(file: &SourceFile) -> Vec<String> {
    if is_in(file, PURE_MODULES) {
        mentions(file, IMPURE_NAMES)
    } else {
        Vec::new()
    }
}

/// Whether the file belongs to one of these modules of its crate.
fn is_in(file: &SourceFile, modules: &[&str]) -> bool {
    file.module
        .first()
        .is_some_and(|module| modules.contains(&module.as_str()))
}

/// The paths of `file` with one of `names` among their segments.
fn mentions(file: &SourceFile, names: &[&str]) -> Vec<String> {
    let paths = names.iter().flat_map(|name| file.mentions(name));
    paths.map(|path| format!("{}: {path}", file.path)).collect()
}

#[track_caller]
fn assert_none(found: impl Iterator<Item = String>) {
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
