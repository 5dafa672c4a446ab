//! What is asked for, and what is read to plan it: the same for the command line and for the screen.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::edit::{Mended, Setting};
use super::gather::{Gathered, gather};
use super::history::History;
use super::options::Options;
use super::plan::{LeftLetter, Plan, Selection, Wishes};
use super::record::save_plan;
use super::run::Redrive;
use crate::aws::Clients;
use crate::change::Change;
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::invocation::quoted;
use crate::journal::{Header, Journal};
use crate::letters::Selectors;
use crate::stack::{Stack, StageName};

/// Which letters to redrive, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The stages whose queues are meant, in the order in which events pass them.
    pub queues: Vec<StageName>,
    /// Which of their letters.
    pub selectors: Selectors,
    /// What to set in each event.
    pub settings: Vec<Setting>,
    /// What is sent although it would be left.
    pub wishes: Wishes,
    /// How it is done.
    pub options: Options,
}

impl Request {
    /// All letters of these queues, in the default way.
    pub fn new(queues: Vec<StageName>) -> Self {
        Self {
            queues,
            selectors: Selectors::default(),
            settings: Vec::new(),
            wishes: Wishes::default(),
            options: Options::default(),
        }
    }

    /// Begins the run of a plan: its journal, with all of the plan in it. From here on it can be resumed.
    pub fn begin(&self, dir: &Path, clients: Clients, stack: Stack, plan: Plan) -> Result<(Redrive, Vec<LeftLetter>)> {
        let arguments = json!({
            "queues": self.queues,
            "selection": self.to_string(),
            "options": self.options,
            "wishes": self.wishes,
        });
        let header = Header::new("redrive dlq", Change::Redrive, &stack, arguments);
        let journal = Arc::new(Journal::create(dir, &header)?);
        save_plan(&journal, &plan.letters, &plan.left)?;
        let redrive = Redrive {
            clients,
            stack: Arc::new(stack),
            options: self.options.clone(),
            letters: plan.letters,
            known: HashMap::new(),
            accepted: HashMap::new(),
            journal,
        };
        Ok((redrive, plan.left))
    }
}

/// As it is given to `opsctl redrive dlq`; nothing when all letters are meant, in the default way.
impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.queues == StageName::ALL;
        let stages = self.queues.iter().filter(|_| !all).map(|stage| stage.as_str().to_owned());
        let selectors = Some(self.selectors.to_string()).filter(|selectors| !selectors.is_empty());
        let flags = [("--include-rejected", self.wishes.include_rejected), ("--force", self.wishes.force)];
        let flags = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned());
        let setting = |setting: &Setting| format!("--set {}", quoted(&setting.to_string()));
        let how = Some(self.options.to_string()).filter(|how| !how.is_empty());
        let settings = self.settings.iter().map(setting);
        let words: Vec<String> = stages.chain(selectors).chain(settings).chain(flags).chain(how).collect();
        formatter.write_str(&words.join(" "))
    }
}

/// What a plan is made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Material {
    /// Every letter of the queues.
    pub gathered: Gathered,
    /// How often events were redriven before.
    pub history: History,
}

impl Material {
    /// Reads the queues, gives everything back, and reads the journals in `dir`. `told` hears how many letters were seen.
    /// Refused (exit code 6) when somebody asks to stop: what was read is not all.
    pub async fn read(
        (clients, stack): (&Clients, &Stack),
        dir: &Path,
        queues: &[StageName],
        stop: &Stop,
        told: impl Fn(u64),
    ) -> Result<Self> {
        let gathered = gather(clients, stack, queues, stop, told).await?;
        if stop.is_requested() {
            return Err(Error::refused("stopped while reading the dead letters", "nothing was changed"));
        }
        Ok(Self { gathered, history: History::read(dir, stack, Timestamp::now())? })
    }

    /// The letters that are meant, whatever the selectors' limit.
    pub fn select(&self, selectors: &Selectors, now: Timestamp) -> Selection {
        Selection::new(self.gathered.letters.clone(), selectors, now)
    }

    /// Decides on each letter of a selection.
    pub fn plan(&self, request: &Request, selection: Selection, mended: &Mended) -> Plan {
        Plan::new(selection, request.selectors.limit, (request.wishes, &request.options), &self.history, mended)
    }
}
