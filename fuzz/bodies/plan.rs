//! Any text as a plan file: refused or read; and what reads as a plan is shown in every form and
//! read back the same once it is sealed.

use trueup::plan::Plan;
use trueup::report;

/// Panics where something is wrong.
pub fn run(text: &str) {
    let _ = Plan::from_json(text);
    let Ok(plan) = serde_json::from_str::<Plan>(text) else {
        return;
    };
    let _ = report::plan_markdown(&plan);
    let _ = report::outcomes_markdown(&plan, &[]);
    let plan = plan.sealed();
    if let Ok(again) = Plan::from_json(&plan.to_json()) {
        assert_eq!(again, plan);
    }
}
