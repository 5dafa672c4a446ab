//! `opsctl local up`, step by step. It may be killed at any moment: whatever is half done is found and finished, or made
//! anew, by the next one.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::emulator::{self, Emulator, Settings};
use super::files::Fingerprint;
use super::layout::{Layout, STAGES, make_dir, remove, write_atomically};
use super::lock::Lock;
use super::providers::{self, Source};
use super::record::{ApplyRecord, Outcome, why_apply};
use super::steps::{Done, Steps, Ticker};
use super::terraform::{self, ApplyError, Terraform};
use super::{functions, tools, venv};
use crate::error::Result;
use crate::output::Printer;
use crate::stack::Stack;
use crate::terraform::stack_from_file;

/// How long a lock is waited for: a cold build may go on in the process that holds it.
pub const PATIENCE: Duration = Duration::from_hours(1);

/// What may be chosen.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Of the emulator.
    pub emulator: Settings,
    /// Use the functions as they were built last.
    pub no_build: bool,
    /// Run Terraform even if nothing changed.
    pub apply: bool,
}

/// The local stack, up.
#[derive(Debug, Clone, Serialize)]
pub struct Up {
    /// The emulator's address.
    pub endpoint: String,
    /// Its process.
    pub pid: i32,
    /// The stack as Terraform describes it.
    pub stack: Stack,
    /// What was done.
    pub steps: Vec<Done>,
}

/// Brings the stack up, or up to date.
pub async fn up(layout: &Layout, options: &Options, printer: &Printer) -> Result<Up> {
    make_dir(layout.dir())?;
    let _lock = take_lock(layout, printer).await?;
    let mut steps = Steps::new(printer);
    let tools = steps.step("tools", async |_| tools::check(layout, !options.no_build).await).await?;
    if Terraform::recover(layout).await? {
        printer.warn("stopped a Terraform that an earlier opsctl left behind");
    }
    steps
        .step("python", async |ticker| {
            let _cache =
                Lock::take(&layout.cache_lock(), PATIENCE, |_| ticker.at("waiting for another opsctl")).await?;
            Ok(((), venv::ensure(layout, ticker).await?))
        })
        .await?;

    let mut fingerprint = terraform::copy_sources(layout)?;
    let mut terraform = Terraform { layout, tool: tools.terraform, providers: known_source(layout) };
    if !terraform.is_initialised() {
        terraform.providers = steps
            .step("providers", async |ticker| {
                let _cache =
                    Lock::take(&layout.cache_lock(), PATIENCE, |_| ticker.at("waiting for another opsctl")).await?;
                providers::ensure(layout, tools.terraform, ticker).await
            })
            .await?;
        steps
            .step("init", async |ticker| {
                terraform.init(ticker).await?;
                Ok(((), "providers installed".to_owned()))
            })
            .await?;
    }
    steps
        .step("functions", async |ticker| {
            let outcome =
                if options.no_build { functions::check(layout)? } else { functions::build(layout, ticker).await? };
            Ok(((), outcome))
        })
        .await?;
    for stage in STAGES {
        fingerprint.add_replaced_file(&layout.bootstrap(stage))?;
    }
    let mut emulator =
        steps.step("emulator", async |ticker| emulator::ensure(layout, &options.emulator, ticker).await).await?;
    let last = ApplyRecord::load(layout);
    let why = why_apply(last.as_ref(), &fingerprint.text(), &emulator).or_else(|| options.apply.then_some("--apply"));
    emulator = steps
        .step("terraform", async |ticker| match why {
            None => Ok((emulator, "unchanged since the last apply".to_owned())),
            Some(why) => {
                let (emulator, outcome) =
                    apply(&terraform, &fingerprint, emulator, options, last.as_ref(), ticker).await?;
                Ok((emulator, format!("{outcome}, because {why}")))
            }
        })
        .await?;
    let stack = describe(&terraform, &emulator, why.is_some()).await?;
    Ok(Up { endpoint: emulator.endpoint(), pid: emulator.process.pid, stack, steps: steps.into_done() })
}

/// Takes the stack's lock, saying so when another has it.
pub async fn take_lock(layout: &Layout, printer: &Printer) -> Result<Lock> {
    Lock::take(&layout.lock(), PATIENCE, |holder| {
        let holder = holder.map_or_else(String::new, |pid| format!(" (process {pid})"));
        printer.note(format!("waiting for another opsctl{holder} that works on {}", layout.dir().display()));
    })
    .await
}

