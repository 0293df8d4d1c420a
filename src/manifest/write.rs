//! Resources to the text of a manifest that means them, for `export`.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::node::Value;
use super::scalar;
use super::sections::{Holds, SECTIONS};
use crate::kinds::acl::entries as acl_entries;
use crate::kinds::{Kind, Resources};
use crate::model::{Address, Doc, KindName, Lifecycle, OnRemove, Resource, Undeclared};

/// A manifest that declares exactly these resources, in manifest units: consumers under their
/// streams, ACLs as a list with several operations an entry. Loading it gives the resources back.
pub fn write(stack: &str, resources: &Resources) -> String {
    write_with(stack, resources, &crate::kinds::kind)
}

/// The same manifest as JSON, which is YAML too and loads alike.
pub fn write_json(stack: &str, resources: &Resources) -> String {
    let tree = tree(stack, resources, &crate::kinds::kind);
    let mut text = serde_json::to_string_pretty(&tree).unwrap_or_default();
    text.push('\n');
    text
}

/// The text of a tree of YAML, quoted so that it is read back as what it is.
pub fn write_tree(tree: Json) -> String {
    yaml(tree)
}

pub(super) fn write_with(
    stack: &str,
    resources: &Resources,
    kinds: super::entries::Kinds<'_>,
) -> String {
    yaml(tree(stack, resources, kinds).into())
}

fn tree(stack: &str, resources: &Resources, kinds: super::entries::Kinds<'_>) -> Doc {
    let mut tree = Doc::new();
    tree.insert("stack".to_owned(), stack.into());
    for section in SECTIONS {
        let content = match section.holds {
            Holds::Resources(kind) => named(kind, resources, kinds),
            Holds::Consumers => consumers_alone(resources, kinds),
            Holds::Acls => acls(resources),
            Holds::NatsConnection
            | Holds::KafkaConnection
            | Holds::Access
            | Holds::Principal
            | Holds::Defaults(_) => Json::Null,
        };
        if !content.is_null() {
            let head = tree.entry(section.head).or_insert_with(|| json!({}));
            head[section.name] = content;
        }
    }
    tree
}

/// The resources of this kind by name; nothing where there are none.
fn named(name: KindName, resources: &Resources, kinds: super::entries::Kinds<'_>) -> Json {
    let Some(kind) = kinds(name) else {
        return Json::Null;
    };
    let mut consumers = match name {
        KindName::Stream => consumers_by_stream(resources, kinds),
        _ => IndexMap::new(),
    };
    let mut all = Doc::new();
    for resource in resources.values().filter(|r| r.address.kind == name) {
        let mut doc = document(kind, resource);
        if let Some(consumers) = consumers.shift_remove(resource.address.name.as_str()) {
            doc.insert("consumers".to_owned(), consumers.into());
        }
        all.insert(resource.address.name.clone(), doc.into());
    }
    some(all)
}

fn consumers_by_stream<'r>(
    resources: &'r Resources,
    kinds: super::entries::Kinds<'_>,
) -> IndexMap<&'r str, Doc> {
    let mut by_stream: IndexMap<&str, Doc> = IndexMap::new();
    let Some(kind) = kinds(KindName::Consumer) else {
        return by_stream;
    };
    for resource in resources.values() {
        if let Some((stream, name)) = resource.address.stream_and_consumer() {
            by_stream
                .entry(stream)
                .or_default()
                .insert(name.to_owned(), document(kind, resource).into());
        }
    }
    by_stream
}

/// The consumers whose stream is not among the resources.
fn consumers_alone(resources: &Resources, kinds: super::entries::Kinds<'_>) -> Json {
    let mut all = Doc::new();
    for (stream, consumers) in consumers_by_stream(resources, kinds) {
        if !resources.contains_key(&Address::new(KindName::Stream, stream)) {
            all.extend(
                consumers
                    .into_iter()
                    .map(|(name, doc)| (format!("{stream}/{name}"), doc)),
            );
        }
    }
    some(all)
}

fn acls(resources: &Resources) -> Json {
    let addresses = resources.keys().filter(|a| a.kind == KindName::Acl);
    match serde_json::to_value(acl_entries(addresses)) {
        Ok(Json::Array(entries)) if !entries.is_empty() => entries.into(),
        _ => Json::Null,
    }
}

