use super::kind::{TAKES, facts_of_part, heads, paragraphs, short};
use super::words;
use crate::kinds::Field;
use crate::manifest::Part;
use crate::report::{Line, Page, Tone};

/// The page of a part of a manifest: what it is and what can be said there.
pub fn part(part: &Part, width: usize) -> String {
    let mut page = Page::new(width);
    page.line(&Line::new().put(Tone::Strong, &part.path));
    page.gap();
    paragraphs(&mut page, 2, &part.description);
    if !part.fields.is_empty() {
        page.gap();
        let mut rows = vec![heads(&["field", "takes", "is"])];
        rows.extend(part.fields.iter().map(|(path, field)| row(path, field)));
        page.table(2, &rows);
    }
    page.finish()
}

/// The page of one field of a part; none where it has no such field.
pub fn part_field(part: &Part, path: &str, width: usize) -> Option<String> {
    let (_, field) = part.fields.iter().find(|(name, _)| name == path)?;
    let mut page = Page::new(width);
    page.line(&Line::new().put(Tone::Strong, &format!("{}.{path}", part.path)));
    page.gap();
    paragraphs(&mut page, 2, &field.description);
    page.gap();
    page.table(2, &facts_of_part(field));
    Some(page.finish())
}

/// The parts of a manifest, each with what it is.
pub fn parts<'a>(parts: impl Iterator<Item = &'a Part>, width: usize) -> String {
    let mut page = Page::new(width);
    let rows: Vec<_> = parts
        .map(|part| {
            vec![
                (Tone::Strong, part.path.clone()),
                (Tone::Plain, part.description.clone()),
            ]
        })
        .collect();
    page.table(2, &rows);
    page.finish()
}

fn row(path: &str, field: &Field) -> Vec<(Tone, String)> {
    vec![
        (Tone::Strong, path.to_owned()),
        (Tone::Plain, short(&words::takes(field), TAKES)),
        (Tone::Plain, field.description.replace('\n', " ")),
    ]
}
