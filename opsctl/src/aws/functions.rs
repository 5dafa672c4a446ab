//! The functions and the rules that feed them, as they are now.

use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{Concurrency, LastUpdateStatus, State};
use futures::future::try_join_all;
use serde::Serialize;

use super::{AwsError, Clients, Doing};
use crate::change::{Change, Permit};
use crate::error::Result;
use crate::stack::{Stack, Stage, StageName};

/// A stage's function and rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageFunction {
    /// The stage.
    pub stage: StageName,
    /// The function's name.
    pub function: String,
    /// Environments reserved for it, which is also the most it may use; none means the account's pool. Zero means
    /// paused: new events go straight to the dead letter queue.
    pub reserved_concurrency: Option<u32>,
    /// What Terraform deployed, when it reserved any.
    pub deployed_concurrency: Option<u32>,
    /// False while the function cannot be invoked.
    pub active: bool,
    /// Why not, or why its last update failed.
    pub problem: Option<String>,
    /// False when the rule that feeds it is switched off: events pass it by.
    pub rule_enabled: bool,
}

impl StageFunction {
    /// True when it takes no events because someone set its concurrency to zero.
    pub fn is_paused(&self) -> bool {
        self.reserved_concurrency == Some(0)
    }
}

/// Reads functions and rules of all stages at once: two calls a stage.
pub async fn read(clients: &Clients, stack: &Stack) -> Result<Vec<StageFunction>, AwsError> {
    try_join_all(stack.stages.iter().map(|(name, stage)| read_stage(clients, stack, name, stage))).await
}

/// Reads function and rule of one stage.
pub async fn read_stage(
    clients: &Clients,
    stack: &Stack,
    name: StageName,
    stage: &Stage,
) -> Result<StageFunction, AwsError> {
    let function = async {
        let answer = clients.lambda.get_function().function_name(&stage.function_name).send().await;
        answer.doing(|| format!("read function {}", stage.function_name))
    };
    let rule = async {
        let request = clients.eventbridge.describe_rule().name(&stage.rule_name).event_bus_name(&stack.event_bus.name);
        request.send().await.doing(|| format!("read rule {}", stage.rule_name))
    };
    let (function, rule) = futures::try_join!(function, rule)?;
    let reserved = function.concurrency().and_then(Concurrency::reserved_concurrent_executions);
    let configuration = function.configuration();
    let active = configuration.and_then(|configuration| configuration.state());
    let update = configuration.and_then(|configuration| configuration.last_update_status());
    // An idle function is inactive until its next event wakes it; the emulator says no state at all.
    let active = matches!(active, None | Some(State::Active | State::Inactive));
    let problem = configuration.and_then(|configuration| {
        if !active {
            return Some(configuration.state_reason().unwrap_or("it is being set up").to_owned());
        }
        let failed = update == Some(&LastUpdateStatus::Failed);
        failed.then(|| configuration.last_update_status_reason().unwrap_or("its last update failed").to_owned())
    });
    Ok(StageFunction {
        stage: name,
        function: stage.function_name.clone(),
        reserved_concurrency: reserved.and_then(|reserved| u32::try_from(reserved).ok()),
        deployed_concurrency: u32::try_from(stage.reserved_concurrency).ok(),
        active,
        problem,
        rule_enabled: !matches!(rule.state(), Some(RuleState::Disabled)),
    })
}

/// Keeps a stage from taking events: its concurrency becomes zero.
pub async fn pause(client: &Client, stack: &Stack, name: StageName, permit: &Permit) -> Result<()> {
    permit.check(Change::Pause, stack)?;
    set_concurrency(client, &stack.stages.get(name).function_name, Some(0)).await?;
    Ok(())
}

/// Lets a stage take events again, with the concurrency that Terraform deployed.
pub async fn resume(client: &Client, stack: &Stack, name: StageName, permit: &Permit) -> Result<()> {
    permit.check(Change::Resume, stack)?;
    let stage = stack.stages.get(name);
    set_concurrency(client, &stage.function_name, u32::try_from(stage.reserved_concurrency).ok()).await?;
    Ok(())
}

