//! Declarations read from the schema that a struct's derive makes.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::declaration::{Declaration, Field, Shape};
use super::facts::field;

impl Declaration {
    /// Reads the declaration of `T` from the schema that its derive makes (draft-07).
    pub fn of<T: JsonSchema>() -> Declaration {
        let mut generator = SchemaSettings::draft07()
            .with(|settings| settings.inline_subschemas = true)
            .into_generator();
        let schema = generator.root_schema_for::<T>().to_value();
        Declaration::read(&without_null(schema), None)
    }

    /// Fields that don't say where their facts come from have them from where the struct has its own,
    /// or the struct around it.
    fn read(schema: &Value, around: Option<&str>) -> Declaration {
        let source = schema["x-source"].as_str().or(around);
        let required: Vec<&str> = schema["required"]
            .as_array()
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let fields = schema["properties"].as_object().map(|properties| {
            properties
                .iter()
                .map(|(name, schema)| {
                    let is_required = required.contains(&name.as_str());
                    let read = Field::read(name, schema, is_required, source);
                    (name.clone(), read)
                })
                .collect()
        });
        Declaration {
            description: text_of(schema),
            fields: fields.unwrap_or_default(),
        }
    }
}

impl Field {
    fn read(name: &str, schema: &Value, required: bool, source: Option<&str>) -> Field {
        let mut facts = schema
            .get("x-field")
            .and_then(|facts| serde_json::from_value(facts.clone()).ok())
            .unwrap_or_else(field);
        facts.source = facts.source.or_else(|| source.map(str::to_owned));
        Field {
            name: name.to_owned(),
            description: text_of(schema),
            facts,
            shape: Shape::read(schema, source),
            required,
            entry_facts: None,
            entry_description: None,
            entry_keys: None,
        }
    }
}

impl Shape {
    fn read(schema: &Value, source: Option<&str>) -> Shape {
        if let Some(words) = choice_of(schema) {
            return Shape::Choice(words);
        }
        match schema["type"].as_str() {
            Some("boolean") => Shape::Bool,
            Some("integer") => Shape::Integer {
                min: schema["minimum"].as_i64(),
                max: schema["maximum"].as_i64(),
            },
            Some("number") => Shape::Number,
            Some("string") => Shape::Text,
            Some("array") => {
                Shape::List(Box::new(Field::read("", &schema["items"], false, source)))
            }
            Some("object") if schema["properties"].is_object() => {
                Shape::Object(Declaration::read(schema, source))
            }
            Some("object") => Shape::Map(Box::new(Field::read(
                "",
                &schema["additionalProperties"],
                false,
                source,
            ))),
            _ => Shape::Other(schema.clone()),
        }
    }
}

/// The words of an enumeration: `enum`, or `oneOf` with a `const` each (documented variants).
fn choice_of(schema: &Value) -> Option<Vec<String>> {
    let words = |values: &[Value]| -> Option<Vec<String>> {
        values
            .iter()
            .map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    if let Some(values) = schema["enum"].as_array() {
        return words(values);
    }
    let branches = schema["oneOf"].as_array()?;
    let mut found = Vec::new();
    for branch in branches {
        match (branch["const"].as_str(), branch["enum"].as_array()) {
            (Some(word), _) => found.push(word.to_owned()),
            (None, Some(values)) => found.extend(words(values)?),
            (None, None) => return None,
        }
    }
    Some(found)
}

fn text_of(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The schema without the `null` that an `Option` adds: in a manifest, absence is said by absence.
fn without_null(schema: Value) -> Value {
    match schema {
        Value::Object(object) => Value::Object(without_null_object(object)),
        Value::Array(items) => Value::Array(items.into_iter().map(without_null).collect()),
        other => other,
    }
}

fn without_null_object(mut object: Map<String, Value>) -> Map<String, Value> {
    let is_null = |v: &Value| v["type"] == "null";
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|v| !v.is_null());
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|b| !is_null(b));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.shift_remove("default");
    }
    object
        .into_iter()
        .map(|(key, value)| (key, without_null(value)))
        .collect()
}
