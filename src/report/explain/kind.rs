use super::words;
use crate::kinds::{Declaration, Field, Shape};
use crate::model::KindName;
use crate::report::{Line, Page, Tone};

/// The page of a kind: what it is, where it stands in a manifest, and all its fields.
pub fn kind(
    name: KindName,
    declaration: &Declaration,
    aliases: &[(&str, &str)],
    width: usize,
) -> String {
    let mut page = Page::new(width);
    let heading = Line::new().put(Tone::Strong, name.as_str());
    page.line(&heading.put(
        Tone::Faint,
        &format!("  {}, under `{}`", name.broker(), under(name)),
    ));
    page.gap();
    paragraphs(&mut page, 2, &declaration.description);
    page.gap();
    let mut rows = vec![heads(&["field", "takes", "default", "change", "since"])];
    rows.extend(
        all(declaration, "")
            .iter()
            .map(|(path, field)| row(path, field)),
    );
    page.table(2, &fit(rows, width));
    if !aliases.is_empty() {
        page.gap();
    }
    for (alias, path) in aliases {
        let line = Line::indented(2)
            .plain(alias)
            .put(Tone::Faint, " is short for ");
        page.line(&line.plain(path));
    }
    page.gap();
    let line = Line::new().plain("Next: ");
    page.line(&line.put(Tone::Command, &format!("trueup explain {name}.FIELD")));
    page.finish()
}

/// Every kind, with what it is and where it stands in a manifest.
pub fn kinds<'a>(known: impl Iterator<Item = (KindName, &'a Declaration)>, width: usize) -> String {
    let mut page = Page::new(width);
    let rows: Vec<_> = known
        .map(|(name, declaration)| {
            vec![
                (Tone::Strong, name.to_string()),
                (Tone::Faint, under(name).to_owned()),
                (
                    Tone::Plain,
                    first_sentence(&declaration.description).to_owned(),
                ),
            ]
        })
        .collect();
    page.table(2, &rows);
    page.finish()
}

/// The page of one field, by its path; none where the kind has no such field.
pub fn field(
    name: KindName,
    declaration: &Declaration,
    path: &str,
    width: usize,
) -> Option<String> {
    let field = declaration.within(path)?;
    let mut page = Page::new(width);
    page.line(&Line::new().put(Tone::Strong, &format!("{name}.{path}")));
    page.gap();
    if !field.description.is_empty() {
        paragraphs(&mut page, 2, &field.description);
        page.gap();
    }
    page.table(2, &facts(name, &field));
    if let Some(unknown) = unknown_entry(declaration, path) {
        page.gap();
        page.wrapped(Line::indented(2), Tone::Change, &unknown);
    }
    if let Some(inner) = field.inside() {
        page.gap();
        let mut rows = vec![heads(&["field", "takes", "default", "change", "since"])];
        rows.extend(all(inner, "").iter().map(|(path, field)| row(path, field)));
        page.table(2, &fit(rows, width));
    }
    Some(page.finish())
}

/// What is known of a field that lives on no broker.
pub(super) fn facts_of_part(field: &Field) -> Vec<Vec<(Tone, String)>> {
    let unit = field.facts.unit.map(|unit| {
        let example = match unit {
            crate::model::unit::Unit::Bytes => "`64KiB`, `10GiB`, `10MB`",
            _ => "`500ms`, `30s`, `12h`, `7d`",
        };
        format!("{example}; a plain number is {}", words::plain_number(unit))
    });
    labelled([
        ("takes", Some(words::takes(field))),
        ("unit", unit),
        ("required", field.required.then(|| "yes".to_owned())),
        ("default", words::default(field)),
    ])
}

fn facts(name: KindName, field: &Field) -> Vec<Vec<(Tone, String)>> {
    let facts = &field.facts;
    let mut rows = facts_of_part(field);
    rows.extend(labelled([
        ("change", Some(words::edits(&facts.edit, name))),
        (
            "compared",
            words::compared(facts.compare).map(str::to_owned),
        ),
        ("since", words::since(field, name.broker())),
        (
            "set by",
            facts
                .hidden
                .then(|| "the server; it can't be declared".to_owned()),
        ),
        ("source", facts.source.clone()),
    ]));
    rows
}

