//! Any text as a manifest: problems or resources, never a panic; and what is good is written and
//! read back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::manifest::{Input, Inputs, Loaded, load, write};
use trueup::report;

fuzz_target!(|text: &str| {
    let loaded = read(text);
    let _ = report::problems_json(&loaded.problems);
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
    assert_eq!(again.digest, manifest.digest, "{text}");
});

fn read(text: &str) -> Loaded {
    load(&Inputs {
        files: vec![Input::Text {
            name: "fuzz.yaml".to_owned(),
            text: text.to_owned(),
        }],
        ..Inputs::default()
    })
}
