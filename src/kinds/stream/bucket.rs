//! Buckets: streams of a fixed template, declared in terms of their own.
//!
//! What a bucket's declaration can't say of its stream stands under `stream.` in the bucket's
//! fields: never declared, but seen, so that nothing is lost and what somebody bent by hand shows.

use serde_json::{Value, json};

use super::complaint::Complaint;
use super::judge::judge;
use super::origins::{is_mirror, own_origin};
use super::said::Said;
use super::settle::{SEAL, derived_window, has_origins, is_derived_window};
use super::view::{View, stream_declaration};
use super::{copies, names, rule_mirror, rules};
use crate::kinds::{Case, Declaration, Delta, Edit, Resources, Shape};
use crate::model::{Code, Flat, Problem, Refusal, Resource};

/// How a kind of bucket and its stream translate.
pub(in crate::kinds) struct Template {
    /// What a message calls it.
    pub(in crate::kinds) what: &'static str,
    /// What stands before the bucket's name in the stream's.
    pub(in crate::kinds) prefix: &'static str,
    /// The bucket's names for fields of the stream, where they differ.
    pub(in crate::kinds) renamed: &'static [(&'static str, &'static str)],
    /// What the stream is always set to.
    pub(in crate::kinds) fixed: fn() -> Flat,
    /// What the stream captures.
    pub(in crate::kinds) subjects: fn(&str) -> Vec<String>,
}

/// The path of a field that only the bucket's stream has.
const STREAM: &str = "stream";

/// The duplicate window, which a server gives to no stream that has origins.
const WINDOW: &str = "stream.duplicate_window";

/// What the stream captures, where that is not what the template says.
const SUBJECTS: &str = "stream.subjects";

/// Nothing goes in or out any more.
const SEALED: &str = "stream.sealed";

impl Template {
    /// The kind's declaration; its hidden `stream` has the template's values as defaults.
    pub(in crate::kinds) fn declaration(&self, mut declared: Declaration) -> Declaration {
        rule_mirror(&mut declared);
        if let Some(Shape::Object(stream)) = declared.fields.get_mut(STREAM).map(|f| &mut f.shape) {
            let mut inner = stream_declaration().clone();
            for field in inner.fields.values_mut() {
                if field.facts.edit == Edit::OneWay {
                    field.facts.edit = Edit::Ruled;
                }
            }
            for (path, value) in (self.fixed)() {
                if let Some(field) = inner.fields.get_mut(&path) {
                    field.facts.default = Some(value);
                }
            }
            *stream = inner;
        }
        declared
    }

    /// The stream of a bucket.
    pub(in crate::kinds) fn stream_name(&self, bucket: &str) -> String {
        format!("{}{bucket}", self.prefix)
    }

    /// The bucket's name for a field of the stream.
    pub(in crate::kinds) fn own_path(&self, declared: &Declaration, path: &str) -> String {
        let (head, rest) = match path.split_once('.') {
            Some((head, rest)) => (head, Some(rest)),
            None => (path, None),
        };
        let renamed = self.renamed.iter().find(|(_, stream)| *stream == head);
        let own = match renamed {
            Some((own, _)) => (*own).to_owned(),
            None if head.is_empty() || declared.fields.contains_key(head) => head.to_owned(),
            None => format!("{STREAM}.{head}"),
        };
        match rest {
            Some(rest) => format!("{own}.{rest}"),
            None => own,
        }
    }

    fn stream_path(&self, path: &str) -> String {
        if let Some(rest) = path.strip_prefix("stream.") {
            return rest.to_owned();
        }
        let renamed = self.renamed.iter().find(|(own, _)| *own == path);
        renamed.map_or(path, |(_, stream)| stream).to_owned()
    }

    /// A stream's configuration in the bucket's terms. What the template or the server derives is
    /// left out; that a bucket captures nothing, which no server says, is put in.
    pub(in crate::kinds) fn in_own_terms(
        &self,
        declared: &Declaration,
        bucket: &str,
        mut stream: Flat,
    ) -> Flat {
        let said = Said(&stream);
        let mut derived = Vec::new();
        if same_set(&said.texts("subjects"), &(self.subjects)(bucket)) {
            derived.push("subjects");
        }
        if is_derived_window(said) {
            derived.push("duplicate_window");
        }
        if said.limit("subject_delete_marker_ttl").is_some() && said.is_on("allow_msg_ttl") {
            derived.push("allow_msg_ttl");
        }
        let captures_nothing = !is_mirror(said) && said.texts("subjects").is_empty();
        for field in derived {
            stream.shift_remove(field);
        }
        if captures_nothing {
            stream.insert("subjects".to_owned(), json!([]));
        }
        stream
            .into_iter()
            .map(|(path, value)| (self.own_path(declared, &path), value))
            .collect()
    }