/// The facts that there are, each behind its label.
fn labelled<const N: usize>(facts: [(&str, Option<String>); N]) -> Vec<Vec<(Tone, String)>> {
    facts
        .into_iter()
        .filter_map(|(label, text)| {
            Some(vec![(Tone::Faint, label.to_owned()), (Tone::Plain, text?)])
        })
        .collect()
}

/// Every field that can be declared, by path: objects taken apart, an open map with the entries
/// that are known by name.
pub(super) fn all(declaration: &Declaration, before: &str) -> Vec<(String, Field)> {
    let mut found = Vec::new();
    for (name, field) in declaration.fields.iter().filter(|(_, f)| !f.facts.hidden) {
        let path = format!("{before}{name}");
        if let Shape::Object(inner) = &field.shape {
            found.extend(all(inner, &format!("{path}.")));
            continue;
        }
        let entries = field.entries();
        found.push((path.clone(), field.clone()));
        found.extend(
            entries
                .into_iter()
                .map(|entry| (format!("{path}.{}", entry.name), entry)),
        );
    }
    found
}

/// What is to be said of an entry of an open map whose key is not among the known ones.
fn unknown_entry(declaration: &Declaration, path: &str) -> Option<String> {
    let (map, key) = path.split_once('.')?;
    let entries = declaration.fields.get(map)?.entries();
    if entries.is_empty() || entries.iter().any(|entry| entry.name == key) {
        return None;
    }
    let near = super::nearest(key, entries.iter().map(|entry| entry.name.as_str()));
    let near: Vec<_> = near.iter().map(|key| format!("`{key}`")).collect();
    let known = "trueup knows nothing of this key and hands it to the broker, which decides";
    Some(match near.is_empty() {
        true => known.to_owned(),
        false => format!("{known}; near are {}", near.join(", ")),
    })
}

pub(super) fn heads(words: &[&str]) -> Vec<(Tone, String)> {
    words
        .iter()
        .map(|word| (Tone::Faint, (*word).to_owned()))
        .collect()
}

fn row(path: &str, field: &Field) -> Vec<(Tone, String)> {
    let since = field.facts.since.clone().unwrap_or_default();
    let required = if field.required {
        "required".to_owned()
    } else {
        String::new()
    };
    vec![
        (Tone::Strong, path.to_owned()),
        (Tone::Plain, short(&words::takes(field), TAKES)),
        (Tone::Plain, words::default(field).unwrap_or(required)),
        (Tone::Plain, words::edits_short(&field.facts.edit)),
        (Tone::Faint, since),
    ]
}

/// The most that a table shows of what a field takes.
pub(super) const TAKES: usize = 35;

/// A long enumeration is cut in the table; the field's own page has it all.
pub(super) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end_matches([',', ' ']))
}

/// The rows as a page of this width holds them, a line each: what a field takes is cut, and where that
/// would leave too little of it, the last columns go. The field's own page has it all.
fn fit(mut rows: Vec<Vec<(Tone, String)>>, width: usize) -> Vec<Vec<(Tone, String)>> {
    /// What a field is called and takes.
    const NEEDED: usize = 2;
    /// The least that is worth to be shown of what a field takes.
    const LEAST: usize = 20;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for kept in (NEEDED + 1..=columns).rev() {
        rows.iter_mut().for_each(|row| row.truncate(kept));
        let others: usize = (0..kept)
            .filter(|at| *at != 1)
            .map(|at| widest(&rows, at))
            .sum();
        let room = width.saturating_sub(2 * kept + others);
        if room >= LEAST {
            let takes = rows.iter_mut().filter_map(|row| row.get_mut(1));
            takes.for_each(|(_, text)| *text = short(text, room));
            return rows;
        }
    }
    rows.iter_mut().for_each(|row| row.truncate(NEEDED));
    rows
}

