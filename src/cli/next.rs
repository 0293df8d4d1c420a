use std::path::Path;

use super::args::Global;

/// A command line that can be typed, with the options that named the manifest. Values of `--var`,
/// which may be secret, are left out: the shell asks for them, as no variable of theirs is set.
pub(super) fn command(words: &[&str], global: &Global, targets: &[String]) -> String {
    let mut line = vec!["trueup".to_owned()];
    line.extend(words.iter().map(|word| quoted(word)));
    let (gone, files): (Vec<&String>, Vec<&String>) =
        global.files.iter().partition(|file| is_read_once(file));
    for file in files {
        line.extend(["-f".to_owned(), quoted(file)]);
    }
    for file in &global.env_files {
        line.extend(["--env-file".to_owned(), quoted(&shown(file))]);
    }
    if let Some(place) = &global.ledger {
        line.extend(["--ledger".to_owned(), quoted(&place.to_string())]);
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
    if !gone.is_empty() {
        line.push("# and `-f` with the same manifest as before".to_owned());
    }
    line.join(" ")
}

/// Whether what stands there is gone once it was read: a pipe of the shell that ran this command.
fn is_read_once(file: &str) -> bool {
    let pipes = ["/dev/fd/", "/proc/self/fd/"];
    matches!(file, "-" | "/dev/stdin") || pipes.iter().any(|folder| file.starts_with(folder))
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
    fn a_manifest_that_came_through_a_pipe_is_not_named() {
        let line = |files: &[&str]| {
            let words = ["trueup", "plan"].into_iter();
            let files = files.iter().flat_map(|file| ["-f", file]);
            let words: Vec<_> = words.chain(files).map(std::ffi::OsString::from).collect();
            let global = super::super::args::parse(&words).unwrap().global;
            command(&["apply"], &global, &[])
        };
        for piped in ["-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/12"] {
            let said = "trueup apply # and `-f` with the same manifest as before";
            assert_eq!(line(&[piped]), said);
        }
        assert_eq!(
            line(&["base.yaml", "-"]),
            "trueup apply -f base.yaml # and `-f` with the same manifest as before"
        );
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("topic/*"), "'topic/*'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a/b-c.yaml"), "a/b-c.yaml");
    }
}
