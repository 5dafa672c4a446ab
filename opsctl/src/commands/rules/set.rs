//! `opsctl rules set`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use market::rules::RulesDocument;
use serde::Serialize;
use serde_json::json;

use super::deployed;
use crate::aws::parameters::{self, Parameter};
use crate::change::{Call, Change, Permit, Preview};
use crate::context::{Context, Target};
use crate::error::{Error, Result};
use crate::invocation::opsctl;
use crate::journal::{Header, Journal, Outcome};
use crate::output::{Report, Styles};
use crate::rules::changes::{self, RuleChange};
use crate::rules::document;

/// What `--help` begins with.
pub(crate) const LONG_ABOUT: &str = "\
Replace the rules that are in use. The document is checked with the functions' own validator, shown as differences by \
rule, confirmed, journaled, and written to SSM, which keeps the last hundred versions. The functions use it within 60 \
seconds; they need no deployment, and a later deployment does not reset it.

`rules set --from-version N` goes back to an earlier version, checked and confirmed in the same way. Setting what is in \
use already changes nothing.";

/// Arguments of `opsctl rules set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The new document; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "from_version", conflicts_with = "from_version")]
    pub file: Option<PathBuf>,

    /// Take an earlier version of the parameter instead of a file
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub from_version: Option<i64>,
}

/// What is about to change.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Plan {
    #[serde(flatten)]
    preview: Preview,
    changes: Vec<RuleChange>,
}

impl Report for Plan {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        self.preview.write_text(out, styles)?;
        changes::write(out, &self.changes, styles)
    }
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetReport {
    /// The parameter.
    pub parameter: String,
    /// The version that was in use before.
    pub version_before: i64,
    /// The version that is now.
    pub version: i64,
    /// What differs.
    pub changes: Vec<RuleChange>,
    /// The run in the journal, when something was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Report for SetReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, dim, .. } = *styles;
        let Self { parameter, version, version_before, run, .. } = self;
        let Some(run) = run else {
            return writeln!(out, "{good}nothing to change{good:#}: {parameter} version {version} says the same");
        };
        writeln!(out, "{good}{parameter} is version {version} now{good:#}: the functions use it within 60 s")?;
        changes::write(out, &self.changes, styles)?;
        writeln!(out, "{dim}→ to go back: opsctl rules set --from-version {version_before}{dim:#}")?;
        writeln!(out, "{dim}journal: {}{dim:#}", opsctl(format!("journal show {run}")))
    }
}

/// Checks, asks, writes.
pub async fn run(context: &Context, args: &SetArgs) -> Result<SetReport> {
    // A file that cannot be used is refused before AWS is asked for anything.
    let from_file = match &args.file {
        Some(file) => {
            let (text, origin) = document::read_file(file)?;
            Some((usable(context, &origin, &text)?, origin))
        }
        None => None,
    };
    let target = context.target().await?;
    let gate = context.gate(&target.stack);
    gate.allows(Change::SetRules)?;
    let current = deployed::read(&target, None).await?;
    let (document, origin) = match (from_file, args.from_version) {
        (Some(read), _) => read,
        (None, version) => {
            let earlier = deployed::read(&target, version).await?;
            let origin = format!("{} version {}", earlier.name, earlier.version);
            (usable(context, &origin, &earlier.value)?, origin)
        }
    };
    let before = document::check(&current.value).ok();
    if before.as_ref() == Some(&document) {
        let version = current.version;
        return Ok(SetReport { parameter: current.name, version_before: version, version, changes: vec![], run: None });
    }
    let plan = plan(&target, &current, before.as_ref(), &document);
    let permit = context.confirm_with(&gate, &plan.preview, &plan)?;
    let arguments = json!({ "from": origin, "version_before": current.version });
    let header = Header::new("rules set", Change::SetRules, &target.stack, arguments);
    let journal = Journal::create(&context.journal_dir()?, &header)?;
    match write(&target, &current, &document, &journal, &permit).await {
        Ok(version) => {
            journal.finish(Outcome::Done, format!("{} is version {version}", current.name))?;
            Ok(SetReport {
                parameter: current.name,
                version_before: current.version,
                version,
                changes: plan.changes,
                run: Some(journal.run().to_string()),
            })
        }
        Err(error) => {
            // The error itself matters more than a journal that could not be ended.
            let _ = journal.finish(Outcome::Failed, error.to_string());
            Err(error)
        }
    }
}

/// The document, or an error after its faults were shown.
fn usable(context: &Context, origin: &str, text: &str) -> Result<RulesDocument> {
    document::check(text).map_err(|faults| {
        for document::LocatedFault { line, column, fault } in &faults {
            context.printer.warn(format!("{origin}:{line}:{column}: {fault}"));
        }
        Error::failed(
            format!("{origin} cannot be used: it has {} fault(s); the rules in use stay as they are", faults.len()),
            "mend them; `opsctl rules check` lists them all",
        )
    })
}

