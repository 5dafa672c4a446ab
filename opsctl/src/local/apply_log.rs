//! The lines of `terraform apply -json`, turned into progress, and what they say when it fails.
//!
//! <https://developer.hashicorp.com/terraform/internals/machine-readable-ui>

use serde::Deserialize;

/// Gathers what the lines of one apply say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplyLog {
    planned: usize,
    done: usize,
    summary: Option<Changes>,
    errors: Vec<String>,
}

/// How many resources were changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Changes {
    /// Made.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Removed.
    pub remove: usize,
    #[serde(default)]
    import: usize,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    hook: Hook,
    changes: Option<Summary>,
    diagnostic: Option<Diagnostic>,
}

#[derive(Default, Deserialize)]
struct Hook {
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    action: String,
}

#[derive(Default, Deserialize)]
struct Resource {
    #[serde(default)]
    addr: String,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(flatten)]
    changes: Changes,
    #[serde(default)]
    operation: String,
}

#[derive(Deserialize)]
struct Diagnostic {
    severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    address: String,
}

/// What services say when something that the state does not know is there already: the last apply was killed before it
/// could write its state, or the emulator's state is another's.
const EXISTS: [&str; 6] = [
    "AlreadyExists",
    "ResourceInUse",
    "ResourceConflict",
    "QueueNameExists",
    "already exists",
    "ParameterAlreadyExists",
];

impl ApplyLog {
    /// Takes a line. Returns progress worth showing.
    pub fn line(&mut self, line: &str) -> Option<String> {
        let line: Line = serde_json::from_str(line).ok()?;
        let Hook { resource, action } = &line.hook;
        match line.kind.as_str() {
            "refresh_start" => Some(format!("reading {}", resource.addr)),
            "planned_change" => {
                self.planned += 1;
                None
            }
            "apply_start" => Some(format!("{}/{} {action} {}", self.done, self.planned, resource.addr)),
            "apply_complete" => {
                // Data sources read during apply, and the removal half of a replacement, were not planned on their own.
                self.done = self.planned.min(self.done + usize::from(action != "read"));
                Some(format!("{}/{} {} {}", self.done, self.planned, past(action), resource.addr))
            }
            "change_summary" => {
                let Summary { changes, operation } = line.changes?;
                if operation == "plan" {
                    self.planned = changes.add + changes.change + changes.remove;
                } else {
                    self.summary = Some(changes);
                }
                None
            }
            "diagnostic" => {
                let Diagnostic { severity, summary, detail, address } = line.diagnostic?;
                if severity == "error" {
                    let place = if address.is_empty() { String::new() } else { format!("{address}: ") };
                    let detail = detail.trim();
                    let detail = if detail.is_empty() { String::new() } else { format!(": {detail}") };
                    self.errors.push(format!("{place}{summary}{detail}"));
                }
                None
            }
            _ => None,
        }
    }

    /// What was changed; nothing before the end of an apply that worked.
    pub fn changes(&self) -> Option<Changes> {
        self.summary
    }

    /// The errors, each with its resource.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// Did it fail because Terraform's state and the emulator's do not belong together?
    pub fn states_disagree(&self) -> bool {
        self.errors.iter().any(|error| EXISTS.iter().any(|word| error.contains(word)))
    }
}

impl Changes {
    /// In words: "created 60", "nothing to change".
    pub fn text(&self) -> String {
        let parts: Vec<String> = [("created", self.add), ("changed", self.change), ("destroyed", self.remove)]
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        if parts.is_empty() { "nothing to change".to_owned() } else { parts.join(", ") }
    }
}

fn past(action: &str) -> &str {
    match action {
        "create" => "created",
        "update" => "changed",
        "delete" => "destroyed",
        "read" => "read",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(lines: &[&str]) -> (ApplyLog, Vec<String>) {
        let mut log = ApplyLog::default();
        let said = lines.iter().filter_map(|line| log.line(line)).collect();
        (log, said)
    }

    #[test]
    fn an_apply_is_counted() {
        let (log, said) = feed(&[
            r#"{"@level":"info","@message":"Terraform 1.11.4","type":"version","ui":"1.2"}"#,
            r#"{"type":"planned_change","change":{"resource":{"addr":"aws_sqs_queue.dlq"},"action":"create"}}"#,
            r#"{"type":"planned_change","change":{"resource":{"addr":"aws_sns_topic.alerts"},"action":"create"}}"#,
            r#"{"type":"change_summary","changes":{"add":2,"change":0,"import":0,"remove":0,"operation":"plan"}}"#,
            r#"{"type":"apply_start","hook":{"resource":{"addr":"aws_sqs_queue.dlq"},"action":"create"}}"#,
            r#"{"type":"apply_complete","hook":{"resource":{"addr":"aws_sqs_queue.dlq"},"action":"create","elapsed_seconds":25}}"#,
            r#"{"type":"change_summary","changes":{"add":2,"change":0,"import":0,"remove":0,"operation":"apply"}}"#,
            "not JSON at all",
        ]);
        assert_eq!(said, ["0/2 create aws_sqs_queue.dlq", "1/2 created aws_sqs_queue.dlq"]);
        assert_eq!(log.changes().unwrap().text(), "created 2");
        assert!(log.errors().is_empty() && !log.states_disagree());
    }

    #[test]
    fn errors_carry_their_resource_and_warnings_are_none() {
        let (log, _) = feed(&[
            r#"{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"old"}}"#,
            r#"{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Invalid value","detail":" for variable \n","address":"aws_x.y"}}"#,
        ]);
        assert_eq!(log.errors(), ["aws_x.y: Invalid value: for variable"]);
        assert!(!log.states_disagree());
        assert_eq!(log.changes(), None);
    }

    #[test]
    fn something_that_is_there_already_means_that_the_states_disagree() {
        for detail in [
            "creating IAM Role (role-x): EntityAlreadyExists: Role with name role-x already exists.",
            "creating AWS DynamoDB Table (t): ResourceInUseException: Table already exists",
            "operation error Lambda: CreateFunction, ResourceConflictException: Function already exist",
        ] {
            let line = serde_json::json!({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "x", "detail": detail}});
            assert!(feed(&[&line.to_string()]).0.states_disagree(), "{detail}");
        }
    }

    #[test]
    fn changes_read_well() {
        let changes = |add, change, remove| Changes { add, change, remove, import: 0 }.text();
        assert_eq!(changes(0, 0, 0), "nothing to change");
        assert_eq!(changes(1, 2, 3), "created 1, changed 2, destroyed 3");
    }
}
