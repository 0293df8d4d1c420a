use regex::Regex;

use super::Address;

/// Which of all resources are wanted. What isn't wanted need not be readable.
pub trait Wanted: Sync {
    /// Whether this one is.
    fn takes(&self, address: &Address) -> bool;

    /// Whether one may be whose address begins so: `stream/`, `consumer/ORDERS/`.
    fn may_take_under(&self, _beginning: &str) -> bool {
        true
    }
}

impl<F: Fn(&Address) -> bool + Sync> Wanted for F {
    fn takes(&self, address: &Address) -> bool {
        self(address)
    }
}

/// Addresses by a pattern: `*` stands for any text, `?` for one character, everything else for
/// itself.
#[derive(Clone, Debug)]
pub struct Glob {
    /// What stands before the first wildcard.
    beginning: String,
    pattern: Regex,
}

impl Glob {
    /// The pattern in this text; none for one of absurd length.
    pub fn new(text: &str) -> Option<Glob> {
        let pieces = text.chars().map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            c => regex::escape(&c.to_string()),
        });
        let pattern = Regex::new(&format!("^{}$", pieces.collect::<String>())).ok()?;
        let beginning = text.split(['*', '?']).next().unwrap_or_default();
        Some(Glob {
            beginning: beginning.to_owned(),
            pattern,
        })
    }

    /// Whether it means this address.
    pub fn is_match(&self, address: &Address) -> bool {
        self.pattern.is_match(&address.to_string())
    }

    fn may_match_under(&self, beginning: &str) -> bool {
        self.beginning.starts_with(beginning) || beginning.starts_with(&self.beginning)
    }
}

/// What matches one of these; with no pattern, everything.
impl Wanted for Vec<Glob> {
    fn takes(&self, address: &Address) -> bool {
        self.is_empty() || self.iter().any(|glob| glob.is_match(address))
    }

    fn may_take_under(&self, beginning: &str) -> bool {
        self.is_empty() || self.iter().any(|glob| glob.may_match_under(beginning))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_rules_out_what_begins_otherwise() {
        let may =
            |glob: &str, beginning: &str| vec![Glob::new(glob).unwrap()].may_take_under(beginning);
        assert!(may("topic/x", "topic/") && !may("topic/x", "stream/"));
        assert!(may("consumer/ORD*", "consumer/ORDERS/") && may("consumer/ORD*", "consumer/"));
        assert!(!may("consumer/ORDERS/*", "consumer/B/"));
        assert!(may("*/x", "stream/") && may("s?ream/x", "stream/"));
        assert!(Vec::<Glob>::new().may_take_under("acl/"));
    }

    #[test]
    fn a_pattern_means_whole_addresses() {
        let is = |glob: &str, address: &str| {
            vec![Glob::new(glob).unwrap()].takes(&address.parse().unwrap())
        };
        assert!(is("topic/a.b", "topic/a.b") && !is("topic/a.b", "topic/axb"));
        assert!(is("topic/a*", "topic/ab") && !is("topic/a?", "topic/abc"));
    }
}
