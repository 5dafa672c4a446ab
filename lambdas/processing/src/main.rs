//! The processing function's process.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    pipeline::run::run(processing::Processing::new).await
}
