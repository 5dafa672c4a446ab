//! The command tree. Each command's own arguments stand in its file below [`crate::commands`].

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    alarms, completions, dashboard, demo, dlq, events, journal, local, man, pause, redrive, replay, rules,
    send_test_event, status, trace,
};

/// What `--help` ends with: the exit codes are part of the interface.
const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  failed
  2  wrong usage
  3  unhealthy (status)
  4  AWS cannot be reached, or does not allow it
  5  partly done
  6  refused, or not confirmed";

/// Operates the market-data pipeline: its health, its events, its dead letters, and a local copy of all of it.
#[derive(Debug, Parser)]
#[command(name = "opsctl", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Options that every command understands.
    #[command(flatten)]
    pub global: GlobalArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command understands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct GlobalArgs {
    /// Terraform directory whose outputs describe the stack [default: lib below the project]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "OPSCTL_STACK_DIR",
        hide_env_values = true,
        conflicts_with = "outputs"
    )]
    pub stack_dir: Option<PathBuf>,

    /// Read the outputs (`terraform output -json`) from a file, or from standard input with `-`
    #[arg(long, global = true, value_name = "FILE", env = "OPSCTL_OUTPUTS", hide_env_values = true)]
    pub outputs: Option<PathBuf>,

    /// Refuse to work unless the stack is of this environment
    #[arg(long, global = true, value_name = "NAME", env = "OPSCTL_ENV", hide_env_values = true)]
    pub env: Option<String>,

    /// Profile of the AWS configuration to use
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,

    /// AWS region [default: the stack's]
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,

    /// Talk to this address instead of AWS
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,

    /// Use the local stack that `opsctl local up` started
    #[arg(long, global = true, conflicts_with_all = ["stack_dir", "outputs", "profile", "endpoint_url"])]
    pub local: bool,

    /// Where the local stack lives [default: .local below the project]
    #[arg(long, global = true, value_name = "DIR", env = "OPSCTL_LOCAL_DIR", hide_env_values = true)]
    pub local_dir: Option<PathBuf>,

    /// The project's root [default: found by walking up from here]
    #[arg(long, global = true, value_name = "DIR", env = "OPSCTL_PROJECT_DIR", hide_env_values = true)]
    pub project_dir: Option<PathBuf>,

    /// Where runs are journaled [default: of the local stack its directory, else ~/.local/state/opsctl/journal]
    #[arg(long, global = true, value_name = "DIR", env = "OPSCTL_JOURNAL_DIR", hide_env_values = true)]
    pub journal_dir: Option<PathBuf>,

    /// How results are written to standard output
    #[arg(long, short, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,

    /// Refuse every command that changes anything
    #[arg(long, global = true, env = "OPSCTL_READ_ONLY", hide_env_values = true, action = ArgAction::SetTrue)]
    pub read_only: bool,

    /// Do not ask: the answer to every confirmation is yes
    #[arg(long, short = 'y', global = true)]
    pub yes: bool,

    /// Plain text without colours (so does the variable `NO_COLOR`)
    #[arg(long, global = true)]
    pub no_color: bool,

    /// Say more about what is done, on standard error
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How results are written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// One compact JSON document a line
    Jsonl,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start, stop or inspect the local stack: an emulator, the real Terraform, the real functions
    #[command(subcommand)]
    Local(local::LocalCommand),

    /// Send events to the pipeline, and follow them through it
    #[command(long_about = send_test_event::LONG_ABOUT)]
    SendTestEvent(Box<send_test_event::SendTestEventArgs>),

    /// Watch the pipeline on a screen of its own: press ? there for its keys
    #[command(long_about = dashboard::LONG_ABOUT)]
    Dashboard(dashboard::DashboardArgs),

    /// Show the pipeline's health: verdict, stages, alarms, dead letters, latencies, latest events
    Status(status::StatusArgs),

    /// Show the alarms, how they were, and what one of them did
    Alarms(alarms::AlarmsArgs),

    /// Find stored events, show one in full, or follow them as they come
    #[command(subcommand)]
    Events(events::EventsCommand),

    /// Find X-Ray traces, or show one as a waterfall
    #[command(subcommand)]
    Trace(trace::TraceCommand),

    /// Look into the dead letter queues: list, peek, export, purge
    #[command(subcommand)]
    Dlq(dlq::DlqCommand),

    /// Send dead letters again without losing one
    #[command(subcommand)]
    Redrive(redrive::RedriveCommand),

    /// Send events of the archive through the stages once more
    #[command(subcommand)]
    Replay(replay::ReplayCommand),

    /// Keep a stage from taking events; its dead letter queue keeps them
    #[command(long_about = pause::PAUSE_LONG_ABOUT)]
    Pause(pause::PauseArgs),

    /// Let a paused stage take events again
    #[command(long_about = pause::RESUME_LONG_ABOUT)]
    Resume(pause::ResumeArgs),

    /// The alert rules: show, check, try out, replace
    #[command(subcommand)]
    Rules(rules::RulesCommand),

    /// Show what was changed with opsctl, when, and with what outcome
    #[command(subcommand)]
    Journal(journal::JournalCommand),

    /// Show a scripted market session on the local stack
    Demo(demo::DemoArgs),

    /// Print a shell's completion script
    Completions(completions::CompletionsArgs),

    /// Print the manual page, or write one page a command
    Man(man::ManArgs),
}
