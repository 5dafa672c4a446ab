//! `opsctl demo`: a scripted market session on the local stack.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::output::{Report, Styles};

/// Arguments of `opsctl demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {}

/// What the session did.
#[derive(Debug, Serialize)]
pub struct DemoReport {}

impl Report for DemoReport {
    fn write_text(&self, out: &mut dyn Write, _styles: &Styles) -> io::Result<()> {
        writeln!(out, "not there yet")
    }
}

/// `opsctl demo`.
#[expect(clippy::unused_async)]
pub async fn run(_context: &Context, _args: &DemoArgs) -> Result<DemoReport> {
    Err(Error::failed("failed: not there yet", "wait"))
}
