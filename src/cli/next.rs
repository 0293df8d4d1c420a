use std::path::Path;

use super::args::Global;
use super::ledger::LedgerPlace;

/// A command line that can be typed, with the options that named the manifest. Values of `--var`,
/// which may be secret, are left out: the shell asks for them, as no variable of theirs is set.
pub(super) fn command(words: &[&str], global: &Global, targets: &[String]) -> String {
    let mut line = vec!["trueup".to_owned()];
    line.extend(words.iter().map(|word| quoted(word)));
    for file in &global.files {
        line.extend(["-f".to_owned(), quoted(file)]);
    }
    for file in &global.env_files {
        line.extend(["--env-file".to_owned(), quoted(&shown(file))]);
    }
    if global.ledger != LedgerPlace::None {
        line.extend(["--ledger".to_owned(), quoted(&global.ledger.to_string())]);
    }
    for target in targets {
        line.extend(["--target".to_owned(), quoted(target)]);
    }
    for (name, _) in &global.variables {
        line.extend([
            "--var".to_owned(),
            format!("{name}=\"${{{name}:?is not shown here}}\""),
        ]);
    }
    line.join(" ")
}

/// A path as it is shown to the user.
pub(super) fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The word as a shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_variables_are_asked_of_the_shell() {
        let words = ["trueup", "plan", "--var", "PW=CANARY"].map(std::ffi::OsString::from);
        let global = super::super::args::parse(&words).unwrap().global;
        let line = command(&["apply"], &global, &[]);
        assert_eq!(line, r#"trueup apply --var PW="${PW:?is not shown here}""#);
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("topic/*"), "'topic/*'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a/b-c.yaml"), "a/b-c.yaml");
    }
}
