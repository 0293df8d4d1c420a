//! From `metadata.version` levels to Kafka releases.

/// The release that brought a level of the feature `metadata.version`, `4.3`; `4.3+` for a level newer than this version knows.
///
/// Source: `org.apache.kafka.server.common.MetadataVersion`. Level 1 is 3.0-IV1; older clusters have no such feature.
pub fn release_of(level: i16) -> Option<&'static str> {
    let newest = LAST_LEVELS.last().map(|(level, _)| *level)?;
    match level {
        ..=0 => None,
        level if level > newest => Some(NEWER),
        level => LAST_LEVELS
            .iter()
            .find(|(last, _)| level <= *last)
            .map(|(_, release)| *release),
    }
}

/// The last level of each release, ascending.
const LAST_LEVELS: &[(i16, &str)] = &[
    (1, "3.0"),
    (2, "3.1"),
    (3, "3.2"),
    (7, "3.3"),
    (8, "3.4"),
    (11, "3.5"),
    (14, "3.6"),
    (19, "3.7"),
    (20, "3.8"),
    (21, "3.9"),
    (25, "4.0"),
    (27, "4.1"),
    (29, "4.2"),
    (30, "4.3"),
];

const NEWER: &str = "4.3+";

#[cfg(test)]
mod tests {
    use super::release_of;

    #[test]
    fn levels_map_to_releases() {
        let cases = [
            (0, None),
            (1, Some("3.0")),
            (5, Some("3.3")),
            (19, Some("3.7")),
            (25, Some("4.0")),
            (27, Some("4.1")),
            (30, Some("4.3")),
            (99, Some("4.3+")),
        ];
        for (level, release) in cases {
            assert_eq!(release_of(level), release, "level {level}");
        }
    }
}
