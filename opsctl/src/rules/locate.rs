//! Where in a text a path of the document is.

use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

/// The byte at which the value of `path` (`rules[2].condition.threshold`) is named, or what comes nearest: the innermost
/// part that is there. None when the text cannot be read at all.
pub(super) fn locate(text: &str, path: &str) -> Option<usize> {
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let mut value = parsed.value?;
    let mut at = value.start();
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        let next = match (value, step.strip_suffix(']').and_then(|index| index.parse::<usize>().ok())) {
            (Value::Array(array), Some(index)) => {
                array.elements.into_iter().nth(index).map(|item| (item.start(), item))
            }
            (Value::Object(object), None) => {
                // Of a key that stands twice, the last one counts.
                let mut named = object.properties.into_iter().filter(|property| property.name.as_str() == step);
                named.next_back().map(|property| (property.start(), property.value))
            }
            _ => None,
        };
        let Some((start, inner)) = next else { break };
        (at, value) = (start, inner);
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_key_or_to_the_innermost_part_that_is_there() {
        let text =
            r#"{"version": 1, "rules": [{"id": "a"}, {"id": "b", "condition": {"kind": "move", "kind": "tag"}}]}"#;
        let at = |path: &str| &text[locate(text, path).unwrap()..];
        assert!(at("version").starts_with(r#""version""#));
        assert!(at("rules[1]").starts_with(r#"{"id": "b""#));
        assert!(at("rules[1].condition.kind").starts_with(r#""kind": "tag""#));
        assert!(at("rules[1].condition.tag").starts_with(r#""condition""#));
        assert!(at("rules[0].condition.tag").starts_with(r#"{"id": "a"}"#));
        assert!(at("rules[7]").starts_with(r#""rules""#));
        assert!(at("").starts_with(r#"{"version""#));
        assert_eq!(locate("{", "rules"), None);
    }
}