fn document(kind: &dyn Kind, resource: &Resource) -> Doc {
    let declaration = kind.declaration();
    let mut doc = declaration.to_manifest(&declaration.unflatten(&resource.declared));
    for (name, value) in doc.iter_mut() {
        let holds_text = declaration
            .fields
            .get(name)
            .is_some_and(|field| field.entry_facts.is_some());
        if let (true, Json::Object(entries)) = (holds_text, value) {
            entries.values_mut().for_each(unquote);
        }
    }
    if resource.lifecycle != Lifecycle::default() {
        doc.insert("lifecycle".to_owned(), lifecycle(&resource.lifecycle));
    }
    doc
}

/// What differs from the defaults.
fn lifecycle(lifecycle: &Lifecycle) -> Json {
    let Lifecycle {
        protect,
        ignore,
        undeclared,
        on_remove,
    } = lifecycle;
    let mut doc = Doc::new();
    if *protect {
        doc.insert("protect".to_owned(), true.into());
    }
    if !ignore.is_empty() {
        doc.insert("ignore".to_owned(), json!(ignore));
    }
    if *undeclared != Undeclared::default() {
        doc.insert("undeclared".to_owned(), json!(undeclared));
    }
    if *on_remove != OnRemove::default() {
        doc.insert("on_remove".to_owned(), json!(on_remove));
    }
    doc.into()
}

/// A number or boolean that the broker keeps as text reads better without quotes.
fn unquote(value: &mut Json) {
    let Json::String(text) = &*value else {
        return;
    };
    let plain = match text.as_str() {
        "true" => Some(Json::Bool(true)),
        "false" => Some(Json::Bool(false)),
        text => text
            .parse::<i64>()
            .ok()
            .filter(|number| number.to_string() == text)
            .map(Json::from),
    };
    if let Some(plain) = plain {
        *value = plain;
    }
}

fn some(all: Doc) -> Json {
    if all.is_empty() {
        Json::Null
    } else {
        all.into()
    }
}

/// The tree as YAML. Texts that a plain or block scalar can't carry go in as tokens and are
/// replaced by double-quoted ones, because yaml_serde writes U+2028 in a form that reads back as
/// something else.
fn yaml(tree: Json) -> String {
    let mut quoted = Vec::new();
    let tree = marked(tree, &mut quoted);
    let text = serde_yaml::to_string(&tree).unwrap_or_default();
    unmarked(&text, &quoted)
}

fn unmarked(text: &str, quoted: &[String]) -> String {
    let mut pieces = text.split(TOKEN);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (index, rest) = piece.split_once('_').unwrap_or((piece, ""));
        let original = index
            .parse()
            .ok()
            .and_then(|index: usize| quoted.get(index));
        out.push_str(&double_quoted(original.map_or("", String::as_str)));
        out.push_str(rest);
    }
    out
}

fn marked(value: Json, quoted: &mut Vec<String>) -> Json {
    match value {
        Json::String(text) => Json::String(mark(escaped(&text), quoted)),
        Json::Array(items) => items.into_iter().map(|item| marked(item, quoted)).collect(),
        Json::Object(object) => object
            .into_iter()
            .map(|(key, value)| (mark(key, quoted), marked(value, quoted)))
            .collect::<Doc>()
            .into(),
        other => other,
    }
}

fn mark(text: String, quoted: &mut Vec<String>) -> String {
    if is_plain(&text) {
        return text;
    }
    quoted.push(text);
    token(quoted.len() - 1)
}

/// Whether yaml_serde can be left to choose how to write it. It writes numbers that no `f64` holds
/// (`1e310`) without quotes.
fn is_plain(text: &str) -> bool {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
            || c > '\u{ffff}'
    };
    !text.contains(odd)
        && !AMBIGUOUS.contains(&text)
        && !matches!(scalar::plain(text), Value::Number(_))
        && !text.contains(TOKEN)
        && text.trim() == text
}

/// The merge key, and what older readers of YAML take for booleans.
const AMBIGUOUS: [&str; 23] = [
    "<<", "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off",
    "Off", "OFF", "true", "True", "TRUE", "false", "False", "FALSE",
];

const TOKEN: &str = "trueup_quoted_text_";

fn token(index: usize) -> String {
    format!("{TOKEN}{index}_")
}

/// JSON's escapes are YAML's, but for what JSON leaves unescaped.
fn double_quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}'..) =>
            {
                out.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A dollar sign that would be read as a variable is doubled.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '$' && matches!(chars.peek(), Some('$' | '{')) {
            out.push('$');
        }
    }
    out
}
