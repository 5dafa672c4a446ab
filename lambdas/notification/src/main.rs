//! The notification function. Tells people about alerts: once, and not too often.

mod handler;
#[cfg(test)]
mod tests;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    pipeline::run::run(handler::Notification::new).await
}
