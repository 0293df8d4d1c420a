use std::io::BufRead;

use super::failure::Failure;
use super::screen::Screen;

/// Asks on the terminal; `yes` is a yes, everything else is a no.
///
/// # Errors
/// When the answer can't be read.
pub(super) async fn yes(question: &str, screen: &Screen) -> Result<bool, Failure> {
    Ok(line(question, screen).await? == "yes")
}

/// Asks on the terminal for a line, without its end.
///
/// # Errors
/// When the answer can't be read.
pub(super) async fn line(question: &str, screen: &Screen) -> Result<String, Failure> {
    screen.complain(question);
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin()
            .lock()
            .read_line(&mut answer)
            .map(|_| answer)
    });
    match read.await {
        Ok(Ok(answer)) => Ok(without_end(&answer).to_owned()),
        Ok(Err(error)) => Err(Failure::said(format!("the answer can't be read: {error}"))),
        Err(_) => Err(Failure::said("the answer can't be read")),
    }
}

fn without_end(answer: &str) -> &str {
    answer.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let is_yes = |answer| without_end(answer) == "yes";
        assert!(is_yes("yes\n") && is_yes("yes\r\n"));
        for no in [
            "",
            "y\n",
            "Yes\n",
            "YES\n",
            " yes\n",
            "yes please\n",
            "true\n",
        ] {
            assert!(!is_yes(no), "{no:?}");
        }
    }
}
