//! A route whose subjects change comes after its consumers: where these keep their filters, it goes on as it is.

use super::implied::reads_for;
use crate::kinds::consumer::changes_filters;
use crate::model::{Address, KindName, Step};

/// Lets routes wait for the consumers that change with them.
pub(super) fn arrange(steps: &mut [Step]) {
    let is_filtered = |step: &&Step| {
        step.address.kind == KindName::Consumer && step.is_on_broker() && changes_filters(step)
    };
    let filtered: Vec<Address> = steps
        .iter()
        .filter(is_filtered)
        .map(|step| step.address.clone())
        .collect();
    let changes_subjects = |step: &&mut Step| {
        let mut changes = step.changes.iter();
        step.address.kind == KindName::Route
            && changes.any(|change| change.field.starts_with("from.subjects"))
    };
    for step in steps.iter_mut().filter(changes_subjects) {
        let own: Vec<Address> = filtered
            .iter()
            .filter(|consumer| reads_for(consumer, &step.address.name))
            .filter(|consumer| !step.rests_on.contains(consumer))
            .cloned()
            .collect();
        step.rests_on.extend(own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Change};
    use serde_json::json;

    #[test]
    fn a_route_waits_for_the_filters_of_its_own_consumers() {
        let step = |address: &str, field: &str| {
            let mut step = Step::of(address.parse().unwrap(), Action::Update);
            step.changes.push(Change {
                field: field.to_owned(),
                before: None,
                after: Some(json!(["b"])),
                note: None,
            });
            step
        };
        let mut steps = vec![
            step("consumer/S/trueup-r", "filter_subjects"),
            step("consumer/S/trueup-r-2", "filter_subjects"),
            step("consumer/S/trueup-rest", "filter_subjects"),
            step("route/r", "from.subjects"),
            step("route/rest", "state"),
        ];
        arrange(&mut steps);
        let names: Vec<String> = steps[3].rests_on.iter().map(Address::to_string).collect();
        assert_eq!(names, ["consumer/S/trueup-r", "consumer/S/trueup-r-2"]);
        assert!(steps[4].rests_on.is_empty());
    }
}
