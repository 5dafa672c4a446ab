//! The ingestion function's process.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    pipeline::run::run(ingestion::Ingestion::new).await
}