    /// The bucket's fields as a stream's configuration.
    pub(in crate::kinds) fn in_stream_terms(&self, bucket: &str, fields: Flat) -> Flat {
        let mut stream: Flat = fields
            .into_iter()
            .map(|(path, value)| (self.stream_path(&path), value))
            .collect();
        if is_mirror(Said(&stream)) {
            let direct = stream.entry("mirror_direct".to_owned());
            direct.or_insert_with(|| json!(true));
        } else {
            let subjects = stream.entry("subjects".to_owned());
            subjects.or_insert_with(|| json!((self.subjects)(bucket)));
        }
        if Said(&stream).limit("subject_delete_marker_ttl").is_some() {
            stream.insert("allow_msg_ttl".to_owned(), json!(true));
        }
        stream
    }

    /// The configuration of a new bucket. A window that no server would give it by itself is asked
    /// for, as nats.go does.
    pub(in crate::kinds) fn new_stream(&self, mut stream: Flat) -> Flat {
        if has_origins(Said(&stream)) {
            let window = derived_window(Said(&stream));
            let held = stream.entry("duplicate_window".to_owned());
            held.or_insert_with(|| json!(window));
        }
        stream
    }

    /// The fields of a new bucket before anything is declared.
    pub(in crate::kinds) fn fresh(&self) -> Flat {
        (self.fixed)()
            .into_iter()
            .map(|(path, value)| (format!("{STREAM}.{path}"), value))
            .collect()
    }

    /// Declares what of the template somebody bent on the live stream.
    pub(in crate::kinds) fn mend(
        &self,
        declaration: &Declaration,
        declared: &mut Flat,
        live: &mut Flat,
    ) {
        if is_mirror(Said(live)) {
            live.shift_remove("stream.mirror_direct");
        }
        if self.has_usual_window(live) {
            live.shift_remove(WINDOW);
        }
        let sealed = self.forced_by_seal(live);
        live.retain(|path, _| !sealed.contains(path));
        let said = Said(live);
        let name = said.text("stream.name");
        let Some(bucket) = name.and_then(|name| name.strip_prefix(self.prefix)) else {
            return;
        };
        for (path, wanted) in self.fresh() {
            let field = declaration.field(&path);
            let is_bent = field.is_some_and(|field| !field.same(Some(&wanted), live.get(&path)));
            if is_bent && !sealed.contains(&path) {
                declared.insert(path, wanted);
            }
        }
        if !live.contains_key(SUBJECTS) {
            declared.shift_remove(SUBJECTS);
        } else if !is_mirror(said) {
            let subjects = json!((self.subjects)(bucket));
            declared.insert(SUBJECTS.to_owned(), subjects);
        }
    }

    /// The fields that a seal has set: they are not what somebody bent, and can't be mended.
    fn forced_by_seal(&self, live: &Flat) -> Vec<String> {
        match Said(live).is_on(SEALED) {
            true => SEAL
                .iter()
                .map(|field| format!("{STREAM}.{field}"))
                .collect(),
            false => Vec::new(),
        }
    }

    /// What the bucket's declaration can't say of this live stream: the stream's own fields.
    pub(in crate::kinds) fn untold(&self, declaration: &Declaration, fields: &Flat) -> Vec<String> {
        let said = Said(fields);
        let is_default = |path: &str, value: &Value| {
            let field = declaration.field(path);
            // what no version of ours knows, a plain stream could not say either
            field.is_none_or(|field| field.facts.hidden || field.same(Some(value), None))
        };
        let by_seal = self.forced_by_seal(fields);
        let is_bent = |path: &str, value: &Value| match path {
            _ if by_seal.iter().any(|forced| forced == path) => false,
            SUBJECTS => true,
            WINDOW => false,
            "stream.mirror_direct" if is_mirror(said) => false,
            _ => path.starts_with("stream.") && !is_default(path, value),
        };
        let window = fields.get(WINDOW);
        let is_unsaid = window.is_some_and(|window| !is_default(WINDOW, window));
        let other_window = !self.has_usual_window(fields) && (has_origins(said) || is_unsaid);
        let bent = fields.iter().filter(|(path, value)| is_bent(path, value));
        bent.map(|(path, _)| path.as_str())
            .chain(other_window.then_some(WINDOW))
            .map(|path| self.stream_path(path))
            .collect()
    }

