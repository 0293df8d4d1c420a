use super::{file, plan_of, run, trueup};

#[test]
fn a_saved_plan_is_shown_in_any_form() {
    let plan = plan_of(2);
    let saved = file(&plan.to_json(), ".json");
    let show = |form: &str| run(trueup(&["show", saved.to_str().unwrap(), "--output", form]));
    let text = show("text")
        .stdout
        .replace(saved.to_str().unwrap(), "plan.json");
    insta::assert_snapshot!("show_as_text", text);
    let markdown = show("markdown").stdout;
    assert!(markdown.ends_with("|\n"), "{markdown:?}");
    insta::assert_snapshot!("show_as_markdown", markdown);
    assert_eq!(show("json").stdout, plan.to_json());
}

#[test]
fn reports_are_written_beside_the_result() {
    let saved = file(&plan_of(1).to_json(), ".json");
    let folder = tempfile::tempdir().unwrap();
    let markdown = folder.path().join("plan.md");
    let report = format!("markdown={}", markdown.display());
    let ran = run(trueup(&[
        "show",
        saved.to_str().unwrap(),
        "--color",
        "always",
        "--report",
        &report,
    ]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("topic/orders-0"));
    let written = std::fs::read_to_string(markdown).unwrap();
    assert!(
        written.contains("`topic/orders-0`") && !written.contains('\u{1b}'),
        "{written}"
    );
    let nowhere = format!("json={}/no/such/folder/x", folder.path().display());
    let ran = run(trueup(&[
        "show",
        saved.to_str().unwrap(),
        "--report",
        &nowhere,
    ]));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("can't write"), "{}", ran.stderr);
}

#[test]
fn a_plan_that_was_edited_or_is_of_another_major_version_is_refused() {
    let json = plan_of(1).to_json();
    for (text, said) in [
        (json.replace("7d", "1s"), "digest"),
        (json.replace("\"1.0\"", "\"2.0\""), "2.0"),
        ("{}".to_owned(), "`format_version` is missing"),
        (
            "{\"format_version\": 2}".to_owned(),
            "`format_version` is `2`",
        ),
        ("nonsense".to_owned(), "not a plan"),
    ] {
        let saved = file(&text, ".json");
        let path = saved.to_str().unwrap();
        for arguments in [&["show", path][..], &["apply", path, "--auto-approve"]] {
            let ran = run(trueup(arguments));
            assert_eq!(ran.code, 1);
            assert!(
                ran.stdout.is_empty() && ran.stderr.contains(said),
                "{}",
                ran.stderr
            );
        }
    }
    let ran = run(trueup(&["show", "/no/such/plan.json"]));
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("/no/such/plan.json"), "{}", ran.stderr);
}
