//! `opsctl local`: the pipeline on this machine.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::output::{Report, Styles};

/// The commands of `opsctl local`.
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Start the local stack, or bring it up to date
    Up(UpArgs),
    /// Stop the local stack
    Down(DownArgs),
    /// Show what runs and where
    Status(StatusArgs),
}

/// Arguments of `opsctl local up`.
#[derive(Debug, Args)]
pub struct UpArgs {}

/// Arguments of `opsctl local down`.
#[derive(Debug, Args)]
pub struct DownArgs {}

/// Arguments of `opsctl local status`.
#[derive(Debug, Args)]
pub struct StatusArgs {}

/// The local stack as it is now.
#[derive(Debug, Serialize)]
pub struct LocalReport {}

impl Report for LocalReport {
    fn write_text(&self, out: &mut dyn Write, _styles: &Styles) -> io::Result<()> {
        writeln!(out, "not there yet")
    }
}

/// `opsctl local up`.
#[expect(clippy::unused_async)]
pub async fn up(_context: &Context, _args: &UpArgs) -> Result<LocalReport> {
    Err(Error::failed("failed: not there yet", "wait"))
}

/// `opsctl local down`.
#[expect(clippy::unused_async)]
pub async fn down(_context: &Context, _args: &DownArgs) -> Result<LocalReport> {
    Err(Error::failed("failed: not there yet", "wait"))
}

/// `opsctl local status`.
#[expect(clippy::unused_async)]
pub async fn status(_context: &Context, _args: &StatusArgs) -> Result<LocalReport> {
    Err(Error::failed("failed: not there yet", "wait"))
}
