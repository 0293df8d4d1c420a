use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
use crate::kinds::{Kind, kind, registry};
use crate::model::{Code, KindName};
use crate::report::explain::{self, nearest};

/// Explains a kind, a field or a code; without a topic, says what there is.
pub(super) fn run(topic: Option<&str>, screen: &Screen) -> Result<Exit, Failure> {
    let width = screen.width();
    let page = match topic {
        None => Some(overview(width)),
        Some(topic) => page(topic, width),
    };
    let page = page.ok_or_else(|| unknown(topic.unwrap_or_default()))?;
    screen.result(&page)?;
    Ok(Exit::Done)
}

fn overview(width: usize) -> String {
    let kinds = registry()
        .iter()
        .map(|kind| (kind.name(), kind.declaration()));
    format!(
        "Kinds (`trueup explain KIND`, `trueup explain KIND.FIELD`):\n{}\nCodes (`trueup explain CODE`):\n{}",
        explain::kinds(kinds, width),
        explain::codes(width)
    )
}

fn page(topic: &str, width: usize) -> Option<String> {
    if let Ok(code) = topic.parse::<Code>() {
        return Some(explain::code(code, width));
    }
    let (name, field) = match topic.split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (topic, None),
    };
    let kind = kind(name.parse::<KindName>().ok()?)?;
    match field {
        None => Some(explain::kind(
            kind.name(),
            kind.declaration(),
            kind.aliases(),
            width,
        )),
        Some(field) => field_page(kind, field, width),
    }
}

/// The page of a field by its path, by an alias, or by a config's own name.
fn field_page(kind: &dyn Kind, field: &str, width: usize) -> Option<String> {
    let alias = kind.aliases().iter().find(|(alias, _)| *alias == field);
    let path = alias.map_or(field, |(_, path)| path);
    let declaration = kind.declaration();
    let page = explain::field(kind.name(), declaration, path, width);
    let is_config = page.is_none() && path.contains('.');
    page.or_else(|| {
        let path = is_config.then(|| format!("config.{path}"))?;
        explain::field(kind.name(), declaration, &path, width)
    })
}

fn unknown(topic: &str) -> Failure {
    let fields = registry().iter().flat_map(|kind| {
        let name = kind.name();
        explain::paths(kind.declaration())
            .into_iter()
            .map(move |path| format!("{name}.{path}"))
    });
    let known: Vec<String> = KindName::ALL
        .iter()
        .map(ToString::to_string)
        .chain(Code::ALL.iter().map(ToString::to_string))
        .chain(fields)
        .collect();
    let near = nearest(topic, known.iter().map(String::as_str));
    let hint = if near.is_empty() {
        "`trueup explain` lists the kinds and codes".to_owned()
    } else {
        let near: Vec<_> = near.iter().map(|word| format!("`{word}`")).collect();
        format!("did you mean {}?", near.join(" or "))
    };
    Failure::said(format!("`{topic}` is no kind, field or code")).hint(hint)
}
