//! Each bad case stands beside a file that says what is told of it.

use super::{cases, load_paths, same_as_file, told};

#[test]
fn good_cases_load() {
    for case in cases("good") {
        let loaded = load_paths(std::slice::from_ref(&case));
        assert!(
            loaded.manifest.is_some() && loaded.problems.is_empty(),
            "{}:\n{}",
            case.display(),
            told(&loaded)
        );
    }
}

#[test]
fn bad_cases_tell_what_is_wrong() {
    for case in cases("bad") {
        let loaded = load_paths(std::slice::from_ref(&case));
        assert!(loaded.manifest.is_none(), "{}", case.display());
        same_as_file(
            &case.with_extension("txt"),
            &told(&loaded),
            "UPDATE_GENERATED=1 cargo test --test suite manifest::",
        );
    }
}
