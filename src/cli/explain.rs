mod topic;

use serde_json::Value;

use super::args::{Form, topics_offered};
use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
use crate::kinds::registry;
use crate::manifest::parts;
use crate::report::explain::{self, json, markdown, nearest};
use topic::Topic;

/// Explains a kind, a part of a manifest, a field or a code; without a topic, says what there is.
pub(super) fn run(topic: Option<&str>, screen: &Screen) -> Result<Exit, Failure> {
    let topic = topic
        .map(|said| Topic::of(said).ok_or_else(|| unknown(said)))
        .transpose()?;
    screen.publish(&|form| match form {
        Form::Text => text(topic.as_ref(), screen.width()),
        Form::Json => written(&document(topic.as_ref())),
        Form::Markdown => page(topic.as_ref()),
    })?;
    Ok(Exit::Done)
}

fn text(topic: Option<&Topic>, width: usize) -> String {
    match topic {
        None => overview(width),
        Some(Topic::Code(code)) => explain::code(*code, width),
        Some(Topic::Kind(kind)) => {
            explain::kind(kind.name(), kind.declaration(), kind.aliases(), width)
        }
        Some(Topic::Field(kind, path)) => {
            explain::field(kind.name(), kind.declaration(), path, width).unwrap_or_default()
        }
        Some(Topic::Part(part)) => explain::part(part, width),
        Some(Topic::PartField(part, path)) => {
            explain::part_field(part, path, width).unwrap_or_default()
        }
    }
}

fn page(topic: Option<&Topic>) -> String {
    match topic {
        None => markdown::overview(registry(), parts()),
        Some(Topic::Code(code)) => markdown::code(*code),
        Some(Topic::Kind(kind)) => markdown::kind(*kind),
        Some(Topic::Field(kind, path)) => markdown::field(*kind, path).unwrap_or_default(),
        Some(Topic::Part(part)) => markdown::part(part),
        Some(Topic::PartField(part, path)) => markdown::part_field(part, path).unwrap_or_default(),
    }
}

fn document(topic: Option<&Topic>) -> Value {
    match topic {
        None => json::overview(registry(), parts()),
        Some(Topic::Code(code)) => json::code(*code),
        Some(Topic::Kind(kind)) => json::kind(*kind),
        Some(Topic::Field(kind, path)) => json::field(*kind, path).unwrap_or_default(),
        Some(Topic::Part(part)) => json::part(part),
        Some(Topic::PartField(part, path)) => json::part_field(part, path).unwrap_or_default(),
    }
}

fn written(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

fn overview(width: usize) -> String {
    let kinds = registry()
        .iter()
        .map(|kind| (kind.name(), kind.declaration()));
    let others = parts().iter().filter(|part| part.kind.is_none());
    format!(
        "Kinds (`trueup explain KIND`, `trueup explain KIND.FIELD`):\n{}\nSections (`trueup explain SECTION`):\n{}\nCodes (`trueup explain CODE`):\n{}",
        explain::kinds(kinds, width),
        explain::parts(others, width),
        explain::codes(width)
    )
}

fn unknown(topic: &str) -> Failure {
    let near = nearest(topic, topics_offered().iter().map(String::as_str));
    let hint = if near.is_empty() {
        "`trueup explain` lists the kinds, sections and codes".to_owned()
    } else {
        let near: Vec<_> = near.iter().map(|word| format!("`{word}`")).collect();
        format!("did you mean {}?", near.join(" or "))
    };
    Failure::said(format!("`{topic}` is no kind, section, field or code")).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_there_is_has_a_page_in_every_form() {
        for topic in explain::topics(registry(), parts()) {
            let known = Topic::of(&topic);
            assert!(known.is_some(), "{topic}");
            assert!(text(known.as_ref(), 80).contains(' '), "{topic}");
            assert!(!page(known.as_ref()).is_empty(), "{topic}");
            assert!(document(known.as_ref()).is_object(), "{topic}");
        }
    }

    #[test]
    fn a_group_of_fields_is_explained_by_those_below_it_and_what_stands_beside_them_is_known() {
        for (topic, below) in [
            ("acl.resource", "transactional_id"),
            ("stream.sources.external", "api"),
            ("access.produce", "principal"),
            ("topic.access.produce", "principal"),
            ("user.password", "variable"),
            ("kafka.users.password_file", "relative"),
            ("kafka.users.version", "ledger"),
        ] {
            let known = Topic::of(topic);
            assert!(known.is_some(), "{topic}");
            let page = text(known.as_ref(), 80);
            assert!(page.contains(below), "{topic}: {page}");
        }
    }

    #[test]
    fn what_an_acl_has_where_nothing_is_said_is_not_required() {
        for (topic, default) in [
            ("acl.permission", "allow"),
            ("acl.pattern", "literal"),
            ("acl.host", "*"),
        ] {
            let page = text(Topic::of(topic).as_ref(), 80);
            let says = |word: &str| page.split_whitespace().any(|said| said == word);
            assert!(!says("required") && says(default), "{topic}: {page}");
        }
    }
}
