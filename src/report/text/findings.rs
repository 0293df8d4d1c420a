use crate::engine::{Finding, Health};
use crate::report::{Line, Page, Tone};

/// What `doctor` found, a line each, and the way out where there is one; then the verdict.
pub fn findings(findings: &[Finding], width: usize) -> String {
    let mut page = Page::new(width);
    let rows: Vec<_> = findings.iter().map(row).collect();
    page.table(0, &rows);
    page.gap();
    let count = |health| findings.iter().filter(|f| f.verdict == health).count();
    let (bad, doubtful) = (count(Health::Bad), count(Health::Doubtful));
    let (tone, text) = match (bad, doubtful) {
        (0, 0) => (Tone::Good, "All is as it should be.".to_owned()),
        (0, n) => (Tone::Change, format!("It works; {n} to look at.")),
        (bad, 0) => (Tone::Bad, format!("{bad} will fail.")),
        (bad, n) => (Tone::Bad, format!("{bad} will fail, {n} to look at.")),
    };
    page.line(&Line::new().put(tone, &text));
    page.finish()
}

fn row(finding: &Finding) -> Vec<(Tone, String)> {
    let (tone, word) = match finding.verdict {
        Health::Good => (Tone::Good, "ok"),
        Health::Doubtful => (Tone::Change, "look"),
        Health::Bad => (Tone::Bad, "bad"),
    };
    let hint = finding.hint.as_ref().map(|hint| format!(" → {hint}"));
    vec![
        (tone, word.to_owned()),
        (Tone::Faint, finding.broker.to_string()),
        (Tone::Strong, finding.what.clone()),
        (
            Tone::Plain,
            finding.detail.clone() + &hint.unwrap_or_default(),
        ),
    ]
}
