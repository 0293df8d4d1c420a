use super::args::{Form, Global};
use super::environment::environment;
use super::exit::Exit;
use super::failure::{Complaints, Failure};
use super::screen::Screen;
use super::work;
use crate::manifest::Manifest;
use crate::model::KindName;

/// Checks a manifest without any broker, and tells which risks it shows by itself.
pub(super) fn run(global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let loaded = work::load(global, &environment(), screen, true)?;
    let complaints = Complaints {
        problems: loaded.problems,
        left_out: loaded.left_out,
        sources: loaded.sources,
    };
    let Some(manifest) = loaded.manifest else {
        return Err(complaints.into());
    };
    screen.warn(&complaints);
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => verdict(&manifest),
        Form::Json => complaints.rendered(form, 0),
    })?;
    // the process ends here: taking ten thousand resources apart is a tenth of its time
    std::mem::forget(manifest.resources);
    Ok(Exit::Done)
}

/// `Valid: stack `platform` declares 5 streams, 9 consumers, 8 topics, 42 ACLs.`
fn verdict(manifest: &Manifest) -> String {
    let kinds: Vec<KindName> = manifest.resources.keys().map(|a| a.kind).collect();
    let counts: Vec<String> = KindName::ALL
        .into_iter()
        .filter_map(|kind| {
            let count = kinds.iter().filter(|of| **of == kind).count();
            (count > 0).then(|| format!("{count} {}", words(kind, count)))
        })
        .collect();
    let declared = match counts.is_empty() {
        true => "nothing".to_owned(),
        false => counts.join(", "),
    };
    format!("Valid: stack `{}` declares {declared}.\n", manifest.stack)
}

const fn words(kind: KindName, count: usize) -> &'static str {
    match (kind, count) {
        (KindName::Stream, 1) => "stream",
        (KindName::Stream, _) => "streams",
        (KindName::Kv, 1) => "KV bucket",
        (KindName::Kv, _) => "KV buckets",
        (KindName::ObjectStore, 1) => "object store",
        (KindName::ObjectStore, _) => "object stores",
        (KindName::Consumer, 1) => "consumer",
        (KindName::Consumer, _) => "consumers",
        (KindName::Topic, 1) => "topic",
        (KindName::Topic, _) => "topics",
        (KindName::Acl, 1) => "ACL",
        (KindName::Acl, _) => "ACLs",
        (KindName::Quota, 1) => "quota",
        (KindName::Quota, _) => "quotas",
        (KindName::User, 1) => "user",
        (KindName::User, _) => "users",
        (KindName::Route, 1) => "route",
        (KindName::Route, _) => "routes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Input, Inputs, load};

    #[test]
    fn an_empty_manifest_declares_nothing() {
        let text = Input::Text {
            name: "a.yaml".to_owned(),
            text: "stack: t\n".to_owned(),
        };
        let loaded = load(&Inputs {
            files: vec![text],
            ..Inputs::default()
        });
        let said = verdict(&loaded.manifest.unwrap());
        assert_eq!(said, "Valid: stack `t` declares nothing.\n");
    }
}
