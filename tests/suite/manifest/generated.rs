use super::{root, same_as_file};

#[test]
fn the_schema_in_the_repository_is_the_generated_one() {
    same_as_file(
        &root().join("schema/manifest.schema.json"),
        &trueup::manifest::schema_text(),
        "cargo run -q -- schema manifest > schema/manifest.schema.json",
    );
}
