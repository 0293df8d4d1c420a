//! The pages as Markdown: what `docs/reference` is made of.

use std::fmt::Write;

use super::code::FORETOLD;
use super::kind::{all, under};
use super::words;
use crate::kinds::{Field, Kind, is_foretold};
use crate::manifest::Part;
use crate::model::{Broker, Code, KindName};
use crate::report::markdown::code as span;

/// What there is to explain, each with its page of the same folder.
pub fn overview(kinds: &[&dyn Kind], parts: &[Part]) -> String {
    let mut text =
        String::from("# Reference\n\n| kind | stands under | what it is |\n|---|---|---|\n");
    for kind in kinds {
        let name = kind.name();
        let what = paragraph(first(&kind.declaration().description));
        let _ = writeln!(
            text,
            "| [{name}]({name}.md) | {} | {what} |",
            span(under(name))
        );
    }
    text.push_str("\nBesides:\n\n- [sections of a manifest](manifest.md): ");
    let others = parts.iter().filter(|part| part.kind.is_none());
    let others: Vec<_> = others.map(|part| span(&part.path)).collect();
    let _ = writeln!(text, "{}", others.join(", "));
    let _ = writeln!(
        text,
        "- [codes](codes.md): {} of them, each with the way out",
        Code::ALL.len()
    );
    text
}

/// A kind: what it is, its fields in a table, and each with all that is known of it.
pub fn kind(kind: &dyn Kind) -> String {
    let name = kind.name();
    let declaration = kind.declaration();
    let fields = all(declaration, "");
    let mut text = format!(
        "# {name}\n\n{}, under {}.\n\n{}\n",
        name.broker(),
        span(under(name)),
        paragraphs(&declaration.description)
    );
    text.push_str("\n| field | takes | default | change | since |\n|---|---|---|---|---|\n");
    for (path, field) in &fields {
        text.push_str(&row(path, field));
    }
    for (alias, path) in kind.aliases() {
        let _ = write!(text, "\n{} is short for {}.\n", span(alias), span(path));
    }
    for (path, field) in &fields {
        text.push_str(&section(name, path, field));
    }
    text
}

/// A field of a kind by its path; none where it has no such field.
pub fn field(kind: &dyn Kind, path: &str) -> Option<String> {
    let field = kind.declaration().within(path)?;
    let text = section(kind.name(), path, &field);
    Some(text.trim_start().to_owned())
}

/// A part of a manifest.
pub fn part(part: &Part) -> String {
    let mut text = format!(
        "## {}\n\n{}\n",
        span(&part.path),
        paragraphs(&part.description)
    );
    if !part.fields.is_empty() {
        text.push_str("\n| field | takes | default | what it is |\n|---|---|---|---|\n");
    }
    for (path, field) in &part.fields {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            span(path),
            cell(&words::takes(field)),
            default(field),
            paragraph(&field.description)
        );
    }
    text
}

/// A field of a part of a manifest by its path; none where it has no such field.
pub fn part_field(part: &Part, path: &str) -> Option<String> {
    let (_, field) = part.fields.iter().find(|(name, _)| name == path)?;
    let name = format!("{}.{path}", part.path);
    Some(format!(
        "### {}\n\n{}\n\n{}",
        span(&name),
        paragraphs(&field.description),
        listed(&facts(field))
    ))
}

/// A code: what it means and the way out.
pub fn code(code: Code) -> String {
    let (name, title, way_out) = (span(code.as_str()), code.title(), code.way_out());
    let mut text = format!("## {name}\n\n{title}\n\nWay out: {way_out}\n");
    if is_foretold(code) {
        let _ = writeln!(text, "\nAlso: {FORETOLD}");
    }
    if let Some(source) = code.source() {
        let _ = writeln!(text, "\nSource: {source}");
    }
    text
}

fn row(path: &str, field: &Field) -> String {
    let facts = &field.facts;
    format!(
        "| [{}](#{}) | {} | {} | {} | {} |\n",
        span(path),
        anchor(path),
        cell(&words::takes(field)),
        default(field),
        words::edits_short(&facts.edit),
        facts.since.as_deref().unwrap_or_default()
    )
}

fn section(name: KindName, path: &str, field: &Field) -> String {
    let mut lines = facts(field);
    lines.extend(facts_on(name, field));
    let what = match field.description.is_empty() {
        true => String::new(),
        false => format!("{}\n\n", paragraphs(&field.description)),
    };
    format!("\n## {}\n\n{what}{}", span(path), listed(&lines))
}

/// What is known of any field.
fn facts(field: &Field) -> Vec<(&'static str, String)> {
    let plain = field.facts.unit.map(words::plain_number);
    let said = [
        ("takes", Some(words::takes(field))),
        ("a plain number is", plain.map(str::to_owned)),
        ("required", field.required.then(|| "yes".to_owned())),
        ("default", words::default(field).map(|value| span(&value))),
    ];
    there(said)
}

/// What is known of a field that lives on a broker.
fn facts_on(name: KindName, field: &Field) -> Vec<(&'static str, String)> {
    let facts = &field.facts;
    let broker: Broker = name.broker();
    there([
        ("change", Some(words::edits(&facts.edit, name))),
        (
            "compared",
            words::compared(facts.compare).map(str::to_owned),
        ),
        ("since", words::since(field, broker)),
        ("source", facts.source.clone()),
    ])
}

fn there<const N: usize>(said: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    said.into_iter()
        .filter_map(|(label, text)| Some((label, text?)))
        .collect()
}

fn listed(facts: &[(&'static str, String)]) -> String {
    facts.iter().fold(String::new(), |mut text, (label, fact)| {
        let _ = writeln!(text, "- {label}: {fact}");
        text
    })
}

fn default(field: &Field) -> String {
    match words::default(field) {
        Some(value) => span(&value),
        None if field.required => "required".to_owned(),
        None => String::new(),
    }
}

/// The id that GitHub and GitLab give a heading which holds this code alone.
fn anchor(path: &str) -> String {
    path.replace(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'), "")
        .to_lowercase()
}

fn first(text: &str) -> &str {
    text.split("\n\n").next().unwrap_or_default()
}

fn paragraphs(text: &str) -> String {
    let each: Vec<_> = text
        .split("\n\n")
        .map(|one| one.replace('\n', " "))
        .collect();
    each.join("\n\n")
}

/// The text as a cell of a table.
fn paragraph(text: &str) -> String {
    cell(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{kind as of, registry};

    #[test]
    fn every_row_of_a_kind_leads_to_a_section() {
        for known in registry() {
            let text = kind(*known);
            let headings: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix("## "))
                .map(anchor)
                .collect();
            let links = text
                .split("](#")
                .skip(1)
                .filter_map(|rest| rest.split_once(')'));
            for (link, _) in links {
                assert!(headings.iter().any(|heading| heading == link), "{link}");
            }
        }
    }

    #[test]
    fn every_field_says_where_its_facts_come_from() {
        for known in registry() {
            for (path, field) in all(known.declaration(), "") {
                assert!(field.facts.source.is_some(), "{}.{path}", known.name());
            }
        }
    }

    #[test]
    fn a_field_has_all_that_is_known_of_it() {
        let stream = of(KindName::Stream).unwrap();
        insta::assert_snapshot!(field(stream, "max_consumers").unwrap());
        assert_eq!(field(stream, "nothing"), None);
    }
}
