//! Any text as a manifest: problems or resources, never a panic; and what is good is written and
//! read back the same.

use trueup::kinds::{Resources, kind};
use trueup::manifest::{Input, Inputs, Loaded, load, write};
use trueup::report;

/// Panics where something is wrong.
pub fn run(text: &str) {
    let loaded = read(text);
    let _ = report::problems_json(&loaded.problems, loaded.left_out);
    let Some(manifest) = loaded.manifest else {
        assert!(!loaded.problems.is_empty(), "refused without a reason");
        return;
    };
    if manifest.resources.is_empty() {
        return;
    }
    let text = write(&manifest.stack, &manifest.resources);
    let again = read(&text);
    let Some(again) = again.manifest else {
        panic!("what was written is refused: {:#?}\n{text}", again.problems);
    };
    assert!(
        same(&manifest.resources, &again.resources),
        "not the same again:\n{text}"
    );
}

/// Whether both declare the same resources with the same values; how they are to be treated is no
/// part of what is written.
fn same(one: &Resources, other: &Resources) -> bool {
    one.len() == other.len()
        && one.iter().all(|(address, resource)| {
            let declaration = kind(address.kind).map(|kind| kind.declaration());
            other.get(address).is_some_and(|again| {
                again.declared.len() == resource.declared.len()
                    && resource.declared.iter().all(|(path, value)| {
                        let field = declaration.and_then(|declaration| declaration.field(path));
                        let said = again.declared.get(path);
                        field.is_some_and(|field| field.same(Some(value), said))
                    })
            })
        })
}

fn read(text: &str) -> Loaded {
    load(&Inputs {
        files: vec![Input::Text {
            name: "fuzz.yaml".to_owned(),
            text: text.to_owned(),
        }],
        foretells: true,
        ..Inputs::default()
    })
}
