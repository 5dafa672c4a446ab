//! What was applied is what is there.

use std::process::Stdio;

use end_to_end::Stack;
use tokio::process::Command;

#[tokio::test]
async fn a_second_plan_is_empty() {
    // Not while a test has a role stripped: that would rightly be a difference.
    let (stack, _guard) = Stack::exclusive().await;
    let functions = stack.local_dir.join("functions");
    let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
    let plan = Command::new("terraform")
        .current_dir(stack.local_dir.join("stack"))
        .args(["plan", "-detailed-exitcode", "-input=false", "-no-color", "-lock=false", "-var-file=envs/local.tfvars"])
        .arg(format!("-var=functions_dir={}", functions.display()))
        .args(["-var=region=us-east-1", &format!("-var=architecture={architecture}")])
        .env("AWS_ENDPOINT_URL", &stack.endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("TF_CLI_CONFIG_FILE")
        .stdin(Stdio::null())
        .output()
        .await
        .expect("terraform runs");
    let said = String::from_utf8_lossy(&plan.stdout);
    let errors = String::from_utf8_lossy(&plan.stderr);
    // 0: nothing to do; 1: failed; 2: there are changes.
    assert_eq!(plan.status.code(), Some(0), "the second plan is not empty:\n{said}\n{errors}");
    assert!(said.contains("No changes"), "{said}");
}
