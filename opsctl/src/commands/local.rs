//! `opsctl local`: the pipeline on this machine.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::invocation::opsctl;
use crate::local::emulator::Settings;
use crate::local::layout::Layout;
use crate::local::lock::Lock;
use crate::local::record::Outcome;
use crate::local::steps::Steps;
use crate::local::{down, providers, status, tools, up};
use crate::output::{Report, Styles};

/// The commands of `opsctl local`.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Start the local stack, or bring it up to date
    Up(UpArgs),
    /// Stop the local stack
    Down(DownArgs),
    /// Show what runs and where; exits with 3 when it does not run
    Status,
    /// Get Terraform's providers where its registry cannot be reached, and print the CLI configuration to use
    #[command(long_about = PROVIDERS)]
    Providers,
}

const PROVIDERS: &str = "\
Get Terraform's providers where its registry cannot be reached, and print the CLI configuration to use.

Prints nothing when Terraform finds its providers by itself. Use it as
TF_CLI_CONFIG_FILE=\"$(opsctl local providers)\" terraform init";

/// Arguments of `opsctl local up`.
#[derive(Debug, Clone, Default, Args)]
pub struct UpArgs {
    /// Port of the emulator on 127.0.0.1; 0 takes a free one [default: the one used before, at first 4566]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Use the functions as they were built last
    #[arg(long)]
    pub no_build: bool,

    /// Run Terraform even if nothing changed, which also undoes changes made to the stack since
    #[arg(long)]
    pub apply: bool,

    /// Seconds before the second and third asynchronous attempt [default: 1,2; AWS: 60,120]
    #[arg(long, value_name = "S,S", value_parser = delays)]
    pub retry_delays: Option<String>,

    /// Seconds between two evaluations of the alarms [default: 5]
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub alarm_interval: Option<String>,
}

impl UpArgs {
    /// The same, as the local stack understands it.
    pub fn options(&self) -> up::Options {
        up::Options {
            emulator: Settings {
                port: self.port,
                retry_delays: self.retry_delays.clone(),
                alarm_interval: self.alarm_interval.clone(),
            },
            no_build: self.no_build,
            apply: self.apply,
        }
    }
}

/// Arguments of `opsctl local down`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct DownArgs {
    /// Run `terraform destroy` before
    #[arg(long)]
    pub destroy: bool,

    /// Remove what is kept of the stack, so that the next `up` begins from nothing; caches stay
    #[arg(long)]
    pub purge: bool,
}

fn seconds(text: &str) -> Result<String, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(text.to_owned()),
        _ => Err("wants seconds, such as 0.5".to_owned()),
    }
}

fn delays(text: &str) -> Result<String, String> {
    if text.split(',').all(|part| seconds(part).is_ok()) {
        Ok(text.to_owned())
    } else {
        Err("wants seconds with a comma between, such as 0.5,1".to_owned())
    }
}

/// `opsctl local …`.
pub async fn run(context: &Context, command: &LocalCommand) -> Result<ExitStatus> {
    let printer = &context.printer;
    match command {
        LocalCommand::Up(args) => {
            let layout = layout(context)?;
            let up = up::up(&layout, &args.options(), printer).await?;
            printer.report(&UpReport { up, local_dir: layout.dir().to_path_buf() })
        }
        LocalCommand::Down(args) => {
            let options = down::Options { destroy: args.destroy, purge: args.purge };
            printer.report(&DownReport(down::down(&layout(context)?, options, printer).await?))
        }
        LocalCommand::Status => printer.report(&StatusReport(status::status(&layout(context)?).await)),
        LocalCommand::Providers => printer.report(&providers(context).await?),
    }
}

/// Where this project's local stack is.
pub fn layout(context: &Context) -> Result<Layout> {
    Ok(Layout::new(context.project_dir()?, context.local_dir()?))
}

async fn providers(context: &Context) -> Result<ProvidersReport> {
    let layout = layout(context)?;
    let mut steps = Steps::new(&context.printer);
    let (tools, _) = tools::check(&layout, false).await?;
    let source = steps
        .step("providers", async |ticker| {
            let _cache =
                Lock::take(&layout.cache_lock(), up::PATIENCE, |_| ticker.at("waiting for another opsctl")).await?;
            providers::ensure(&layout, tools.terraform, ticker).await
        })
        .await?;
    Ok(ProvidersReport { cli_config: source.cli_config().map(ToOwned::to_owned) })
}

