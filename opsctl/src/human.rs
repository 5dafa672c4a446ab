//! Numbers and times as people read them.

use jiff::Timestamp;

/// A length of time in its two largest units: `850 ms`, `42 s`, `4 m 10 s`, `2 h 5 m`, `3 d 4 h`.
pub fn duration(milliseconds: f64) -> String {
    if !milliseconds.is_finite() || milliseconds < 0.0 {
        return "0 ms".to_owned();
    }
    if milliseconds < 999.5 {
        return format!("{milliseconds:.0} ms");
    }
    if milliseconds < 9_950.0 {
        return format!("{:.1} s", milliseconds / 1000.0);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive, and seconds fit")]
    let seconds = (milliseconds / 1000.0).round() as u64;
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "m", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// When something happened, counted from a beginning: `+1.5 s`, or `-40 ms` when it was before.
pub fn offset(start: Timestamp, at: Timestamp) -> String {
    let milliseconds = milliseconds(start, at);
    let sign = if milliseconds < 0.0 { '-' } else { '+' };
    format!("{sign}{}", duration(milliseconds.abs()))
}

/// The time from `then` to `now`; `0 ms` when the clocks disagree about the order.
pub fn since(then: Timestamp, now: Timestamp) -> String {
    duration(milliseconds(then, now))
}

/// Milliseconds from `start` to `end`.
pub fn milliseconds(start: Timestamp, end: Timestamp) -> f64 {
    end.duration_since(start).as_secs_f64() * 1000.0
}

/// A count with its noun: `1 event`, `2 events`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Text of at most `width` characters on one line, with an ellipsis where something was cut.
pub fn shorten(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= width {
        return line;
    }
    line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Breaks text into lines of at most `width` characters at spaces; a longer word stands alone.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = lines.last().is_some_and(|line| line.chars().count() + 1 + word.chars().count() <= width);
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if fits => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (0.4, "0 ms"),
            (850.0, "850 ms"),
            (999.6, "1.0 s"),
            (1_500.0, "1.5 s"),
            (42_000.0, "42 s"),
            (250_000.0, "4 m 10 s"),
            (7_500_000.0, "2 h 5 m"),
            (86_400_000.0, "1 d"),
            (-5.0, "0 ms"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn what_was_before_is_not_after() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        assert_eq!(offset(at(1000), at(2500)), "+1.5 s");
        assert_eq!(offset(at(1000), at(960)), "-40 ms");
    }

    #[test]
    fn text_is_cut_and_wrapped_by_characters() {
        assert_eq!(shorten("größer als\n erlaubt", 10), "größer al…");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }
}
