//! The subset of `DynamoDB`'s expressions that the functions send: terms joined by AND, and `SET a = :a, …`.

use serde_json::Value;

/// Names and values of a request's placeholders.
pub(crate) struct Placeholders<'a> {
    pub(crate) names: &'a Value,
    pub(crate) values: &'a Value,
}

impl<'a> Placeholders<'a> {
    pub(crate) fn of(input: &'a Value) -> Self {
        Self { names: &input["ExpressionAttributeNames"], values: &input["ExpressionAttributeValues"] }
    }

    fn name<'t>(&self, token: &'t str) -> &'t str
    where
        'a: 't,
    {
        if token.starts_with('#') { self.names[token].as_str().unwrap_or(token) } else { token }
    }

    fn value(&self, token: &str) -> Result<&'a Value, String> {
        self.values.get(token).ok_or_else(|| format!("no value for {token}"))
    }

    /// Whether `item` (`Null`: no item) satisfies `expression`.
    pub(crate) fn holds(&self, expression: &str, item: &Value) -> Result<bool, String> {
        let mut all = true;
        let mut terms = expression.split(" AND ").map(str::trim);
        while let Some(term) = terms.next() {
            let holds = if let Some((name, low)) = term.split_once(" BETWEEN ") {
                let high = terms.next().ok_or("BETWEEN without AND")?;
                let value = text(&item[self.name(name)]);
                value >= text(self.value(low)?) && value <= text(self.value(high)?)
            } else if let Some(name) = argument(term, "attribute_not_exists") {
                item.get(self.name(name)).is_none()
            } else if let Some(name) = argument(term, "attribute_exists") {
                item.get(self.name(name)).is_some()
            } else if let Some((name, value)) = term.split_once(" = ") {
                item.get(self.name(name)) == Some(self.value(value)?)
            } else if let Some((name, value)) = term.split_once(" < ") {
                text(&item[self.name(name)]) < text(self.value(value)?)
            } else {
                return Err(format!("the fake does not understand {term:?}"));
            };
            all &= holds;
        }
        Ok(all)
    }

    /// Applies `SET a = :a, b = :b` to `item`.
    pub(crate) fn set(&self, expression: &str, item: &mut Value) -> Result<(), String> {
        let assignments = expression.strip_prefix("SET ").ok_or("only SET is understood")?;
        for assignment in assignments.split(',') {
            let (name, value) = assignment.trim().split_once(" = ").ok_or("an assignment needs ' = '")?;
            item[self.name(name)] = self.value(value)?.clone();
        }
        Ok(())
    }
}

fn argument<'t>(term: &'t str, function: &str) -> Option<&'t str> {
    term.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')')
}

/// The text of a string attribute.
pub(crate) fn text(attribute: &Value) -> Option<&str> {
    attribute["S"].as_str()
}
