//! Texts and files that mean no good.

use std::fmt::Write as _;
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;

use super::*;

/// The codes of what is wrong with one text.
fn codes(text: &str) -> Vec<Code> {
    let loaded = layers(&[text]);
    assert!(loaded.manifest.is_none());
    loaded.problems.iter().map(|problem| problem.code).collect()
}

fn path(path: &Path) -> Loaded {
    loaded(&Inputs {
        files: vec![Input::Path(path.to_owned())],
        ..Inputs::default()
    })
}

fn file(bytes: &[u8]) -> Loaded {
    let mut file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    file.write_all(bytes).unwrap();
    path(file.path())
}

#[test]
fn alias_bombs() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        let aliases = [below.as_str(); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    assert!(codes(&bomb).contains(&Code::YamlTooLarge));
    let text = format!(
        "x-s: &s \"{}\"\nx-l: [{}]\n",
        "x".repeat(1_000_000),
        ["*s"; 1000].join(", ")
    );
    assert!(
        codes(&text).contains(&Code::YamlTooLarge),
        "text that aliases copy is counted"
    );
    assert!(codes("a: &a [*a]").contains(&Code::YamlSyntax));
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert!(codes(&deep).contains(&Code::YamlTooLarge));
}

#[test]
fn a_hundred_thousand_levels() {
    let levels = 100_000;
    let flow = "[".repeat(levels);
    let maps = "{a: ".repeat(levels);
    let block: String = (0..2_000).fold(String::new(), |mut text, level| {
        writeln!(text, "{}a:", " ".repeat(level)).unwrap();
        text
    });
    let dashes = "- ".repeat(levels);
    for text in [flow, maps, block, dashes] {
        assert!(
            codes(&text).contains(&Code::YamlTooLarge),
            "{}",
            &text[..10]
        );
    }
}

#[test]
fn what_is_no_text() {
    assert!(codes("stack: a\0b").contains(&Code::YamlSyntax));
    let invalid = file(b"stack: s\nnats: \xff\xfe\n");
    assert_eq!(invalid.problems[0].code, Code::FileUnreadable);
    assert!(invalid.problems[0].message.contains("line 2"));
    let mut large = tempfile::tempfile().unwrap();
    large.seek(SeekFrom::Start(0)).unwrap();
    let sparse = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    sparse.as_file().set_len(100 * 1024 * 1024).unwrap();
    assert_eq!(path(sparse.path()).problems[0].code, Code::YamlTooLarge);
}

#[test]
fn what_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(path(folder.path()).problems[0].code, Code::FileUnreadable);
    let missing = path(&folder.path().join("missing.yaml"));
    assert!(
        missing.problems[0]
            .message
            .contains("there is no such file")
    );
    let fifo = folder.path().join("fifo.yaml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for place in [fifo.as_path(), folder.path(), Path::new("/dev/zero")] {
        let loaded = path(place);
        assert_eq!(loaded.problems[0].code, Code::FileUnreadable, "{loaded:?}");
    }
    std::fs::create_dir(folder.path().join("sub.yaml")).unwrap();
    std::fs::write(folder.path().join("a.yaml"), "stack: s").unwrap();
    assert!(path(folder.path()).problems[0].message.contains("FIFO"));
}

#[test]
fn what_is_odd_but_sound() {
    let text = "stack: s\nnats:\n  streams:\n    A:\n      max_age: 7d\n";
    let crlf = text.replace('\n', "\r\n");
    let marked = format!("\u{feff}{text}");
    for text in [text, &crlf, &marked] {
        let loaded = file(text.as_bytes());
        let manifest = loaded.manifest.unwrap();
        let place = manifest.resources[0].place_of("max_age").unwrap();
        assert_eq!((place.line, place.column), (5, 7));
        let said = loaded.sources.text(&place.file).unwrap();
        assert_eq!(&said[place.range()], "max_age");
    }
}

