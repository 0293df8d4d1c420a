//! A stream's configuration before and after a change, whatever kind declares it.

use super::said::Said;
use super::settle::{derived_window, forced, has_origins};
use super::view::{View, stream_declaration};
use crate::kinds::{Case, Declaration, Delta, Shape};
use crate::model::unit::Unit;
use crate::model::{Action, Flat, Step};

const WINDOW: &str = "duplicate_window";

/// A stream's configuration before and after, flat and in the stream's own terms.
pub(in crate::kinds) struct StreamChange {
    /// What there is; nothing when it gets created.
    pub(in crate::kinds) live: Flat,
    /// What is to be.
    pub(in crate::kinds) next: Flat,
    /// Whether it gets created.
    pub(in crate::kinds) creates: bool,
}

impl StreamChange {
    /// What a case wants.
    pub(in crate::kinds) fn of_case(view: &dyn View, case: &Case<'_>) -> StreamChange {
        let name = &case.resource.address.name;
        match case.live {
            Some(live) => StreamChange::updating(view, name, &live.fields, case.deltas),
            None => StreamChange::creating(view, name, case.deltas),
        }
    }

    /// What a plan's step wants, as far as the step tells: nothing is known of the live values
    /// that it keeps.
    ///
    /// # Errors
    /// As [`Delta::of_step`].
    pub(in crate::kinds) fn of_step(view: &dyn View, step: &Step) -> Result<StreamChange, String> {
        let deltas = Delta::of_step(step, view.declaration())?;
        if step.action == Action::Create {
            return Ok(StreamChange::creating(view, &step.address.name, &deltas));
        }
        let mut before = Flat::new();
        for delta in &deltas {
            if let Some(value) = &delta.before {
                before.insert(delta.path.clone(), value.clone());
            }
        }
        Ok(StreamChange::updating(
            view,
            &step.address.name,
            &before,
            &deltas,
        ))
    }

    /// A new stream with these fields.
    pub(in crate::kinds) fn creating(
        view: &dyn View,
        name: &str,
        deltas: &[Delta],
    ) -> StreamChange {
        let mut fields = view.fresh();
        Delta::lay_over(&mut fields, deltas);
        StreamChange {
            live: Flat::new(),
            next: view.new_stream(name, fields),
            creates: true,
        }
    }

    /// A live stream with changes laid over its fields.
    pub(in crate::kinds) fn updating(
        view: &dyn View,
        name: &str,
        fields: &Flat,
        deltas: &[Delta],
    ) -> StreamChange {
        let mut next = fields.clone();
        Delta::lay_over(&mut next, deltas);
        keep_template(view, &mut next, deltas);
        let live = view.in_stream_terms(name, fields.clone());
        let mut next = view.in_stream_terms(name, next);
        forget_headless(stream_declaration(), "", &live, &mut next);
        keep_ttl(&live, &mut next);
        fit_window(&live, &mut next);
        forget_forced(&live, &mut next);
        StreamChange {
            live,
            next,
            creates: false,
        }
    }
}

/// What goes back to the default goes back to what a new resource of the kind has: a server's own
/// default is not always the kind's (a bucket's history).
fn keep_template(view: &dyn View, next: &mut Flat, deltas: &[Delta]) {
    let resets = deltas.iter().filter(|delta| delta.after.is_none());
    let fresh = view.fresh();
    for path in resets.map(|delta| &delta.path) {
        if let Some(value) = fresh.get(path) {
            next.insert(path.clone(), value.clone());
        }
    }
}

/// An object goes as a whole when the field that it can't be without goes: a server takes the rest
/// and makes up what is missing (`republish` without `dest` goes to `>`).
fn forget_headless(declaration: &Declaration, within: &str, live: &Flat, next: &mut Flat) {
    for (name, field) in &declaration.fields {
        let Shape::Object(inner) = &field.shape else {
            continue;
        };
        let object = format!("{within}{name}.");
        let is_headless = inner.fields.values().any(|field| {
            let path = format!("{object}{}", field.name);
            field.required && live.contains_key(&path) && !next.contains_key(&path)
        });
        if is_headless {
            next.retain(|path, _| !path.starts_with(&object));
        }
        forget_headless(inner, &object, live, next);
    }
}

/// `allow_msg_ttl` can't be switched off: it outlives the marker that a bucket's terms say it by.
fn keep_ttl(live: &Flat, next: &mut Flat) {
    let ttl = "allow_msg_ttl";
    if Said(live).is_on(ttl) {
        next.entry(ttl.to_owned()).or_insert_with(|| true.into());
    }
}

/// A duplicate window that nobody asked for follows `max_age`, and must not stand in the way of a
/// shorter one: left out, the server derives it anew, except for streams that have origins.
fn fit_window(live: &Flat, next: &mut Flat) {
    let is_untouched = live.get(WINDOW) == next.get(WINDOW);
    let (held, said) = (Said(live), Said(next));
    let is_derived = held.number(WINDOW) == Some(derived_window(held));
    let follows = is_derived && held.limit("max_age") != said.limit("max_age");
    let is_too_long = match (said.limit(WINDOW), said.limit("max_age")) {
        (Some(window), Some(age)) => window > age,
        _ => false,
    };
    if !is_untouched || !(follows || is_too_long) {
        return;
    }
    let derived = derived_window(said);
    if has_origins(said) {
        next.insert(WINDOW.to_owned(), derived.into());
    } else {
        next.shift_remove(WINDOW);
    }
}

/// That a duplicate window which nobody named moves with `max_age`.
pub(super) fn window_that_follows(view: &dyn View, case: &Case<'_>) -> Option<String> {
    let is_unnamed = case.delta("max_age").is_some() && case.delta(WINDOW).is_none();
    let live = case.live.filter(|_| is_unnamed)?;
    let change = StreamChange::of_case(view, case);
    let before = Said(&live.fields).number(WINDOW)?;
    let said = Said(&change.next);
    let after = said.number(WINDOW).unwrap_or_else(|| derived_window(said));
    let [was, will_be] = [before, after].map(|nanos| Unit::Nanos.format(nanos));
    (before != after)
        .then(|| format!("`{WINDOW}` was not asked for and follows `max_age`: {was} -> {will_be}"))
}

/// Live values that the server is about to overwrite because of the change are not sent; but what
/// denies something must be said again, or it would seem to be taken back (10052).
fn forget_forced(live: &Flat, next: &mut Flat) {
    let is_denial = |field: &str| field.starts_with("deny_") && Said(live).is_on(field);
    for field in forced(Said(next)) {
        if live.get(field) == next.get(field) && !is_denial(field) {
            next.shift_remove(field);
        }
    }
}
