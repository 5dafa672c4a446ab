//! Pausing a stage and letting it go on: what it means for its events, and doing it.
//!
//! A paused stage has a reserved concurrency of zero. Lambda then sends each new event straight to the function's dead
//! letter queue, untried, so nothing is lost for as long as the queue keeps it.

use aws_sdk_lambda::Client;
use serde::Serialize;
use serde_json::json;

use crate::aws::dead_letters::{self, Depth};
use crate::aws::functions::{self, StageFunction};
use crate::aws::{AwsError, Clients};
use crate::change::{Call, Change, Permit, Preview};
use crate::error::{Error, Result};
use crate::human;
use crate::journal::{Journal, Outcome};
use crate::stack::{Stack, StageName};

/// How long the queues keep a letter, in words. Terraform sets it.
const KEPT: &str = "four days";

/// How a stage is before it is paused or resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageSwitch {
    /// Its function and rule.
    pub function: StageFunction,
    /// The name of its dead letter queue.
    pub queue: String,
    /// What is in that queue.
    pub letters: Depth,
    /// The alarms that ring while letters are there.
    pub alarms: Vec<String>,
}

/// Reads how a stage is.
pub async fn read(clients: &Clients, stack: &Stack, name: StageName) -> Result<StageSwitch, AwsError> {
    let stage = stack.stages.get(name);
    let (function, letters) = futures::try_join!(
        functions::read_stage(clients, stack, name, stage),
        dead_letters::depth(&clients.sqs, stage)
    )?;
    let alarms = stack.alarms.iter().filter(|alarm| alarm.stage == Some(name) && alarm.kind == "dlq-depth");
    let alarms = alarms.map(|alarm| alarm.name.clone()).collect();
    Ok(StageSwitch { function, queue: stage.dlq_name.clone(), letters, alarms })
}

impl StageSwitch {
    /// What a pause does.
    pub fn pause_preview(&self, stack: &Stack) -> Preview {
        let StageSwitch { function, queue, alarms, .. } = self;
        let stage = function.stage;
        let calls = vec![Call::counted("lambda", "PutFunctionConcurrency", &function.function, 1)];
        let mut preview = Preview::new(Change::Pause, format!("pause {stage}, in {}", stack.environment), calls);
        preview.warnings.push(format!(
            "from then on each new event of {stage} goes straight to {queue}, untried, and is kept there for {KEPT}: \
             resume and redrive before they are over"
        ));
        preview.warnings.push(meanwhile(stage).to_owned());
        if !alarms.is_empty() {
            preview.warnings.push(format!("with the first event {} rings", alarms.join(", ")));
        }
        preview.warnings.push("an apply of lib/ resumes it".to_owned());
        preview
    }

    /// What a resume does.
    pub fn resume_preview(&self, stack: &Stack) -> Preview {
        let StageSwitch { function, queue, letters, .. } = self;
        let (stage, environment) = (function.stage, &stack.environment);
        let (action, summary) = match function.deployed_concurrency {
            Some(deployed) => {
                ("PutFunctionConcurrency", format!("resume {stage} with concurrency {deployed}, in {environment}"))
            }
            None => {
                ("DeleteFunctionConcurrency", format!("resume {stage} without a concurrency limit, in {environment}"))
            }
        };
        let calls = vec![Call::counted("lambda", action, &function.function, 1)];
        let mut preview = Preview::new(Change::Resume, summary, calls);
        if letters.total() > 0 {
            let letters = human::count(letters.total(), "letter");
            preview.warnings.push(format!("{letters} in {queue}: there until redriven"));
        }
        preview
    }
}

/// What the other stages and people notice.
const fn meanwhile(stage: StageName) -> &'static str {
    match stage {
        StageName::Ingestion => "meanwhile nothing is stored: processing and notification get no events either",
        StageName::Processing => "meanwhile events are stored but not enriched, and raise no alerts",
        StageName::Notification => "meanwhile no alert mail goes out",
    }
}

/// Pauses the stage and journals it.
pub async fn pause(
    client: &Client,
    stack: &Stack,
    switch: &StageSwitch,
    journal: &Journal,
    permit: &Permit,
) -> Result<()> {
    let call = functions::pause(client, stack, switch.function.stage, permit);
    journaled(journal, switch, call, "is paused").await
}