    /// Whether the bucket has the window that it was made with: a window is no longer than the age.
    fn has_usual_window(&self, fields: &Flat) -> bool {
        let mut stream = Flat::new();
        for (path, value) in fields {
            stream.insert(self.stream_path(path), value.clone());
        }
        let said = Said(&stream);
        said.number("duplicate_window") == Some(derived_window(said))
    }

    /// The rules that need no broker.
    pub(in crate::kinds) fn check(
        &self,
        view: &dyn View,
        bucket: &Resource,
        all: &Resources,
    ) -> Vec<Problem> {
        let name = &bucket.address.name;
        let mut fields = view.fresh();
        fields.extend(bucket.declared.clone());
        let mut stream = view.in_stream_terms(name, fields);
        let own_metadata = rules::server_metadata(Said(&stream));
        let misnamed = names::bucket_name(self.what, name);
        if misnamed.is_some() {
            stream.shift_remove("subjects");
        }
        misnamed
            .into_iter()
            .chain(own_metadata)
            .chain(rules::complaints(Said(&stream)))
            .chain(own_origin(&self.stream_name(name), Said(&stream)))
            .chain(copies::beside(Said(&stream), all))
            .map(|complaint| self.in_own_words(view, complaint).problem(bucket))
            .collect()
    }

    /// What the server would refuse of this case.
    pub(in crate::kinds) fn judge(&self, view: &dyn View, case: &Case<'_>) -> Vec<Refusal> {
        let mut found = judge(view, case);
        found.retain(|refusal| !is_derived(refusal, case));
        found.extend(case.deltas.iter().filter_map(|delta| self.one_way(delta)));
        for refusal in &mut found {
            refusal.message = self.own_words(&refusal.message);
            let is_bent = refusal
                .field
                .as_deref()
                .is_some_and(|field| field.starts_with("stream."));
            refusal.hint = if is_bent {
                Some(format!(
                    "somebody changed the {}'s stream by hand and it can't be mended in place: make a new {} and copy what this one holds",
                    self.what, self.what
                ))
            } else {
                refusal.hint.take().map(|hint| self.own_words(&hint))
            };
        }
        found
    }

    /// Whether a reset can take this value of the bucket or its stream away.
    pub(in crate::kinds) fn can_reset(
        &self,
        declaration: &Declaration,
        path: &str,
        value: &Value,
    ) -> bool {
        let field = match path.strip_prefix("stream.") {
            Some(of_stream) => stream_declaration().field(of_stream),
            None => declaration.field(path),
        };
        field.is_some_and(|field| field.can_reset(value))
    }

    /// What was switched on by hand and can't be switched off.
    fn one_way(&self, delta: &Delta) -> Option<Refusal> {
        let stream_field = delta.path.strip_prefix("stream.")?;
        let field = stream_declaration().field(stream_field)?;
        let is_off = delta.after == Some(json!(false));
        (field.facts.edit == Edit::OneWay && is_off).then(|| {
            Refusal::new(
                Code::OneWay,
                format!(
                    "`{stream_field}` of the {}'s stream was switched on and can't be switched off",
                    self.what
                ),
                "",
            )
            .field(&delta.path)
        })
    }

    fn in_own_words(&self, view: &dyn View, complaint: Complaint) -> Complaint {
        Complaint {
            field: view.field_name(&complaint.field),
            message: self.own_words(&complaint.message),
            hint: self.own_words(&complaint.hint),
            ..complaint
        }
    }

    /// The text with the bucket's names of fields.
    fn own_words(&self, text: &str) -> String {
        self.renamed
            .iter()
            .fold(text.to_owned(), |text, (own, stream)| {
                text.replace(&format!("`{stream}`"), &format!("`{own}`"))
            })
    }
}

/// Whether a server is too old for what the template only derives from a field that is declared: what
/// the server is too old for is that field, which has its own refusal.
fn is_derived(refusal: &Refusal, case: &Case<'_>) -> bool {
    let is_of_stream = |field: &&str| field.starts_with("stream.");
    let field = refusal.field.as_deref().filter(is_of_stream);
    refusal.code == Code::ServerTooOld && field.is_some_and(|field| case.delta(field).is_none())
}

fn same_set(left: &[&str], right: &[String]) -> bool {
    left.len() == right.len() && right.iter().all(|item| left.contains(&item.as_str()))
}

/// A value that stands for itself in a template.
pub(in crate::kinds) fn fixed(values: &[(&str, Value)]) -> Flat {
    values
        .iter()
        .map(|(path, value)| ((*path).to_owned(), value.clone()))
        .collect()
}
