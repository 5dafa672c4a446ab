//! What a new edition of the document changes, rule by rule.

use std::io::{self, Write};

use market::rules::{Rule, RulesDocument};
use serde::Serialize;
use serde_json::Value;

use crate::output::Styles;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RuleChange {
    /// A rule that was not there.
    Added {
        /// Its name.
        rule: String,
    },
    /// A rule that is there no longer.
    Removed {
        /// Its name.
        rule: String,
    },
    /// A rule that is another one now.
    Changed {
        /// Its name.
        rule: String,
        /// Its fields that differ.
        fields: Vec<FieldChange>,
    },
}

/// A field of a rule that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its path in the rule: `condition.threshold`.
    pub field: String,
    /// Before; none when it was not there.
    pub before: Option<Value>,
    /// After; none when it is not there.
    pub after: Option<Value>,
}

/// The differences, in the new document's order; what was removed comes last.
pub fn between(before: &RulesDocument, after: &RulesDocument) -> Vec<RuleChange> {
    let mut changes = Vec::new();
    for rule in &after.rules {
        let name = rule.id.to_string();
        match before.rule(rule.id.as_str()) {
            None => changes.push(RuleChange::Added { rule: name }),
            Some(old) if old != rule => changes.push(RuleChange::Changed { rule: name, fields: fields(old, rule) }),
            Some(_) => {}
        }
    }
    let removed = before.rules.iter().filter(|rule| after.rule(rule.id.as_str()).is_none());
    changes.extend(removed.map(|rule| RuleChange::Removed { rule: rule.id.to_string() }));
    changes
}

/// `1 added, 2 changed`; nothing but the order may differ.
pub fn summary(changes: &[RuleChange]) -> String {
    let count = |wanted: fn(&RuleChange) -> bool| changes.iter().filter(|change| wanted(change)).count();
    let counts = [
        (count(|change| matches!(change, RuleChange::Added { .. })), "added"),
        (count(|change| matches!(change, RuleChange::Removed { .. })), "removed"),
        (count(|change| matches!(change, RuleChange::Changed { .. })), "changed"),
    ];
    let parts: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "only their order differs".to_owned() } else { parts.join(", ") }
}

fn fields(before: &Rule, after: &Rule) -> Vec<FieldChange> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    flatten(&serde_json::to_value(before).unwrap_or_default(), "", &mut old);
    flatten(&serde_json::to_value(after).unwrap_or_default(), "", &mut new);
    let of =
        |list: &[(String, Value)], name: &str| list.iter().find(|(field, _)| field == name).map(|(_, v)| v.clone());
    let mut names: Vec<&String> = new.iter().map(|(name, _)| name).collect();
    names.extend(old.iter().map(|(name, _)| name).filter(|name| !new.iter().any(|(other, _)| other == *name)));
    let change = |name: &String| FieldChange { field: name.clone(), before: of(&old, name), after: of(&new, name) };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// Objects by their fields' paths; lists stay whole.
fn flatten(value: &Value, path: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(inner, &path, out);
            }
        }
        other => out.push((path.to_owned(), other.clone())),
    }
}

/// Writes one line a rule and one a field.
pub fn write(out: &mut dyn Write, changes: &[RuleChange], styles: &Styles) -> io::Result<()> {
    let Styles { good, warn, bad, dim, .. } = *styles;
    let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
    for change in changes {
        match change {
            RuleChange::Added { rule } => writeln!(out, "  {good}+ {rule}{good:#}")?,
            RuleChange::Removed { rule } => writeln!(out, "  {bad}- {rule}{bad:#}")?,
            RuleChange::Changed { rule, fields } => {
                writeln!(out, "  {warn}~ {rule}{warn:#}")?;
                for FieldChange { field, before, after } in fields {
                    writeln!(out, "      {dim}{field}{dim:#}  {} → {}", shown(before), shown(after))?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rules: &str) -> RulesDocument {
        RulesDocument::parse(&format!(r#"{{"version":1,"rules":[{rules}]}}"#)).unwrap()
    }

    fn rule(id: &str, threshold: &str) -> String {
        format!(
            r#"{{"id":"{id}","severity":"info","symbols":["*"],"condition":{{"kind":"price_above","threshold":{threshold}}}}}"#
        )
    }

    #[test]
    fn differences_are_named_by_rule_and_field() {
        let before = document(&[rule("a", "1"), rule("b", "2"), rule("c", "3")].join(","));
        let tag = r#"{"id":"b","severity":"info","symbols":["*"],"condition":{"kind":"tag","tag":"locked"}}"#;
        let after = document(&[rule("d", "1"), rule("a", "\"1.50\""), tag.to_owned()].join(","));
        let changes = between(&before, &after);
        assert_eq!(summary(&changes), "1 added, 1 removed, 2 changed");
        let mut text = Vec::new();
        write(&mut text, &changes, &Styles::default()).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
          + d
          ~ a
              condition.threshold  "1" → "1.5"
          ~ b
              condition.kind  "price_above" → "tag"
              condition.tag  nothing → "locked"
              condition.threshold  "2" → nothing
              condition.trigger  "crossing" → nothing
          - c
        "#);
    }

    #[test]
    fn the_same_rules_otherwise_written_are_no_difference() {
        assert_eq!(between(&document(&rule("a", "1")), &document(&rule("a", "\"1.0\""))), []);
        let (a, b) = (rule("a", "1"), rule("b", "1"));
        let moved = between(&document(&format!("{a},{b}")), &document(&format!("{b},{a}")));
        assert_eq!(summary(&moved), "only their order differs");
    }
}
