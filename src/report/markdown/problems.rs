use std::fmt::Write as _;

use super::{MOST_BYTES, code, escaped};
use crate::model::{Problem, Severity, Tally};

/// Problems as a Markdown list, each with its place, and how many more there are. Where the list grows too long, warnings
/// go before errors.
pub fn problems(problems: &[Problem], not_shown: Tally) -> String {
    let items: Vec<String> = problems.iter().map(problem).collect();
    let mut shown = vec![false; problems.len()];
    let mut room = MOST_BYTES;
    for severity in [Severity::Error, Severity::Warning] {
        let of_it = problems.iter().enumerate();
        for (index, _) in of_it.filter(|(_, problem)| problem.severity == severity) {
            let Some(rest) = room.checked_sub(items[index].len()) else {
                break;
            };
            (room, shown[index]) = (rest, true);
        }
    }
    let mut text = String::from("### trueup: problems\n\n");
    let mut left = Tally::of(problems).plus(not_shown);
    for (index, item) in items.iter().enumerate().filter(|(index, _)| shown[*index]) {
        text.push_str(item);
        left = left.minus(Tally::of(&problems[index..=index]));
    }
    if left.total() > 0 {
        let _ = writeln!(text, "- … not shown: {}", left.words());
    }
    text
}

fn problem(problem: &Problem) -> String {
    let sign = match problem.severity {
        Severity::Error => "⛔",
        Severity::Warning => "⚠️",
    };
    let place = problem.place.as_ref();
    let place = place.map(|p| format!("{} ", code(&p.to_string())));
    let hint = problem.hint.as_ref().map(|h| format!(" → {}", escaped(h)));
    format!(
        "- {sign} {}**{}** {}{}\n",
        place.unwrap_or_default(),
        problem.code,
        escaped(&problem.message),
        hint.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    #[test]
    fn a_list_that_grows_too_long_keeps_its_errors_and_counts_the_rest() {
        let long = "x".repeat(MOST_BYTES / 3);
        let mut all = vec![Problem::warning(Code::Dangling, long); 4];
        all.push(Problem::error(Code::WrongType, "the only error"));
        let not_shown = Tally {
            errors: 0,
            warnings: 7,
        };
        let text = problems(&all, not_shown);
        assert!(text.contains("the only error"));
        assert!(
            text.ends_with("not shown: 9 warnings\n"),
            "{}",
            &text[text.len() - 80..]
        );
    }
}