#[test]
fn a_cr_alone_ends_no_line() {
    let text = "stack: s\r\nnats:\n  streams: {}\r  kv: {}\n";
    assert_eq!(codes(text), [Code::YamlSyntax]);
    let problem = layers(&[text]).problems.remove(0);
    let place = problem.place.unwrap();
    assert_eq!((place.line, place.column), (3, 14));
    assert!(problem.hint.unwrap().contains("LF line ends"));
}

#[test]
fn empty_files() {
    for text in ["", "\n", "# nothing\n", "---\n", "---\n---\n", "\u{feff}"] {
        assert_eq!(codes(text), [Code::NothingDeclared], "{text:?}");
    }
    assert_eq!(codes("just text"), [Code::WrongType]);
    assert_eq!(codes("- a\n- b"), [Code::WrongType]);
}

#[test]
fn what_stands_before_a_syntax_error_is_checked() {
    let loaded = one("nats:\n  streams:\n    A: { max_aeg: 1d }\n    B:\n\tmax_age: 1d\n");
    insta::assert_snapshot!(told(&loaded).join("\n"));
    for text in [
        "a: [",
        "a: 'b",
        "a: b: c",
        "}",
        "a: &",
        "a: !!int x",
        "%YAML 3.0\n---\na: b",
        "? [a]\n: b",
        "a: \"\\q\"",
        "@a",
        "a: `b",
    ] {
        assert!(codes(text).contains(&Code::YamlSyntax), "{text}");
    }
}

#[test]
fn a_flood_of_problems_is_bounded() {
    let mut text = "nats:\n  streams:\n".to_owned();
    for index in 0..3_000 {
        writeln!(text, "    S{index}: {{ max_aeg: 1d }}").unwrap();
    }
    let loaded = one(&text);
    assert_eq!(
        (loaded.problems.len(), loaded.left_out.errors),
        (200, 2_800)
    );
}

#[test]
fn a_flood_of_warnings_hides_no_error() {
    let mut text = "stack: s\nkafka:\n  topics:\n".to_owned();
    for index in 0..400 {
        writeln!(
            text,
            "    t{index}: {{ partitions: 1, config: {{ retention.mss: 1 }} }}"
        )
        .unwrap();
    }
    text += "    last: { partitions: many }\n";
    let loaded = crate::manifest::load(&Inputs {
        files: vec![super::text("a.yaml", &text)],
        ..Inputs::default()
    });
    assert!(loaded.manifest.is_none());
    assert_eq!(loaded.problems.len(), 200);
    assert_eq!(loaded.problems[199].code, Code::WrongType);
    assert_eq!((loaded.left_out.errors, loaded.left_out.warnings), (0, 201));
}

#[test]
fn a_tab_is_found_where_it_indents() {
    for before in [
        "max_age: 7d",
        "max_age: \"7d\"",
        "subjects: [a.>]",
        "max_age: 7d\n",
    ] {
        let text =
            format!("stack: t\nnats:\n  streams:\n    A:\n      {before}\n\t  storage: file\n");
        let loaded = layers(&[&text]);
        let places: Vec<_> = loaded
            .problems
            .iter()
            .filter(|problem| problem.message.contains("tab"))
            .map(|problem| {
                problem
                    .place
                    .as_ref()
                    .map(|place| (place.line, place.column))
            })
            .collect();
        let line = 6 + u32::from(before.ends_with('\n'));
        assert_eq!(places, [Some((line, 1))], "{text}");
    }
}

#[test]
fn what_stands_before_a_tab_is_checked() {
    let text = "stack: s\nnats:\n  streams:\n    A:\n      max_age: soon\n\t  storage: file\n";
    assert_eq!(codes(text), [Code::BadDuration, Code::YamlSyntax]);
    let hint = layers(&[text]).problems[1].hint.clone().unwrap();
    assert!(hint.ends_with("the rest of the file from here on was not read"));
}

