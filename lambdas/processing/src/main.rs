//! The processing function. Enriches what is stored, and raises alerts.

mod handler;
#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    pipeline::run::run(handler::Processing::new).await
}
