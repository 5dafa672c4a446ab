//! Makes the pictures of the documentation: the real dashboard on a local stack, in calm and in trouble.
//!
//! `pictures LOCAL_DIR OUT_DIR`: `LOCAL_DIR` is that of a stack that runs (`opsctl local up`), `opsctl` stands beside this
//! program. Each scene is written as it looked, `NAME.svg`, and as text, `NAME.txt`.
#![allow(clippy::expect_used, reason = "a tool of the build: what cannot go on stops there and says where")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use opsctl_harness::{Terminal, picture};

const SIZE: (u16, u16) = (120, 40);

fn main() {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [local_dir, out_dir] = arguments.as_slice() else {
        eprintln!("usage: pictures LOCAL_DIR OUT_DIR");
        std::process::exit(2);
    };
    let opsctl = env::current_exe().expect("a program has a path").with_file_name("opsctl");
    let project = env::current_dir().expect("a current directory");
    let local_dir = std::path::absolute(local_dir).expect("a path");
    fs::create_dir_all(out_dir).expect("a directory for the pictures");
    Studio { opsctl, project, local_dir, out_dir: out_dir.clone() }.take_all();
}

struct Studio {
    opsctl: PathBuf,
    project: PathBuf,
    local_dir: PathBuf,
    out_dir: PathBuf,
}

impl Studio {
    fn take_all(&self) {
        let dashboard = self.dashboard();
        // Six events a second until all is taken.
        let mut feed = self.start(&[
            "send-test-event",
            "--count",
            "6000",
            "--pace",
            "6",
            "--symbol",
            "BTCUSDT",
            "--price",
            "39432.48",
        ]);
        dashboard.wait_for("a calm market", |screen| {
            // Two minutes of it at least.
            let mut rows = screen.lines().filter(|line| line.starts_with(" processing"));
            let flows = rows.any(|row| row.chars().filter(|bar| "▁▂▃▄▅▆▇█".contains(*bar)).count() >= 6);
            flows && screen.contains("DynamoDB") && screen.contains("BTCUSDT") && screen.contains("HEALTHY")
        });
        self.take("calm", &dashboard);

        self.run(&[
            "send-test-event",
            "--count",
            "40",
            "--pace",
            "10",
            "--invalid",
            "negative-price",
            "--symbol",
            "BTCUSDT",
        ]);
        dashboard.wait_for("a poisoned feed", |screen| screen.contains("ringing") && screen.contains("rejected"));
        self.take("poisoned", &dashboard);
        self.run(&["--yes", "dlq", "purge", "ingestion"]);

        // A stage that takes nothing: its letters gather, its alarms ring.
        self.run(&["--yes", "pause", "processing"]);
        dashboard.press("R");
        dashboard.wait_for("a crash", |screen| {
            let letters = screen.lines().any(|line| line.contains("processing-dlq-depth") && line.contains('✗'));
            letters && screen.contains("PAUSED") && screen.contains("gave up")
        });
        self.take("crash", &dashboard);
        dashboard.press("3\r");
        dashboard
            .wait_for("the letters", |screen| screen.contains("letters of processing") && screen.contains("Exceed"));
        self.take("dead-letters", &dashboard);
        dashboard.press("q0z");
        dashboard.wait_for_text("is paused");
        self.take("verdict", &dashboard);
        dashboard.press("z");

        self.run(&["--yes", "resume", "processing"]);
        dashboard.press("R");
        dashboard.wait_for("a stage that works", |screen| !screen.contains("PAUSED"));
        self.take("recovery", &dashboard);
        self.run(&["--yes", "redrive", "dlq", "processing", "--execute"]);
        dashboard.press("R");
        dashboard.wait_for("nothing left", |screen| screen.contains("3 Dead letters: 0"));
        self.take("recovered", &dashboard);
        dashboard.press("5\r");
        dashboard.wait_for("an event", |screen| screen.contains("What the stages did") && !screen.contains("reading…"));
        self.take("event", &dashboard);
        dashboard.press("q?");
        dashboard.wait_for_text("Help: keys");
        self.take("help", &dashboard);
        // It has done what it is for.
        let _ = feed.kill();
        let _ = feed.wait();
    }

    fn dashboard(&self) -> Terminal {
        let local_dir = self.local_dir.display().to_string();
        let home = env::var("HOME").unwrap_or_default();
        // An option would be in every command that is suggested: a directory that readers do not have.
        let environment = [("HOME", home.as_str()), ("PATH", "/usr/bin:/bin"), ("OPSCTL_LOCAL_DIR", &local_dir)];
        Terminal::start(&self.opsctl, ["--local", "dashboard"], &environment, &self.project, SIZE)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.opsctl);
        command.current_dir(&self.project).arg("--local").arg("--local-dir").arg(&self.local_dir).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("opsctl runs")
    }

    fn run(&self, arguments: &[&str]) {
        println!("opsctl {}", arguments.join(" "));
        let output = self.command(arguments).output().expect("opsctl runs");
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{arguments:?}: {}\n{said}", output.status);
    }

    fn take(&self, name: &str, terminal: &Terminal) {
        terminal.wait_until_still();
        write(&self.out_dir.join(format!("{name}.svg")), &picture::svg(&terminal.styled()));
        write(&self.out_dir.join(format!("{name}.txt")), &format!("{}\n", terminal.text()));
    }
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).expect("the picture is written");
    println!("{}", file.display());
}