/// Where `init` got the providers from the last time: our configuration is there only if it was needed.
fn known_source(layout: &Layout) -> Source {
    let file = layout.terraform_rc();
    if file.is_file() { Source::Mirrors(file) } else { Source::Users }
}

/// Applies; where Terraform's state and the emulator's turn out not to belong together, both are dropped and made anew.
/// Nothing but local data is lost by that, and only where a kill has lost part of it already.
async fn apply(
    terraform: &Terraform<'_>,
    fingerprint: &Fingerprint,
    emulator: Emulator,
    options: &Options,
    last: Option<&ApplyRecord>,
    ticker: &Ticker<'_>,
) -> Result<(Emulator, String)> {
    let layout = terraform.layout;
    // Terraform knows nothing of what the emulator may hold: the record was lost, so what it holds is too old to keep.
    let orphaned = last.is_none() && !layout.stack().join("terraform.tfstate").exists() && emulator.holds_state(layout);
    if let Some(last) = last.filter(|last| last.endpoint != emulator.endpoint()) {
        terraform::move_endpoint(layout, &last.endpoint, &emulator.endpoint())?;
    }
    if !orphaned {
        match apply_once(terraform, fingerprint, &emulator, ticker).await {
            Ok(outcome) => return Ok((emulator, outcome)),
            Err(ApplyError::Other(error)) => return Err(error),
            Err(ApplyError::StatesDisagree(_)) => {}
        }
    }
    ticker.say("Terraform and the emulator disagree about what is there: starting from nothing");
    emulator::stop(layout).await?;
    remove(&layout.emulator_state())?;
    Terraform::forget_state(layout)?;
    let (emulator, _) = emulator::ensure(layout, &keep(&options.emulator, &emulator), ticker).await?;
    match apply_once(terraform, fingerprint, &emulator, ticker).await {
        Ok(outcome) => Ok((emulator, format!("{outcome} from nothing"))),
        Err(ApplyError::Other(error) | ApplyError::StatesDisagree(error)) => Err(error),
    }
}

/// What is asked for, and for the rest what was.
fn keep(asked: &Settings, had: &Emulator) -> Settings {
    Settings {
        port: asked.port.or(Some(had.port)),
        retry_delays: asked.retry_delays.clone().or_else(|| had.settings.retry_delays.clone()),
        alarm_interval: asked.alarm_interval.clone().or_else(|| had.settings.alarm_interval.clone()),
    }
}

async fn apply_once(
    terraform: &Terraform<'_>,
    fingerprint: &Fingerprint,
    emulator: &Emulator,
    ticker: &Ticker<'_>,
) -> Result<String, ApplyError> {
    let fingerprint = fingerprint.text();
    let save =
        |outcome| ApplyRecord::save(terraform.layout, &fingerprint, emulator, outcome).map_err(ApplyError::Other);
    save(Outcome::Began)?;
    let result = terraform.apply(&emulator.endpoint(), false, ticker).await;
    save(if result.is_ok() { Outcome::Done } else { Outcome::Failed })?;
    Ok(result?.text())
}

/// Writes `outputs.json` and `stack.json`, from which other commands and programs know the stack.
async fn describe(terraform: &Terraform<'_>, emulator: &Emulator, applied: bool) -> Result<Stack> {
    let layout = terraform.layout;
    let outputs = layout.dir().join("outputs.json");
    if applied || !outputs.is_file() {
        write_atomically(&outputs, &terraform.outputs().await?)?;
    }
    let stack = stack_from_file(&outputs)?;
    let description = json!({
        "endpoint": emulator.endpoint(),
        "region": stack.region,
        "environment": stack.environment,
        "account_id": stack.account_id,
        "pid": emulator.process.pid,
        "port": emulator.port,
        "started": emulator.started,
        "outputs": outputs,
        "terraform_dir": layout.stack(),
        "emulator_log": layout.emulator_log(),
    });
    let text = serde_json::to_vec_pretty(&description).map_err(anyhow::Error::from)?;
    write_atomically(&layout.stack_json(), &text)?;
    Ok(stack)
}