/// None takes the reservation away.
async fn set_concurrency(client: &Client, function: &str, reserved: Option<u32>) -> Result<(), AwsError> {
    let Some(reserved) = reserved else {
        let doing = || format!("take the concurrency limit off function {function}");
        return client.delete_function_concurrency().function_name(function).send().await.doing(doing).map(|_| ());
    };
    let doing = || format!("set the concurrency of function {function} to {reserved}");
    let reserved = i32::try_from(reserved).unwrap_or(i32::MAX);
    let request = client.put_function_concurrency().function_name(function).reserved_concurrent_executions(reserved);
    let answer = request.send().await.doing(doing)?;
    if answer.reserved_concurrent_executions() == Some(reserved) {
        Ok(())
    } else {
        Err(AwsError::unusable(doing(), format!("it is {:?}", answer.reserved_concurrent_executions())))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::operation::describe_rule::DescribeRuleOutput;
    use aws_sdk_lambda::operation::delete_function_concurrency::DeleteFunctionConcurrencyOutput;
    use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
    use aws_sdk_lambda::operation::put_function_concurrency::PutFunctionConcurrencyOutput;
    use aws_sdk_lambda::types::FunctionConfiguration;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;
    use crate::change::{Gate, Preview};
    use crate::stack::samples;

    #[tokio::test]
    async fn pauses_broken_functions_and_disabled_rules_are_seen() {
        let function = mock!(aws_sdk_lambda::Client::get_function).then_compute_output(|request| {
            let (state, reserved) = match request.function_name() {
                Some("lambda-ingestion-dev") => (State::Active, Some(0)),
                Some("lambda-processing-dev") => (State::Failed, Some(10)),
                _ => (State::Active, None),
            };
            let configuration = FunctionConfiguration::builder().state(state).state_reason("no such image").build();
            let concurrency =
                reserved.map(|reserved| Concurrency::builder().reserved_concurrent_executions(reserved).build());
            GetFunctionOutput::builder().configuration(configuration).set_concurrency(concurrency).build()
        });
        let rule = mock!(aws_sdk_eventbridge::Client::describe_rule)
            .match_requests(|request| request.event_bus_name() == Some("eventbridge-market-data-dev"))
            .then_compute_output(|request| {
                let disabled = request.name() == Some("rule-notification-dev");
                let state = if disabled { RuleState::Disabled } else { RuleState::Enabled };
                DescribeRuleOutput::builder().state(state).build()
            });
        let functions = super::read(&testing::clients(&[&function, &rule]), &samples::stack()).await.unwrap();
        let [ingestion, processing, notification] = functions.as_slice() else { panic!("{functions:?}") };
        assert!(ingestion.is_paused() && ingestion.active && ingestion.rule_enabled);
        assert_eq!((processing.active, processing.problem.as_deref()), (false, Some("no such image")));
        assert_eq!((notification.reserved_concurrency, notification.rule_enabled), (None, false));
    }

    #[tokio::test]
    async fn a_pause_sets_zero_and_a_resume_what_was_deployed() {
        let put = mock!(aws_sdk_lambda::Client::put_function_concurrency)
            .match_requests(|request| request.function_name() == Some("lambda-processing-dev"))
            .then_compute_output(|request| {
                PutFunctionConcurrencyOutput::builder()
                    .set_reserved_concurrent_executions(request.reserved_concurrent_executions())
                    .build()
            });
        let delete = mock!(aws_sdk_lambda::Client::delete_function_concurrency)
            .match_requests(|request| request.function_name() == Some("lambda-processing-dev"))
            .then_output(|| DeleteFunctionConcurrencyOutput::builder().build());
        let client = testing::clients(&[&put, &delete]).lambda;
        let mut stack = samples::stack();
        let permit = |change: Change, stack: &Stack| {
            Gate::new(stack, true).permit(&Preview::new(change, change.action(), Vec::new()), "").unwrap()
        };
        let (pausing, resuming) = (permit(Change::Pause, &stack), permit(Change::Resume, &stack));
        pause(&client, &stack, StageName::Processing, &pausing).await.unwrap();
        resume(&client, &stack, StageName::Processing, &resuming).await.unwrap();
        assert_eq!((put.num_calls(), delete.num_calls()), (2, 0));
        // None was reserved.
        stack.stages.processing.reserved_concurrency = -1;
        resume(&client, &stack, StageName::Processing, &resuming).await.unwrap();
        assert_eq!((put.num_calls(), delete.num_calls()), (2, 1));
        assert!(pause(&client, &stack, StageName::Processing, &resuming).await.is_err(), "the permit is another's");
        assert_eq!(put.num_calls(), 2);
    }
}
