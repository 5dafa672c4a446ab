//! The shared local stack: found, or brought up, once per test process.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

static ROLES: RwLock<()> = RwLock::const_new(());

/// What `terraform output` says of one stage.
#[derive(Debug, Clone, Deserialize)]
pub struct Stage {
    /// The Lambda function's name.
    pub function_name: String,
    /// The name of its execution role.
    pub role_name: String,
    /// The URL of its dead letter queue.
    pub dlq_url: String,
    /// The ARN of the rule that feeds it.
    pub rule_arn: String,
    /// Its log group.
    pub log_group: String,
}

/// The three stages.
#[derive(Debug, Clone, Deserialize)]
pub struct Stages {
    /// Validates and stores.
    pub ingestion: Stage,
    /// Enriches and applies business rules.
    pub processing: Stage,
    /// Evaluates alert rules and publishes.
    pub notification: Stage,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    arn: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Tables {
    events: Named,
    audit: Named,
}

#[derive(Debug, Clone, Deserialize)]
struct Outputs {
    event_bus: Named,
    archive: Named,
    tables: Tables,
    alerts_topic_arn: String,
    stages: Stages,
}

/// The stack and a client for each service.
#[derive(Debug)]
pub struct Stack {
    /// The name of the event bus.
    pub bus: String,
    /// The ARN of the event bus.
    pub bus_arn: String,
    /// The name of the archive.
    pub archive: String,
    /// The ARN of the archive.
    pub archive_arn: String,
    /// The name of the events table.
    pub events_table: String,
    /// The name of the audit table.
    pub audit_table: String,
    /// The ARN of the alerts topic.
    pub topic_arn: String,
    /// The three stages.
    pub stages: Stages,
    /// The emulator's address.
    pub endpoint: String,
    /// `opsctl`'s folder for this stack.
    pub local_dir: PathBuf,
    /// Clients, root credentials.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// `DynamoDB`.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// `EventBridge`.
    pub eventbridge: aws_sdk_eventbridge::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// SNS.
    pub sns: aws_sdk_sns::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// X-Ray.
    pub xray: aws_sdk_xray::Client,
}

impl Stack {
    /// The stack, brought up on first use.
    ///
    /// The clients hold connections of the runtime that made them, and each `#[tokio::test]` has its own runtime: so
    /// the stack is located once and clients are made per test.
    ///
    /// # Panics
    /// When the stack does not come up: no test can run without it.
    pub async fn shared() -> (Self, RwLockReadGuard<'static, ()>) {
        let guard = ROLES.read().await;
        (Self::connect().await, guard)
    }

    /// The stack for a test that changes roles: nobody else runs meanwhile.
    ///
    /// # Panics
    /// As [`Stack::shared`].
    pub async fn exclusive() -> (Self, RwLockWriteGuard<'static, ()>) {
        let guard = ROLES.write().await;
        (Self::connect().await, guard)
    }

    async fn connect() -> Self {
        static LOCATED: OnceCell<(Outputs, String, String, PathBuf)> = OnceCell::const_new();
        let (outputs, endpoint, region, local_dir) = LOCATED
            .get_or_init(|| async {
                match locate().await {
                    Ok(found) => found,
                    Err(error) => panic!("no local stack: {error:#}"),
                }
            })
            .await
            .clone();
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(region))
            .endpoint_url(&endpoint)
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "local"))
            .load()
            .await;
        Self {
            bus: outputs.event_bus.name,
            bus_arn: outputs.event_bus.arn,
            archive: outputs.archive.name,
            archive_arn: outputs.archive.arn,
            events_table: outputs.tables.events.name,
            audit_table: outputs.tables.audit.name,
            topic_arn: outputs.alerts_topic_arn,
            stages: outputs.stages,
            endpoint,
            local_dir,
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            sns: aws_sdk_sns::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            xray: aws_sdk_xray::Client::new(&config),
        }
    }

    /// The stage of that name.
    ///
    /// # Panics
    /// When there is none.
    pub fn stage(&self, name: &str) -> &Stage {
        match name {
            "ingestion" => &self.stages.ingestion,
            "processing" => &self.stages.processing,
            "notification" => &self.stages.notification,
            other => panic!("no stage is called {other}"),
        }
    }

    /// A command line as `opsctl` suggests it when it was run on this stack.
    pub fn suggested(&self, arguments: &str) -> String {
        format!("opsctl --local --local-dir {} {arguments}", self.local_dir.display())
    }

    /// Runs `opsctl` on this stack and gives its exit code, standard output and standard error.
    pub async fn opsctl(&self, args: &[&str]) -> Result<(Option<i32>, String, String)> {
        let output = opsctl_command(&self.local_dir).args(["--local"]).args(args).output().await?;
        Ok((
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ))
    }
}

/// The project's root.
pub fn project_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// `opsctl` as built beside the tests (`target/debug/opsctl`).
pub fn opsctl_path() -> PathBuf {
    // The test binary is target/<profile>/deps/end_to_end-<hash>.
    let beside =
        std::env::current_exe().ok().and_then(|exe| exe.parent()?.parent().map(|profile| profile.join("opsctl")));
    beside.unwrap_or_else(|| PathBuf::from("opsctl"))
}

/// The same, told which stack is meant.
pub fn opsctl_command(local_dir: &Path) -> Command {
    let mut command = Command::new(opsctl_path());
    command.current_dir(project_root()).arg("--local-dir").arg(local_dir).stdin(Stdio::null());
    command
}

/// What a shell does with a command line that opsctl has printed and somebody has typed with `more` after it.
///
/// # Panics
/// When it is no command line of opsctl.
pub fn typed(printed: &str, more: &str) -> Command {
    let rest = printed.strip_prefix("opsctl ").unwrap_or_else(|| panic!("no command line of opsctl: {printed}"));
    let mut command = Command::new("sh");
    command.args(["-c", &format!("'{}' {rest} {more}", opsctl_path().display())]);
    command
}

async fn locate() -> Result<(Outputs, String, String, PathBuf)> {
    #[derive(Deserialize)]
    struct Local {
        endpoint: String,
        region: String,
    }
    let local_dir = std::env::var_os("OPSCTL_LOCAL_DIR").map_or_else(|| ".local/test".into(), PathBuf::from);
    let local_dir = project_root().join(local_dir);
    let up = opsctl_command(&local_dir)
        .args(["local", "up", "--no-build", "--port", "0", "--retry-delays", "0.3,0.6"])
        .output()
        .await
        .context("failed to run target/debug/opsctl; build it first: cargo build --workspace --bins")?;
    if !up.status.success() {
        bail!("`opsctl local up` failed: {}", String::from_utf8_lossy(&up.stderr));
    }
    let local: Local = serde_json::from_slice(
        &std::fs::read(local_dir.join("stack.json")).context("failed to read stack.json of the local stack")?,
    )?;
    let outputs: Value = serde_json::from_slice(
        &std::fs::read(local_dir.join("outputs.json")).context("failed to read outputs.json of the local stack")?,
    )?;
    let outputs = outputs["opsctl"]["value"].clone();
    Ok((serde_json::from_value(outputs)?, local.endpoint, local.region, local_dir))
}
