//! How AWS is asked, and what that costs, as the screen shows it.

use crate::snapshot::{Backoff, Meter, SourceName};

/// How the polling stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Polling {
    /// What it uses and costs; none before anything was read.
    pub meter: Option<Meter>,
    /// How much slower than planned it is: 0.5 is twice as often.
    pub stretch: Option<f64>,
    /// The sources that are left alone for a while.
    pub backoffs: Vec<(SourceName, Backoff)>,
}

impl Polling {
    /// Why a source is left alone.
    pub fn backoff(&self, source: SourceName) -> Option<&Backoff> {
        self.backoffs.iter().find(|(name, _)| *name == source).map(|(_, backoff)| backoff)
    }

    /// Calls a minute and what the session costs, for the footer.
    pub fn footer(&self) -> String {
        let Some(meter) = &self.meter else { return String::new() };
        let pace = match self.stretch {
            Some(stretch) if stretch < 1.0 => format!("{} × as often  ", 1.0 / stretch),
            Some(stretch) if stretch > 1.0 => format!("1/{stretch} as often  "),
            _ => String::new(),
        };
        let cost = meter.session_dollars;
        let digits = if cost < 0.995 { 4 } else { 2 };
        format!("{pace}{} calls/min  ${cost:.digits$} so far ", meter.calls_per_minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footer_says_what_watching_costs() {
        let meter = |session_dollars| Meter {
            calls_per_minute: 62,
            calls_total: 900,
            session_dollars,
            month_dollars_with_free_tier: 0.0,
            month_dollars_without: 9.7,
        };
        let footer = |stretch, dollars| {
            Polling { meter: Some(meter(dollars)), stretch: Some(stretch), ..Polling::default() }.footer()
        };
        assert_eq!(Polling::default().footer(), "", "what is not known is not zero");
        assert_eq!(footer(1.0, 0.0123), "62 calls/min  $0.0123 so far ");
        assert_eq!(footer(0.5, 1.5), "2 × as often  62 calls/min  $1.50 so far ");
        assert_eq!(footer(4.0, 1.5), "1/4 as often  62 calls/min  $1.50 so far ");
    }
}
