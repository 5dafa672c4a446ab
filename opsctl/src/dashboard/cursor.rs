//! The selected row of a list that changes under it.

/// The selected row. Once moved it follows its row by the row's key, wherever a refresh puts it; until then it stays on
/// the first row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    index: usize,
    key: Option<String>,
}

/// A list that a cursor moves in.
pub trait Rows {
    /// How many rows there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What tells this row from the others, the same after a refresh.
    fn key(&self, index: usize) -> String;

    /// Whether that is this row's key. The default compares; a long list does it without making the key.
    fn is(&self, index: usize, key: &str) -> bool {
        self.key(index) == key
    }
}

impl Cursor {
    /// The index of the selected row in `rows`; none when there are no rows.
    pub fn position(&self, rows: &impl Rows) -> Option<usize> {
        let last = rows.len().checked_sub(1)?;
        let near = self.index.min(last);
        let Some(key) = &self.key else { return Some(near) };
        if rows.is(near, key) {
            return Some(near);
        }
        Some((0..rows.len()).find(|index| rows.is(*index, key)).unwrap_or(near))
    }

    /// Moves by so many rows, and stays within the list.
    pub fn step(&mut self, rows: &impl Rows, by: isize) {
        if let Some(position) = self.position(rows) {
            self.go(rows, position.saturating_add_signed(by));
        }
    }

    /// Moves to a row, or to the last one when there are fewer. On the first row it stays, whichever row that becomes.
    pub fn go(&mut self, rows: &impl Rows, to: usize) {
        let Some(last) = rows.len().checked_sub(1) else { return };
        self.index = to.min(last);
        self.key = (self.index > 0).then(|| rows.key(self.index));
    }

    /// Moves to the row of that key. False, and nothing moved, when there is none.
    pub fn find(&mut self, rows: &impl Rows, key: &str) -> bool {
        let Some(index) = (0..rows.len()).find(|index| rows.is(*index, key)) else { return false };
        self.go(rows, index);
        true
    }
}

/// The first row to draw so that the selected one is seen in `height` rows.
pub fn offset(selected: usize, height: usize) -> usize {
    (selected + 1).saturating_sub(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words<'a>(&'a [&'a str]);

    impl Rows for Words<'_> {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn key(&self, index: usize) -> String {
            self.0[index].to_owned()
        }
    }

    #[test]
    fn it_follows_its_row() {
        let mut cursor = Cursor::default();
        cursor.step(&Words(&["a", "b", "c"]), 1);
        assert_eq!(cursor.position(&Words(&["new", "a", "b", "c"])), Some(2));
        assert_eq!(cursor.position(&Words(&["new", "a", "c"])), Some(1), "its row is gone: the one in its place");
        assert_eq!(cursor.position(&Words(&[])), None);
    }

    #[test]
    fn on_the_first_row_it_stays_there() {
        let mut cursor = Cursor::default();
        cursor.step(&Words(&["a", "b"]), 1);
        cursor.step(&Words(&["a", "b"]), -5);
        assert_eq!(cursor.position(&Words(&["new", "a", "b"])), Some(0));
    }

    #[test]
    fn it_stays_within_the_list() {
        let mut cursor = Cursor::default();
        cursor.step(&Words(&["a", "b"]), 10);
        assert_eq!(cursor.position(&Words(&["a", "b"])), Some(1));
        assert!(!cursor.find(&Words(&["a", "b"]), "c"));
        cursor.step(&Words(&[]), 1);
        assert_eq!(offset(9, 5), 5);
        assert_eq!(offset(3, 5), 0);
    }
}
