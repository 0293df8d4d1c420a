//! What steps may cost, as Markdown.

use std::fmt::Write;

use super::{MOST_BYTES, code, escaped};
use crate::model::{Harm, Risk, Step};
use crate::plan::Plan;
use crate::report::text::in_all;

/// A line for each risk, with what was read for it and whether somebody consented.
pub(super) fn risks(text: &mut String, plan: &Plan) {
    let risks = plan
        .steps
        .iter()
        .flat_map(|step| step.risks.iter().map(move |risk| (step, risk)));
    let mut left = 0;
    for (step, risk) in risks {
        if text.len() > MOST_BYTES {
            left += 1;
            continue;
        }
        let _ = writeln!(text, "{}", line(step, risk));
    }
    if left > 0 {
        let _ = writeln!(text, "- … and {left} more risks.");
    }
}

fn line(step: &Step, risk: &Risk) -> String {
    let (mark, harm) = match risk.harm {
        Harm::Low => ("🟢", "low"),
        Harm::Medium => ("🟡", "medium"),
        Harm::High => ("🔴", "high"),
        Harm::Critical => ("🔴", "critical"),
    };
    let field = risk.field.as_ref().map(|field| format!(" {}", code(field)));
    let about = format!(
        "{}{}",
        code(&step.address.to_string()),
        field.unwrap_or_default()
    );
    let consent = match &risk.approved_by {
        Some(by) => format!(" (approved by {})", escaped(by)),
        None if risk.blocks() && risk.unapproved.is_some() => format!(
            " ({})",
            escaped(risk.unapproved.as_deref().unwrap_or_default())
        ),
        None if risk.blocks() => {
            format!(
                " → {}",
                code(&format!("--approve {}@{}", risk.code, step.address))
            )
        }
        None => String::new(),
    };
    let in_all = in_all(step, risk).map(|total| format!("; {total}"));
    format!(
        "- {mark} {about}: {harm} **{}** {}{}{consent}",
        risk.code,
        escaped(&risk.evidence),
        in_all.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use crate::model::{Action, Code, Harm, Risk};
    use crate::report::markdown::plan;
    use crate::report::samples::{of, step};

    #[test]
    fn a_risk_stands_with_its_field_and_the_consent_that_it_needs() {
        let mut lowered = step("stream/S", Action::Update, 1);
        let risk = |harm, approved_by: Option<&str>| Risk {
            field: Some("max_age".to_owned()),
            approved_by: approved_by.map(str::to_owned),
            ..Risk::of(Code::StreamAgeLowered, harm, "5 of its 8 messages")
        };
        lowered.risks = vec![
            risk(Harm::Critical, None),
            risk(Harm::Critical, Some("Ann")),
            risk(Harm::Medium, None),
        ];
        let text = plan(&of(vec![lowered], 0));
        for line in [
            "- 🔴 `stream/S` `max_age`: critical **stream-age-lowered** 5 of its 8 messages → `--approve stream-age-lowered@stream/S`\n",
            "- 🔴 `stream/S` `max_age`: critical **stream-age-lowered** 5 of its 8 messages (approved by Ann)\n",
            "- 🟡 `stream/S` `max_age`: medium **stream-age-lowered** 5 of its 8 messages\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn what_several_fields_lose_is_told_together() {
        let mut lowered = step("stream/S", Action::Update, 1);
        let risk = |field: &str, lost| Risk {
            field: Some(field.to_owned()),
            at_stake: Some(lost),
            at_stake_in_all: Some(980),
            ..Risk::of(Code::StreamLimitLowered, Harm::Critical, "some go")
        };
        lowered.risks = vec![risk("max_msgs", 500), risk("max_msgs_per_subject", 480)];
        let text = plan(&of(vec![lowered], 0));
        assert!(
            text.contains("some go; up to 980 messages together with `max_msgs_per_subject` → "),
            "{text}"
        );
    }
}
