//! Links into the AWS console, where a person can look further.

use market::derived::AlertDetail;
use market::message::Links;
use pipeline::host::Call;
use pipeline::settings::NotificationSettings;

/// The links that the settings allow.
pub(super) fn links(alert: &AlertDetail, call: &Call, settings: &NotificationSettings) -> Links {
    let region = &call.envelope.region;
    let console = settings.console_url_base.as_deref().map(|base| base.trim_end_matches('/'));
    let trace = console
        .zip(call.trace_id())
        .map(|(console, trace)| format!("{console}/cloudwatch/home?region={region}#xray:traces/{trace}"));
    let event = console.zip(settings.events_table.as_deref()).map(|(console, table)| {
        let key = escape(alert.event.event_id.as_str());
        let time = escape(&market::time::format(alert.event.timestamp));
        format!("{console}/dynamodbv2/home?region={region}#edit-item?itemMode=2&table={table}&pk={key}&sk={time}")
    });
    Links { trace, event, runbook: settings.runbook_url.clone() }
}

/// Escapes the one character of ids and times that has a meaning in a link.
fn escape(text: &str) -> String {
    text.replace(':', "%3A")
}
