//! The nearest name.

/// The name that was probably meant; none when nothing is near.
pub(super) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if word.len() > 100 {
        return None;
    }
    let folded = word.to_ascii_lowercase().replace('-', "_");
    names
        // as many letters more or less are as many steps apart
        .filter(|name| name.len().abs_diff(word.len()) <= 1.max(word.len().max(name.len()) / 3))
        .map(|name| {
            let like = name.to_ascii_lowercase().replace('-', "_");
            (strsim::damerau_levenshtein(&folded, &like), name)
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| {
            let long = word.len().max(name.len());
            *distance < word.len() && *distance <= 1.max(long / 3)
        })
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn typos_and_strangers() {
        let names = || ["max_age", "max_bytes", "storage"].into_iter();
        for (word, wanted) in [
            ("max_aeg", Some("max_age")),
            ("maxAge", Some("max_age")),
            ("max-bytes", Some("max_bytes")),
            ("STORAGE", Some("storage")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, names()), wanted, "{word}");
        }
    }
}
