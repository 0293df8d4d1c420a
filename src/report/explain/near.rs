/// How far off a word may be to be suggested.
const NEAR: f64 = 0.7;
/// How many words are suggested.
const MOST: usize = 3;

/// The words nearest to this one, best first; none where none is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| (closeness(&word, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= NEAR)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(MOST);
    scored.into_iter().map(|(_, word)| word).collect()
}

/// How near two words are, 1 being equal. Of two paths under one kind, what stands below counts.
fn closeness(word: &str, candidate: &str) -> f64 {
    let (below, other) = match (word.split_once('.'), candidate.split_once('.')) {
        (Some((kind, below)), Some((same, other))) if kind == same => (below, other),
        (Some(_), None) => return 0.0,
        (_, _) => (word, candidate),
    };
    let whole = strsim::jaro_winkler(below, other);
    let part = |part: &str| strsim::jaro_winkler(below, part) * 0.95;
    let inside = below.len() >= 3 && other.contains(below);
    other
        .split('.')
        .map(part)
        .fold(whole, f64::max)
        .max(if inside { 0.9 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_comes_first_and_far_ones_not_at_all() {
        let known = ["max_age", "max_bytes", "storage"];
        assert_eq!(nearest("max_agee", known)[0], "max_age");
        assert!(nearest("qqqq", known).is_empty());
        assert_eq!(
            nearest("retention", ["config.retention.ms"]),
            ["config.retention.ms"]
        );
    }
}
