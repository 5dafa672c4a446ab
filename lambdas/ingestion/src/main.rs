//! The ingestion function. Validates what feeds publish, stores it once, and passes it on.

mod handler;
#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    pipeline::run::run(handler::Ingestion::new).await
}
