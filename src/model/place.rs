use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Where something is written: a file as the user named it, and a place in its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file's name as given, `<stdin>` for standard input.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The bytes of the file's text that it covers; empty where only a point is known.
    pub bytes: (usize, usize),
}

impl Place {
    /// The bytes that it covers, as a range.
    pub fn range(&self) -> Range<usize> {
        self.bytes.0..self.bytes.1
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
