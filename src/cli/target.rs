use std::collections::HashSet;

use super::failure::Failure;
use crate::kinds::Resources;
use crate::model::{Address, Glob};
use crate::report::explain::nearest;

/// The resources that `--target` chooses, and those that they imply (a topic's ACLs); none where
/// nothing is asked for.
///
/// # Errors
/// A target that matches nothing that is declared.
pub(super) fn chosen(
    targets: &[String],
    resources: &Resources,
) -> Result<Option<HashSet<Address>>, Failure> {
    if targets.is_empty() {
        return Ok(None);
    }
    let mut chosen = HashSet::new();
    for target in targets {
        let pattern = glob(target)?;
        let before = chosen.len();
        let matching = resources.keys().filter(|address| pattern.is_match(address));
        let mut any = false;
        for address in matching {
            any = true;
            chosen.insert(address.clone());
        }
        if !any && chosen.len() == before {
            return Err(nothing_matches(target, resources));
        }
    }
    let implied = resources.values().filter(|resource| {
        resource
            .required_by
            .as_ref()
            .is_some_and(|by| chosen.contains(by))
    });
    let implied: Vec<Address> = implied.map(|resource| resource.address.clone()).collect();
    chosen.extend(implied);
    Ok(Some(chosen))
}

/// The addresses that a pattern means.
///
/// # Errors
/// A pattern of absurd length.
pub(super) fn glob(pattern: &str) -> Result<Glob, Failure> {
    Glob::new(pattern).ok_or_else(|| Failure::said(format!("`{pattern}` is no pattern")))
}

fn nothing_matches(target: &str, resources: &Resources) -> Failure {
    let known: Vec<String> = resources.keys().map(ToString::to_string).collect();
    let near = nearest(target, known.iter().map(String::as_str));
    let failure = Failure::said(format!(
        "`--target {target}` matches nothing that is declared"
    ));
    if near.is_empty() {
        failure.hint("write it as an address or a pattern: `topic/orders`, `stream/*`")
    } else {
        let near: Vec<_> = near.iter().map(|address| format!("`{address}`")).collect();
        failure.hint(format!("did you mean {}?", near.join(" or ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flat, Resource};

    fn resources() -> Resources {
        let mut all = Resources::new();
        for (address, by) in [
            ("topic/a", None),
            ("topic/ab", None),
            ("acl/User:x/allow/read/topic/literal/a/*", Some("topic/a")),
        ] {
            let address: Address = address.parse().unwrap();
            let mut resource = Resource::new(address.clone(), Flat::new());
            resource.required_by = by.map(|by| by.parse().unwrap());
            all.insert(address, resource);
        }
        all
    }

    #[test]
    fn a_target_chooses_what_it_names_and_what_that_implies() {
        let chosen = |target: &str| {
            chosen(&[target.to_owned()], &resources())
                .unwrap()
                .unwrap()
                .len()
        };
        assert_eq!(chosen("topic/a"), 2);
        assert_eq!(chosen("topic/*"), 3);
        assert_eq!(chosen("topic/?b"), 1);
        assert_eq!(chosen("acl/User:x/allow/read/topic/literal/a/*"), 1);
    }

    #[test]
    fn a_target_that_names_nothing_is_refused_and_the_nearest_told() {
        let failure = chosen(&["topic/abc".to_owned()], &resources()).unwrap_err();
        assert!(
            failure.rendered(100).contains("topic/ab"),
            "{}",
            failure.rendered(100)
        );
        assert_eq!(chosen(&[], &resources()).unwrap(), None);
    }
}
