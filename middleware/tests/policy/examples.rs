//! Every case of every folder in `policy-examples/`.

use std::fs;
use std::path::Path;

use actgate::Policy;
use actgate::analysis::Cases;
use actgate::testing::{PolicyTest, TestIssuer};

#[test]
fn every_case_gets_the_decision_it_expects() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-examples");
    let (mut decided, mut failures) = (0, Vec::new());
    for folder in fs::read_dir(folders).expect("the examples") {
        let folder = folder.expect("a folder").path();
        let Ok(policy) = fs::read_to_string(folder.join("policy.yaml")) else {
            continue;
        };
        let policy = Policy::from_yaml(&policy).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let cases = fs::read_to_string(folder.join("cases.yaml")).expect("cases");
        let cases = Cases::from_yaml(&cases).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let test = PolicyTest::new(policy, &cases).unwrap();
        for case in cases.iter() {
            let result = test.run(case, TestIssuer::NOW).unwrap();
            decided += 1;
            if !result.is_expected() {
                let place = format!("{}/cases.yaml:{}", folder.display(), case.line());
                failures.push(format!("{place}: got {}", result.outcome()));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(decided > 500, "{decided} cases");
}
