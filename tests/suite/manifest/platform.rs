//! The platform manifest, for each environment.

use super::{load_paths, root, told};

#[test]
fn the_platform_manifest_is_sound_everywhere() {
    let platform = root().join("manifests/platform.yaml");
    for environment in ["dev", "prod"] {
        let overlay = root().join(format!("manifests/env/{environment}.yaml"));
        let loaded = load_paths(&[platform.clone(), overlay]);
        assert_eq!(told(&loaded), "", "{environment}");
        let manifest = loaded.manifest.unwrap();
        assert_eq!(manifest.stack, "events-platform");
        assert!(manifest.resources.len() > 30);
    }
}