/// The width of the widest cell of a column.
fn widest(rows: &[Vec<(Tone, String)>], at: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(at));
    let widths = cells.map(|(_, cell)| Line::new().plain(cell).width());
    widths.max().unwrap_or(0)
}

pub(super) fn paragraphs(page: &mut Page, indent: usize, text: &str) {
    for (at, paragraph) in text.split("\n\n").enumerate() {
        if at > 0 {
            page.gap();
        }
        page.wrapped(
            Line::indented(indent),
            Tone::Plain,
            &paragraph.replace('\n', " "),
        );
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ")
        .map_or(text, |(first, _)| first)
        .lines()
        .next()
        .unwrap_or_default()
}

/// Where resources of this kind stand in a manifest.
pub(super) const fn under(name: KindName) -> &'static str {
    match name {
        KindName::Stream => "nats.streams",
        KindName::Kv => "nats.key_value",
        KindName::ObjectStore => "nats.object_store",
        KindName::Consumer => "nats.streams.STREAM.consumers",
        KindName::Topic => "kafka.topics",
        KindName::Acl => "kafka.acls",
        KindName::Quota => "kafka.quotas",
        KindName::User => "kafka.users",
        KindName::Route => "bridge.routes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Edit, Facts, field as plain};
    use crate::model::unit::Unit;
    use indexmap::IndexMap;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    /// A durable log of the messages on its subjects.
    ///
    /// It holds them until a limit says otherwise.
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Thing {
        /// How long a message is kept.
        #[schemars(extend("x-field" = plain().unit(Unit::Nanos).unlimited(&[0]).default_is(0)))]
        max_age: Option<i64>,
        /// Where messages are held.
        #[schemars(extend("x-field" = plain().edit(Edit::Fixed).source("ADR-1")))]
        storage: Storage,
        /// Where the peers are.
        placement: Option<Placement>,
        /// Anything.
        #[serde(default)]
        config: IndexMap<String, String>,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Storage {
        File,
        Memory,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Placement {
        /// Tags that a server must have.
        #[schemars(extend("x-field" = plain().set().since_nats("2.11", 1)))]
        tags: Option<Vec<String>>,
    }

    fn entries(key: &str) -> Facts {
        match key {
            "retention.ms" => plain().unit(Unit::Millis).unlimited(&[-1]).text(),
            _ => plain().text(),
        }
    }

    fn bare(screen: &str) -> String {
        anstream::adapter::strip_str(screen).to_string()
    }

    #[test]
    fn each_field_of_a_kind_is_one_line_whatever_the_width() {
        for known in crate::kinds::registry() {
            let declaration = known.declaration();
            for (width, head) in [(120, "since"), (100, "since"), (80, "default")] {
                let page = bare(&kind(known.name(), declaration, &[], width));
                let table = page
                    .lines()
                    .skip_while(|line| !line.starts_with("  field "));
                let table: Vec<&str> = table.take_while(|line| !line.is_empty()).collect();
                assert_eq!(table.len(), 1 + all(declaration, "").len(), "{page}");
                let is_narrow = declaration.fields.contains_key("config");
                assert!(table[0].contains(head) || is_narrow, "{width}: {page}");
            }
        }
    }

    #[test]
    fn pages_of_a_kind_and_its_fields() {
        let thing = Declaration::of::<Thing>().with_entries("config", entries);
        let aliases = [("retention", "config.retention.ms")];
        let page = kind(KindName::Stream, &thing, &aliases, 100);
        insta::assert_snapshot!("a_kind", bare(&page));
        let page = |path| bare(&field(KindName::Stream, &thing, path, 100).unwrap());
        insta::assert_snapshot!("a_duration", page("max_age"));
        insta::assert_snapshot!("a_fixed_choice", page("storage"));
        insta::assert_snapshot!("an_object", page("placement"));
        insta::assert_snapshot!("an_entry", page("config.retention.ms"));
        assert!(field(KindName::Stream, &thing, "nothing", 100).is_none());
    }
}
