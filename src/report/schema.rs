use schemars::generate::SchemaSettings;

use crate::plan::Plan;

/// The JSON Schema (draft-07) of a plan file, as `schema/plan.schema.json` holds it.
pub fn plan_schema() -> String {
    let schema = SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Plan>();
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_schema_in_the_repository_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/plan.schema.json");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == plan_schema(),
            "schema/plan.schema.json is stale; regenerate it: cargo run -q -- schema plan > schema/plan.schema.json"
        );
    }

    #[test]
    fn a_plan_is_valid_by_its_schema() {
        let schema = serde_json::from_str(&plan_schema()).unwrap();
        let plan = serde_json::to_value(samples::mixed()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let wrong: Vec<_> = validator
            .iter_errors(&plan)
            .map(|e| e.to_string())
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