fn plan(target: &Target, current: &Parameter, before: Option<&RulesDocument>, document: &RulesDocument) -> Plan {
    let empty = RulesDocument::default();
    let changes = changes::between(before.unwrap_or(&empty), document);
    let environment = &target.stack.environment;
    let summary = format!("replace the alert rules of {environment}: {}", changes::summary(&changes));
    let calls = vec![Call::counted("ssm", "PutParameter", &current.name, 1)];
    let mut preview = Preview::new(Change::SetRules, summary, calls);
    if before.is_none() {
        preview.warnings.push("the rules in use cannot be read, so every rule counts as added".to_owned());
    }
    if !document.rules.iter().any(|rule| rule.enabled) {
        preview.warnings.push("no rule of the new document is enabled: nobody will be told of anything".to_owned());
    }
    preview.warnings.push(
        "a later apply of lib/ leaves these rules alone; its own file comes back only with \
         -replace=aws_ssm_parameter.alert_rules"
            .to_owned(),
    );
    Plan { preview, changes }
}

async fn write(
    target: &Target,
    current: &Parameter,
    document: &RulesDocument,
    journal: &Journal,
    permit: &Permit,
) -> Result<i64> {
    let value = document::stored(document);
    journal.write(&json!({ "record": "before", "version": current.version, "value": current.value }))?;
    journal.write(&json!({ "record": "after", "value": value }))?;
    journal.sync()?;
    // Somebody may have set others while this was read and confirmed.
    let now = deployed::read(target, None).await?;
    if now.version != current.version {
        return Err(Error::refused(
            format!(
                "refused to replace version {} of {}: what was previewed was version {}",
                now.version, current.name, current.version
            ),
            "somebody else has just set rules: look at them (`opsctl rules show`) and run it again",
        ));
    }
    parameters::put_rules(&target.clients.ssm, &target.stack, &current.name, &value, permit).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use aws_sdk_ssm::Client;
    use aws_sdk_ssm::operation::get_parameter::GetParameterOutput;
    use aws_sdk_ssm::operation::put_parameter::PutParameterOutput;
    use aws_sdk_ssm::types::Parameter as SdkParameter;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing::clients;
    use crate::aws::{Clients, Connection};
    use crate::change::Gate;
    use crate::error::ExitStatus;
    use crate::journal;
    use crate::stack::samples;

    const NAME: &str = "/market-data/dev/alert-rules";
    const OLD: &str = r#"{"version":1,"rules":[]}"#;
    const NEW: &str = r#"{"version":1,"rules":[{"id":"a","severity":"info","symbols":["*"],"condition":{"kind":"tag","tag":"locked"}}]}"#;

    /// A parameter at this version.
    fn get(version: Arc<AtomicI64>) -> Rule {
        mock!(Client::get_parameter).match_requests(|request| request.name() == Some(NAME)).then_output(move || {
            let found = SdkParameter::builder().name(NAME).version(version.load(Ordering::Relaxed)).value(OLD);
            GetParameterOutput::builder().parameter(found.build()).build()
        })
    }

    fn target(clients: Clients) -> Target {
        Target { stack: samples::stack(), clients, connection: Connection::default() }
    }

    /// Sets [`NEW`] on version 3, which is version `found` when it comes to writing.
    async fn set(put: &Rule, found: i64) -> (Result<i64>, Vec<serde_json::Value>) {
        let version = Arc::new(AtomicI64::new(3));
        let target = target(clients(&[&get(version.clone()), put]));
        let current = deployed::read(&target, None).await.unwrap();
        let document = document::check(NEW).unwrap();
        let plan = plan(&target, &current, document::check(OLD).ok().as_ref(), &document);
        let permit = Gate::new(&target.stack, false).permit(&plan.preview, "y").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let header = Header::new("rules set", Change::SetRules, &target.stack, json!({}));
        let journal = Journal::create(dir.path(), &header).unwrap();
        version.store(found, Ordering::Relaxed);
        let outcome = write(&target, &current, &document, &journal, &permit).await;
        let text = std::fs::read_to_string(journal.path()).unwrap();
        drop(journal);
        assert_eq!(journal::list(dir.path()).unwrap().len(), 1);
        (outcome, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[tokio::test]
    async fn the_normalised_document_is_written_and_the_old_one_journaled_before() {
        let put = mock!(Client::put_parameter)
            .match_requests(|request| {
                let value = document::check(request.value().unwrap_or_default());
                request.name() == Some(NAME) && request.overwrite() == Some(true) && value == document::check(NEW)
            })
            .then_output(|| PutParameterOutput::builder().version(4).build());
        let (outcome, records) = set(&put, 3).await;
        assert_eq!(outcome.unwrap(), 4);
        let before = records.iter().find(|record| record["record"] == "before").unwrap();
        assert_eq!((before["version"].as_i64(), before["value"].as_str()), (Some(3), Some(OLD)));
    }

    #[tokio::test]
    async fn what_somebody_else_has_set_meanwhile_is_not_overwritten() {
        let put = mock!(Client::put_parameter).then_output(|| PutParameterOutput::builder().version(5).build());
        let (outcome, _) = set(&put, 4).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.exit_status(), ExitStatus::Refused);
        assert!(error.to_string().contains("version 4"), "{error}");
        assert_eq!(put.num_calls(), 0);
    }

    #[test]
    fn the_preview_warns_of_rules_that_tell_nobody() {
        let current = Parameter { name: NAME.to_owned(), version: 3, modified_at: None, value: NEW.to_owned() };
        let (before, none) = (document::check(NEW).unwrap(), RulesDocument::default());
        let plan = plan(&target(clients(&[])), &current, Some(&before), &none);
        let mut text = Vec::new();
        plan.write_text(&mut text, &Styles::default()).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }
}