/// Resumes the stage and journals it. Refused when Terraform itself deployed a concurrency of zero.
pub async fn resume(
    client: &Client,
    stack: &Stack,
    switch: &StageSwitch,
    journal: &Journal,
    permit: &Permit,
) -> Result<()> {
    let call = async {
        can_resume(switch)?;
        functions::resume(client, stack, switch.function.stage, permit).await
    };
    journaled(journal, switch, call, "takes events again").await
}

/// Refuses (exit code 6) when there is no concurrency to go back to.
pub fn can_resume(switch: &StageSwitch) -> Result<()> {
    if switch.function.deployed_concurrency != Some(0) {
        return Ok(());
    }
    Err(Error::refused(
        format!("refused to resume {}: it was deployed with a concurrency of zero", switch.function.stage),
        "set reserved_concurrency in the environment's tfvars and apply lib/ again",
    ))
}

/// Writes down how the stage was, makes the call, and ends the journal. `now` completes "ingestion …".
async fn journaled(
    journal: &Journal,
    switch: &StageSwitch,
    call: impl Future<Output = Result<()>>,
    now: &str,
) -> Result<()> {
    let StageFunction { stage, reserved_concurrency, .. } = &switch.function;
    let written = journal.write(&json!({ "record": "before", "reserved_concurrency": reserved_concurrency }));
    let done = match written {
        Ok(()) => call.await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => journal.finish(Outcome::Done, format!("{stage} {now}")),
        Err(error) => {
            // The error itself matters more than a journal that could not be ended.
            let _ = journal.finish(Outcome::Failed, error.to_string());
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Report, Styles};
    use crate::stack::samples;

    fn switch(stage: StageName, reserved: Option<u32>, deployed: Option<u32>) -> StageSwitch {
        let stack = samples::stack();
        let found = stack.stages.get(stage);
        let alarms = stack.alarms.iter().filter(|alarm| alarm.stage == Some(stage) && alarm.kind == "dlq-depth");
        StageSwitch {
            function: StageFunction {
                stage,
                function: found.function_name.clone(),
                reserved_concurrency: reserved,
                deployed_concurrency: deployed,
                active: true,
                problem: None,
                rule_enabled: true,
            },
            queue: found.dlq_name.clone(),
            letters: Depth { waiting: 12, in_flight: 0 },
            alarms: alarms.map(|alarm| alarm.name.clone()).collect(),
        }
    }

    fn text(preview: &Preview) -> String {
        let mut text = Vec::new();
        preview.write_text(&mut text, &Styles::default()).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_pause_says_what_becomes_of_events() {
        let preview = switch(StageName::Processing, Some(10), Some(10)).pause_preview(&samples::stack());
        insta::assert_snapshot!(text(&preview), @"
        About to pause processing, in dev
          lambda:PutFunctionConcurrency  lambda-processing-dev  1 ×
          warning  from then on each new event of processing goes straight to
                   sqs-processing-dlq-dev, untried, and is kept there for four days:
                   resume and redrive before they are over
          warning  meanwhile events are stored but not enriched, and raise no alerts
          warning  with the first event alarm-processing-dlq-depth-dev rings
          warning  an apply of lib/ resumes it
          safe     new events go to the stage's dead letter queue, which keeps them for
                   four days
        ");
    }

    #[test]
    fn a_resume_says_what_it_goes_back_to() {
        let stack = samples::stack();
        let preview = switch(StageName::Ingestion, Some(0), Some(10)).resume_preview(&stack);
        insta::assert_snapshot!(text(&preview), @"
        About to resume ingestion with concurrency 10, in dev
          lambda:PutFunctionConcurrency  lambda-ingestion-dev  1 ×
          warning  12 letters in sqs-ingestion-dlq-dev: there until redriven
          safe     restores the concurrency that Terraform deployed
        ");
        let without = switch(StageName::Ingestion, Some(0), None).resume_preview(&stack);
        assert_eq!(without.calls[0].action, "DeleteFunctionConcurrency");
    }

    #[test]
    fn there_must_be_a_concurrency_to_go_back_to() {
        assert!(can_resume(&switch(StageName::Ingestion, Some(0), Some(0))).is_err());
        for deployed in [Some(10), None] {
            assert!(can_resume(&switch(StageName::Ingestion, Some(0), deployed)).is_ok());
        }
    }
}
