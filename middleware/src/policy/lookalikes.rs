//! Identifiers that mix ASCII letters with letters that look like them, as `refund-аgent` with a Cyrillic `а`, and identifiers with
//! characters that are not seen. They are compared byte for byte, so that a list of what is refused would refuse nothing.

use std::collections::BTreeMap;

use actgate_yaml::{Diagnostics, Span, Spanned, printable};

use super::tree::Tree;

/// Letters of other scripts, each with the ASCII letter that it looks like.
const LOOKALIKES: [(char, char); 58] = [
    ('а', 'a'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('һ', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('к', 'k'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('ѕ', 's'),
    ('у', 'y'),
    ('ѵ', 'v'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('А', 'A'),
    ('В', 'B'),
    ('С', 'C'),
    ('Е', 'E'),
    ('Н', 'H'),
    ('І', 'I'),
    ('Ј', 'J'),
    ('К', 'K'),
    ('М', 'M'),
    ('О', 'O'),
    ('Р', 'P'),
    ('Ѕ', 'S'),
    ('Т', 'T'),
    ('У', 'Y'),
    ('Х', 'X'),
    ('α', 'a'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    ('Α', 'A'),
    ('Β', 'B'),
    ('Ε', 'E'),
    ('Ζ', 'Z'),
    ('Η', 'H'),
    ('Ι', 'I'),
    ('Κ', 'K'),
    ('Μ', 'M'),
    ('Ν', 'N'),
    ('Ο', 'O'),
    ('Ρ', 'P'),
    ('Τ', 'T'),
    ('Υ', 'Y'),
    ('Χ', 'X'),
    ('ı', 'i'),
    ('ɡ', 'g'),
    ('ɑ', 'a'),
    ('ꞵ', 'b'),
];

/// The members of a policy whose texts are compared with those of tokens and requests.
const MEMBERS: [&str; 6] = ["scopes", "groups", "agents", "requirements", "defaults", "routes"];

/// Keys of texts that are not compared, or are no identifiers.
const OTHERS: [&str; 4] = ["owner", "expression", "literal", "zone"];

/// Reports the identifiers of the policy in a document.
pub(super) fn report(source: &str, diagnostics: &mut Diagnostics) {
    if source.is_ascii() {
        return;
    }
    let members = actgate_yaml::read::<BTreeMap<String, Spanned<Tree>>>(source).value;
    for (name, member) in members.unwrap_or_default() {
        if MEMBERS.contains(&&*name) {
            visit(&member, diagnostics);
        }
    }
}

/// The nesting of a document is bounded by its reader.
fn visit(tree: &Spanned<Tree>, diagnostics: &mut Diagnostics) {
    match &tree.value {
        Tree::Mapping(members) => {
            for (key, (span, _)) in members {
                report_text(key, *span, diagnostics);
            }
            let compared = members.iter().filter(|(key, _)| !OTHERS.contains(&&***key));
            compared.for_each(|(_, (_, value))| visit(value, diagnostics));
        }
        Tree::List(items) => items.iter().for_each(|item| visit(item, diagnostics)),
        Tree::Text(text) => report_text(text, tree.span(), diagnostics),
        Tree::Other => {}
    }
}

fn report_text(text: &str, place: Span, diagnostics: &mut Diagnostics) {
    let number = |character| format!("U+{:04X}", u32::from(character));
    if let Some(unseen) = text.chars().find(|character| is_unseen(*character)) {
        let message = format!(
            "`{}` has {}, which is not seen or joins the letter before it",
            printable(text),
            number(unseen)
        );
        diagnostics.push_coded(
            "lookalike",
            place,
            message,
            "remove it, unless tokens have this character",
        );
    } else if let Some((letter, ascii)) = lookalike(text) {
        let number = number(letter);
        let message = format!("`{text}` has `{letter}` ({number}), which looks like `{ascii}` and is another letter");
        let help = format!("write `{ascii}`, unless tokens have this letter");
        diagnostics.push_coded("lookalike", place, message, help);
    }
}

/// Whether a character has no form of its own: one of format, a blank that is none of ASCII, or one that combines with the letter before it,
/// where a single letter may be meant.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{300}'..='\u{36f}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The letter of a text beside ASCII ones that looks like one of them.
fn lookalike(text: &str) -> Option<(char, char)> {
    if !text.contains(|character: char| character.is_ascii_alphabetic()) {
        return None;
    }
    text.chars().find_map(|character| {
        let listed = LOOKALIKES.iter().find(|(letter, _)| *letter == character);
        listed
            .copied()
            .or_else(|| full_width(character).map(|ascii| (character, ascii)))
    })
}

/// The ASCII letter of a full-width one.
fn full_width(character: char) -> Option<char> {
    let code = u32::from(character).checked_sub(0xFF01)?.checked_add(0x21)?;
    char::from_u32(code).filter(char::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn found(text: &str) -> Vec<String> {
        let policy = Policy::from_yaml_members(text).unwrap_or_else(|error| panic!("{error}"));
        policy.warnings().map(|warning| warning.to_string()).collect()
    }

    #[test]
    fn an_identifier_of_two_scripts_is_found() {
        for (item, shown) in [
            ("refund-\u{430}gent", "U+0430"),
            ("\u{ff41}gent", "U+FF41"),
            ("g\u{3bf}od", "U+03BF"),
            ("bill\u{200b}ing", "U+200B"),
            ("a\u{a0}b", "U+00A0"),
            ("u\u{202e}x", "U+202E"),
            ("cafe\u{301}", "U+0301"),
        ] {
            let found = found(&format!(
                "routes:\n  - match: GET /\n    actor: {{ none_of: [b, \"{item}\"] }}\n"
            ));
            assert!(
                found.len() == 1 && found[0].starts_with("3:27: ") && found[0].contains(shown),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_name_of_a_claim_is_an_identifier() {
        let found = found("routes:\n  - match: GET /\n    claims: { \"t\u{456}d\": acme }\n");
        assert!(found.len() == 1 && found[0].contains("U+0456"), "{found:?}");
    }

    #[test]
    fn identifiers_of_one_script_and_texts_that_are_not_compared_are_not_found() {
        for policy in [
            "routes:\n  - match: GET /café\n    actor: { none_of: [müller, оператор, 東京-a] }\n",
            "routes:\n  - match: GET /\n    claims: { a: { one_of: [{ literal: \"\u{430}b\" }] } }\n",
            "agents: [{ subject: a, owner: \"\u{430}b\" }]\nroutes:\n  - match: GET /\n    actor: { registered: true }\n",
            "other: \"\u{430}b\"\n# \u{430}b\nroutes:\n  - match: GET /\n",
        ] {
            assert_eq!(found(policy), [""; 0], "{policy}");
        }
    }
}
