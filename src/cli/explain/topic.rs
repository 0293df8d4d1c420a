use std::borrow::Cow;

use crate::kinds::{Kind, kind};
use crate::manifest::{Part, parts};
use crate::model::{Code, KindName};

/// What can be explained.
pub(super) enum Topic {
    Code(Code),
    Kind(&'static dyn Kind),
    Field(&'static dyn Kind, String),
    Part(Cow<'static, Part>),
    PartField(&'static Part, String),
}

impl Topic {
    /// What a word, or words with dots between them, mean: the name of a code or of a kind, or the
    /// manifest's own words, with or without the key at the top.
    pub fn of(said: &str) -> Option<Topic> {
        if let Ok(code) = said.parse::<Code>() {
            return Some(Topic::Code(code));
        }
        inside_a_resource(said)
            .or_else(|| of_kind(said))
            .or_else(|| of_part(said))
            .or_else(|| of_part(&format!("kafka.acls.{}", said.strip_prefix("acl.")?)))
    }
}

/// A kind or one of its fields.
fn of_kind(said: &str) -> Option<Topic> {
    let (name, field) = match said.split_once('.') {
        Some((name, field)) => (name, Some(field)),
        None => (said, None),
    };
    let kind = kind(name.parse::<KindName>().ok()?)?;
    match field {
        None => Some(Topic::Kind(kind)),
        Some(field) => of_field(kind, field).or_else(|| beside(kind, field)),
    }
}

/// What a resource of this kind has beside its fields: a user's `password`.
fn beside(kind: &dyn Kind, field: &str) -> Option<Topic> {
    let mut holding = parts().iter().filter(|part| part.kind == Some(kind.name()));
    holding.find_map(|part| part_field(part, field))
}

/// A field by its path, by an alias, or by a config's own name.
fn of_field(kind: &'static dyn Kind, field: &str) -> Option<Topic> {
    let alias = kind.aliases().iter().find(|(alias, _)| *alias == field);
    let path = alias.map_or(field, |(_, path)| path);
    let known = |path: &str| kind.declaration().within(path).is_some();
    if known(path) {
        return Some(Topic::Field(kind, path.to_owned()));
    }
    let config = format!("config.{path}");
    (path.contains('.') && known(&config)).then_some(Topic::Field(kind, config))
}

/// A part of a manifest by its path, the longest first, or else by its last key.
fn of_part(said: &str) -> Option<Topic> {
    let by_path = parts()
        .iter()
        .filter_map(|part| Some((part, after(said, &part.path)?)))
        .max_by_key(|(part, _)| part.path.len());
    if let Some((part, rest)) = by_path {
        return at(part, rest);
    }
    parts().iter().find_map(|part| {
        let last = part.path.rsplit('.').next().unwrap_or_default();
        at(part, after(said, last)?)
    })
}

/// The part or what it has there; where it holds resources, their kind.
fn at(part: &'static Part, rest: &str) -> Option<Topic> {
    match (part.kind, rest) {
        (Some(name), "") => kind(name).map(Topic::Kind),
        (Some(name), field) => of_kind(&format!("{name}.{field}")),
        (None, "") => Some(Topic::Part(Cow::Borrowed(part))),
        (None, field) => part_field(part, field),
    }
}

fn part_field(part: &'static Part, field: &str) -> Option<Topic> {
    let known = part.fields.iter().any(|(path, _)| path == field);
    match known {
        true => Some(Topic::PartField(part, field.to_owned())),
        false => part
            .group(field)
            .map(|group| Topic::Part(Cow::Owned(group))),
    }
}

/// What stands in a resource beside its fields: `topic.access`, `stream.lifecycle.protect`.
fn inside_a_resource(said: &str) -> Option<Topic> {
    const BESIDE: [&str; 3] = ["access", "consumers", "lifecycle"];
    let (name, rest) = said.rsplit_once('.').and_then(|_| said.split_once('.'))?;
    let name_is_a_kind = matches!(Topic::of(name), Some(Topic::Kind(_)));
    let word = rest.split('.').next().unwrap_or_default();
    (name_is_a_kind && BESIDE.contains(&word))
        .then(|| of_part(rest))
        .flatten()
}

/// What follows these words: nothing, or what stands behind the next dot.
fn after<'s>(said: &'s str, words: &str) -> Option<&'s str> {
    let rest = said.strip_prefix(words)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('.')
    }
}
