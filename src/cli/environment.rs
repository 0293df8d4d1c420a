use std::path::PathBuf;

use indexmap::IndexMap;

/// The environment, taken once; what is no UTF-8 is left out. Sorted, so that nothing hangs on its order.
pub(super) fn environment() -> IndexMap<String, String> {
    let mut all: IndexMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    all.sort_keys();
    all
}

/// The user's own folder.
pub(super) fn home(environment: &IndexMap<String, String>) -> Option<PathBuf> {
    environment
        .get("HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

/// Where tools keep their configuration: `$XDG_CONFIG_HOME`, or `~/.config`.
pub(super) fn config_home(environment: &IndexMap<String, String>) -> Option<PathBuf> {
    match environment
        .get("XDG_CONFIG_HOME")
        .filter(|path| !path.is_empty())
    {
        Some(path) => Some(path.into()),
        None => home(environment).map(|home| home.join(".config")),
    }
}
