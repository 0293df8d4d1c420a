//! A topic's configs that are known, each with what its text may hold.

use serde_json::{Map, Value as Json, json};

use crate::kinds::topic::{ConfigType, KnownConfig, known_configs};
use crate::kinds::{Completeness, Declaration, VARIABLE, of_field, or_null};

/// The known configs by key, for completion; others are allowed.
pub(super) fn configs(declaration: &Declaration) -> Json {
    let of_known = |config: &KnownConfig| {
        let field = declaration.field(&format!("config.{}", config.key))?;
        let mut schema = of_field(&field, Completeness::Partial);
        if let (None, Some(held)) = (config.unit, held(config)) {
            constrain(&mut schema, held);
        }
        Some((config.key.to_owned(), schema))
    };
    let all = known_configs().iter().filter_map(of_known);
    all.collect::<Map<String, Json>>().into()
}

/// What a config may be as a scalar, and whether a list may hold such.
struct Held {
    types: &'static [&'static str],
    pattern: String,
    is_list: bool,
}

fn held(config: &KnownConfig) -> Option<Held> {
    let one = |types: &'static [&'static str], form: &str| Held {
        types,
        pattern: form.to_owned(),
        is_list: false,
    };
    let words = config.words.join("|").replace('.', r"\.");
    Some(match config.holds {
        ConfigType::Bool => one(
            &["boolean", "string"],
            "[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]",
        ),
        ConfigType::Number if config.unlimited.is_empty() => {
            one(&["integer", "string"], r"[-+]?\d+")
        }
        ConfigType::Number => one(&["integer", "string"], r"[-+]?\d+|unlimited"),
        ConfigType::Fraction => one(
            &["number", "string"],
            r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?",
        ),
        ConfigType::Word | ConfigType::List if words.is_empty() => return None,
        ConfigType::Word => one(&["string"], &words),
        ConfigType::List => Held {
            types: &["string"],
            pattern: format!(r"({words})?(\s*,\s*({words})?)*"),
            is_list: true,
        },
    })
}

/// Kafka trims what it reads.
fn constrain(schema: &mut Json, held: Held) {
    let Held {
        types,
        pattern,
        is_list,
    } = held;
    let pattern = format!(r"^\s*({pattern})\s*$|{VARIABLE}");
    schema["type"] = types.into();
    if is_list {
        schema["items"] = json!({ "type": types, "pattern": pattern });
        schema["type"] = [types, &["array"]].concat().into();
    }
    schema["pattern"] = pattern.into();
    *schema = or_null(schema.take());
}