#[derive(Serialize)]
struct ProvidersReport {
    cli_config: Option<PathBuf>,
}

impl Report for ProvidersReport {
    fn write_text(&self, out: &mut dyn Write, _styles: &Styles) -> io::Result<()> {
        match &self.cli_config {
            Some(file) => writeln!(out, "{}", file.display()),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct UpReport {
    #[serde(flatten)]
    up: up::Up,
    local_dir: PathBuf,
}

impl Report for UpReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, heading, .. } = *styles;
        let up::Up { endpoint, pid, stack, .. } = &self.up;
        writeln!(out, "{good}The local stack is up{good:#}: {endpoint} (process {pid})")?;
        for (what, name) in [
            ("events", &stack.tables.events.name),
            ("audit", &stack.tables.audit.name),
            ("event bus", &stack.event_bus.name),
            ("alerts", &stack.alerts_topic_arn),
        ] {
            writeln!(out, "  {what:<10} {name}")?;
        }
        writeln!(out, "  {:<10} {}", "files", self.local_dir.display())?;
        writeln!(out, "{heading}Go on{heading:#}")?;
        let commands = [
            ("send-test-event --wait", "send an event through it"),
            ("dashboard", "how the pipeline does"),
            ("local down", "stop it; its data is kept"),
        ];
        let commands = commands.map(|(command, what)| (opsctl(command), what));
        let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
        commands.iter().try_for_each(|(command, what)| writeln!(out, "  {command:<width$}  {what}"))
    }
}

#[derive(Serialize)]
struct DownReport(down::Down);

impl Report for DownReport {
    fn write_text(&self, out: &mut dyn Write, _styles: &Styles) -> io::Result<()> {
        let what = if self.0.ran { "The local stack is down" } else { "The local stack did not run" };
        let kept = if self.0.purged {
            "nothing of it is kept".to_owned()
        } else {
            format!("its data is kept for the next `{}`", opsctl("local up"))
        };
        writeln!(out, "{what}; {kept}.")
    }
}

#[derive(Serialize)]
struct StatusReport(status::Status);

impl Report for StatusReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, bad, .. } = *styles;
        let status = &self.0;
        match (&status.endpoint, status.pid) {
            (Some(endpoint), Some(pid)) => {
                let (style, what) = if status.ready { (good, "runs") } else { (bad, "runs, but does not answer") };
                writeln!(out, "{style}The local stack {what}{style:#}: {endpoint} (process {pid})")?;
            }
            _ => writeln!(out, "{bad}The local stack does not run{bad:#}; start it with `{}`", opsctl("local up"))?,
        }
        if let Some(seconds) = status.uptime_seconds {
            writeln!(out, "  {:<10} {}", "uptime", uptime(seconds))?;
        }
        let applied = match status.applied {
            None => "never",
            Some(Outcome::Began) => "under way, or interrupted",
            Some(Outcome::Failed) => "failed",
            Some(Outcome::Done) => "done",
        };
        let at = status.applied_at.map_or_else(String::new, |at| format!(", {at:.0}"));
        writeln!(out, "  {:<10} {applied}{at}", "applied")?;
        for (what, path) in
            [("files", &status.local_dir), ("terraform", &status.terraform_dir), ("log", &status.emulator_log)]
        {
            writeln!(out, "  {what:<10} {}", path.display())?;
        }
        Ok(())
    }

    fn exit_status(&self) -> ExitStatus {
        if self.0.running && self.0.ready { ExitStatus::Fine } else { ExitStatus::Unhealthy }
    }
}

fn uptime(seconds: i64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 { format!("{hours} h {minutes} min") } else { format!("{minutes} min {} s", seconds % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_seconds_with_commas() {
        assert_eq!(delays("0.3,0.6"), Ok("0.3,0.6".to_owned()));
        for wrong in ["", "1;2", "-1,2", "1,,2", "NaN"] {
            assert!(delays(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_uptime_reads_well() {
        assert_eq!(uptime(59), "0 min 59 s");
        assert_eq!(uptime(3600 + 61), "1 h 1 min");
    }
}
