use std::fmt::Display;

/// The first of many in a list, and how many more there are: `a, b and 3 more`.
pub fn few<T: Display>(names: impl ExactSizeIterator<Item = T>, most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let first: Vec<String> = names.take(most).map(|name| name.to_string()).collect();
    match more {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::few;

    #[test]
    fn many_are_counted() {
        assert_eq!(few(["`a`", "`b`"].iter(), 5), "`a`, `b`");
        assert_eq!(
            few(["`a`"; 7].iter(), 5),
            "`a`, `a`, `a`, `a`, `a` and 2 more"
        );
        assert_eq!(few(std::iter::empty::<&str>(), 3), "");
    }
}
