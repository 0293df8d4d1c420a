//! What is secret in an address, wherever in a text it stands.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Pattern;

/// The logins of URLs, `//login@`, and `user:password@` without a scheme: where they stand.
pub(in crate::manifest) fn logins(text: &str) -> Vec<Range<usize>> {
    static LOGIN: Pattern = LazyLock::new(|| {
        let of_url = r#"//([^\s"'`]*)@"#;
        let cut_off = r#"//[^\s"'`/:]+:([^\s"'`]*)…"#;
        let bare = r#"(?:^|[\s"'`\[{,=])[\w.-]+:([^\s"'`/@]+)@"#;
        Regex::new(&format!("(?m){of_url}|{cut_off}|{bare}")).ok()
    });
    let found = LOGIN.iter().flat_map(|login| login.captures_iter(text));
    found
        .filter_map(|found| (1..=3).find_map(|group| found.get(group)))
        .map(|login| login.range())
        .collect()
}

/// The text with stars for the logins of its URLs: whoever mistakes one option or variable for another may say a password.
pub(crate) fn without_logins(text: &str) -> String {
    let mut shown = text.to_owned();
    for login in logins(text).into_iter().rev() {
        shown.replace_range(login, "***");
    }
    shown
}

/// What stands in the place of a URL's port and is none: a login whose `@` is missing.
pub(super) fn no_ports(text: &str) -> impl Iterator<Item = Range<usize>> {
    static NO_PORT: Pattern = LazyLock::new(|| {
        let no_port = r#"//[^\s"'`/:\[]+:([0-9]*[^0-9\s"'`,/:$\]})][^\n"'`]*)"#;
        Regex::new(no_port).ok()
    });
    let found = NO_PORT.iter().flat_map(|port| port.captures_iter(text));
    found.filter_map(|found| Some(found.get(1)?.range()))
}
