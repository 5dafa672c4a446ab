//! The notification function's process.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    pipeline::run::run(notification::Notification::new).await
}