#[test]
fn small_texts_never_become_large_trees() {
    let keys = |count: usize| {
        (0..count).fold(String::new(), |mut text, key| {
            write!(text, "k{key}: v, ").unwrap();
            text
        })
    };
    let aliases = ["*a"; 1_000].join(", ");
    let lists = format!("x-a: &a [{}]\nx-b: [{aliases}]", ["x"; 250].join(", "));
    assert_eq!(codes(&lists)[0], Code::YamlTooLarge);

    let mut defaults = format!(
        "stack: s\nkafka:\n  defaults: {{ topic: {{ config: {{ {} }} }} }}\n  topics:\n",
        keys(1_000)
    );
    for topic in 0..1_000 {
        writeln!(defaults, "    t{topic}: {{ partitions: 1 }}").unwrap();
    }
    assert_eq!(codes(&defaults), [Code::YamlTooLarge]);
}

#[test]
fn ten_thousand_topics_share_an_anchor_of_twenty_keys() {
    let keys = (0..20).fold(String::new(), |mut text, key| {
        write!(text, "k{key}: v, ").unwrap();
        text
    });
    let mut text = format!("stack: s\nx-c: &c {{ {keys} }}\nkafka:\n  topics:\n");
    for topic in 0..10_000 {
        writeln!(text, "    t{topic}: {{ partitions: 1, config: *c }}").unwrap();
    }
    assert_eq!(sound(layers(&[&text])).resources.len(), 10_000);
}

#[test]
fn problems_beyond_what_is_kept_are_counted_and_stop_the_work() {
    let mut text = "stack: s\nnats:\n  streams:\n".to_owned();
    for index in 0..6_000 {
        writeln!(text, "    S{index}: {{ max_aeg: 1d }}").unwrap();
    }
    let loaded = layers(&[&text]);
    assert!(loaded.manifest.is_none());
    assert_eq!(
        (loaded.problems.len(), loaded.left_out.errors),
        (200, 5_800)
    );
}

#[test]
fn the_limits_are_named() {
    let told_of = |text: &str| {
        let loaded = layers(&[text]);
        assert!(loaded.manifest.is_none() && loaded.problems.len() < 3);
        loaded.problems[0].message.clone()
    };
    let values = format!("stack: s\nx-a: [{}]\n", "1,".repeat(800_000));
    assert!(told_of(&values).contains("more than 750000 keys and values"));

    let entry = |count: usize| {
        let names = (0..count).fold(String::new(), |mut text, name| {
            write!(text, "User:u{name},").unwrap();
            text
        });
        format!(
            "{{ principals: [{names}], hosts: [{names}], operations: [all], resource: {{ topic: t }} }}"
        )
    };
    let acls = format!("stack: s\nkafka: {{ acls: [{}] }}\n", entry(1_000));
    assert!(told_of(&acls).contains("more than 150000 resources"));

    let aliases = format!(
        "x-a: &a [{}]\nx-b: [{}]",
        "x,".repeat(250),
        "*a,".repeat(1_000)
    );
    assert!(told_of(&aliases).contains("copy more than"));
}

#[test]
fn variables_grow_to_a_bound_together() {
    let mut text = "stack: s\nnats:\n  streams:\n".to_owned();
    for stream in 0..300 {
        writeln!(
            text,
            "    S{stream}: {{ subjects: [s{stream}], description: '${{BIG}}' }}"
        )
        .unwrap();
    }
    let loaded = loaded(&Inputs {
        files: vec![super::text("a.yaml", &text)],
        environment: IndexMap::from([("BIG".to_owned(), "x".repeat(100_000))]),
        ..Inputs::default()
    });
    let large = |problem: &&Problem| problem.code == Code::YamlTooLarge;
    let told: Vec<_> = loaded.problems.iter().filter(large).collect();
    assert!(told.len() == 1 && told[0].message.contains("beyond 16 MiB"));
}

#[test]
fn unknown_sections_beyond_what_is_kept_are_counted() {
    let text = (0..6_000).fold("stack: s\n".to_owned(), |mut text, key| {
        writeln!(text, "foo{key}: 1").unwrap();
        text
    });
    let loaded = layers(&[&text]);
    assert!(loaded.manifest.is_none());
    assert!(loaded.problems.len() + loaded.left_out.total() >= 6_000);
}
