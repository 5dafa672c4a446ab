//! What a change will do, before it does it.

use std::io::{self, Write};

use serde::Serialize;

use super::Change;
use crate::human;
use crate::output::{Report, Styles};

/// Calls of one kind that a change will make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// The service, as IAM writes it: `lambda`, `sqs`.
    pub service: &'static str,
    /// The action: `Invoke`, `DeleteMessageBatch`.
    pub action: &'static str,
    /// Name or ARN of what it is done to.
    pub resource: String,
    /// How often; none when that is not known before.
    pub count: Option<u64>,
}

impl Call {
    /// Calls whose number is known.
    pub fn counted(service: &'static str, action: &'static str, resource: impl Into<String>, count: u64) -> Self {
        Self { service, action, resource: resource.into(), count: Some(count) }
    }

    /// Calls whose number is not known before.
    pub fn uncounted(service: &'static str, action: &'static str, resource: impl Into<String>) -> Self {
        Self { service, action, resource: resource.into(), count: None }
    }
}

/// What a change will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The change.
    pub change: Change,
    /// One line; completes "about to …": `send 12 dead letters of ingestion again`.
    pub summary: String,
    /// Every call that changes something.
    pub calls: Vec<Call>,
    /// What whoever confirms should know.
    pub warnings: Vec<String>,
    /// A word to type even outside of production, for what cannot be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
}

impl Preview {
    /// A preview without warnings that a plain yes confirms.
    pub fn new(change: Change, summary: impl Into<String>, calls: Vec<Call>) -> Self {
        Self { change, summary: summary.into(), calls, warnings: Vec::new(), typed: None }
    }
}

impl Report for Preview {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, warn, dim, .. } = *styles;
        writeln!(out, "{heading}About to {}{heading:#}", self.summary)?;
        let widest = |of: fn(&Call) -> usize| self.calls.iter().map(of).max().unwrap_or_default();
        let action = widest(|call| call.service.len() + 1 + call.action.len());
        let resource = widest(|call| call.resource.chars().count());
        for call in &self.calls {
            let name = format!("{}:{}", call.service, call.action);
            let count = call.count.map(|count| format!("{count} ×")).unwrap_or_default();
            let line = format!("  {name:action$}  {:resource$}  {count}", call.resource);
            writeln!(out, "{}", line.trim_end())?;
        }
        for warning in &self.warnings {
            let mut lines = human::wrap(warning, 69).into_iter();
            writeln!(out, "  {warn}warning{warn:#}  {}", lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(out, "           {line}")?;
            }
        }
        for (number, line) in human::wrap(self.change.reason(), 69).into_iter().enumerate() {
            let label = if number == 0 { "safe" } else { "" };
            writeln!(out, "  {dim}{label:7}  {line}{dim:#}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_names_every_call() {
        let mut preview = Preview::new(
            Change::Redrive,
            "send 12 dead letters of ingestion again, in dev",
            vec![
                Call::counted("lambda", "InvokeFunction", "lambda-ingestion-dev", 12),
                Call::uncounted("sqs", "DeleteMessage", "sqs-ingestion-dlq-dev"),
            ],
        );
        preview.warnings.push(
            "3 of them came back before: what stopped them then may stop them again, and they would lie here once more"
                .to_owned(),
        );
        let mut text = Vec::new();
        preview.write_text(&mut text, &Styles::default()).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r"
        About to send 12 dead letters of ingestion again, in dev
          lambda:InvokeFunction  lambda-ingestion-dev   12 ×
          sqs:DeleteMessage      sqs-ingestion-dlq-dev
          warning  3 of them came back before: what stopped them then may stop them
                   again, and they would lie here once more
          safe     a letter leaves its queue only once its event is accepted; the stages
                   drop doubles
        ");
    }
}
