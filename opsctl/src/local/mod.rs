//! The local stack: an emulator process, the real Terraform, the real functions, and the market session of the demo.

pub mod apply_log;
pub mod demo;
pub mod down;
pub mod emulator;
pub mod exec;
pub mod files;
pub mod functions;
pub mod http;
pub mod layout;
pub mod lock;
pub mod mirror;
pub mod process;
pub mod providers;
pub mod record;
pub mod status;
pub mod steps;
pub mod terraform;
pub mod tools;
pub mod up;
pub mod venv;
