//! `opsctl local down`.

use serde::Serialize;

use super::emulator::{self, Emulator};
use super::layout::{Layout, remove};
use super::providers::Source;
use super::record::{ApplyRecord, Outcome};
use super::steps::{Done, Steps};
use super::terraform::{ApplyError, Terraform};
use super::{tools, up};
use crate::error::{Error, Result};
use crate::invocation::opsctl;
use crate::output::Printer;

/// What goes beyond stopping.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// `terraform destroy` before it stops.
    pub destroy: bool,
    /// Remove what is kept of the stack. Caches stay.
    pub purge: bool,
}

/// The local stack, down.
#[derive(Debug, Clone, Serialize)]
pub struct Down {
    /// Did anything run?
    pub ran: bool,
    /// Was the kept state removed?
    pub purged: bool,
    /// What was done.
    pub steps: Vec<Done>,
}

/// Stops the stack. Safe when nothing runs.
pub async fn down(layout: &Layout, options: Options, printer: &Printer) -> Result<Down> {
    if !layout.dir().is_dir() {
        return Ok(Down { ran: false, purged: false, steps: Vec::new() });
    }
    let _lock = up::take_lock(layout, printer).await?;
    let mut steps = Steps::new(printer);
    Terraform::recover(layout).await?;
    if options.destroy {
        steps
            .step("terraform", async |ticker| {
                let Some(emulator) = Emulator::last(layout).filter(|last| last.process.is_alive()) else {
                    return Err(Error::failed(
                        "failed to destroy the stack: the emulator does not run",
                        format!(
                            "start it first with `{}`, or just remove what is kept with --purge",
                            opsctl("local up")
                        ),
                    ));
                };
                let (tools, _) = tools::check(layout, false).await?;
                let rc = layout.terraform_rc();
                let providers = if rc.is_file() { Source::Mirrors(rc) } else { Source::Users };
                let terraform = Terraform { layout, tool: tools.terraform, providers };
                let last = ApplyRecord::load(layout);
                let fingerprint = last.map_or_else(String::new, |last| last.fingerprint);
                ApplyRecord::save(layout, &fingerprint, &emulator, Outcome::Began)?;
                match terraform.apply(&emulator.endpoint(), true, ticker).await {
                    Ok(changes) => {
                        remove(&layout.apply_record())?;
                        Ok(((), changes.text()))
                    }
                    Err(ApplyError::Other(error) | ApplyError::StatesDisagree(error)) => Err(error),
                }
            })
            .await?;
    }
    let ran = steps
        .step("emulator", async |_| {
            let ran = emulator::stop(layout).await?;
            Ok((ran, if ran { "stopped".to_owned() } else { "did not run".to_owned() }))
        })
        .await?;
    remove(&layout.stack_json())?;
    if options.purge {
        steps
            .step("state", async |_| {
                for path in [
                    layout.emulator(),
                    layout.stack(),
                    layout.functions(),
                    layout.dir().join("logs"),
                    layout.dir().join("outputs.json"),
                    layout.apply_record(),
                ] {
                    remove(&path)?;
                }
                Ok(((), format!("removed from {}", layout.dir().display())))
            })
            .await?;
    }
    Ok(Down { ran, purged: options.purge, steps: steps.into_done() })
}
