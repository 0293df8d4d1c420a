use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn store() -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("ledger.json"));
    (folder, store)
}

fn holder(id: &str) -> Holder {
    Holder {
        id: id.to_owned(),
        who: "ann".to_owned(),
        host: "build-7".to_owned(),
        pid: 7,
        ci_url: None,
        command: "apply".to_owned(),
        since: "2026-01-01T00:00:00Z".to_owned(),
        until: String::new(),
    }
}

/// Moves the end of a stack's lease into the past, as time would.
fn let_end(folder: &Path, stack: &str) {
    let file = folder.join("ledger.json.lease");
    let mut page: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    page["entries"][stack]["value"]["until"] = "2026-01-01T00:00:01Z".into();
    fs::write(&file, page.to_string()).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn no_file_is_an_empty_ledger_and_reading_makes_none() {
    let (folder, store) = store();
    assert_eq!(store.list("").await.unwrap(), []);
    assert_eq!(store.holder("shop").await.unwrap(), None);
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_value_lies_there_for_people_and_comes_back_as_it_was() {
    let (folder, store) = store();
    let value = br#"{"b":1.5,"a":[18446744073709551615]}"#;
    let revision = store.put("owned.shop.01", value, None).await.unwrap();
    store.put("other", b"1", None).await.unwrap();
    let entry = Entry {
        key: "owned.shop.01".to_owned(),
        value: value.to_vec(),
        revision,
    };
    assert_eq!(store.list("owned.").await.unwrap(), [entry]);
    let text = fs::read_to_string(folder.path().join("ledger.json")).unwrap();
    assert!(text.contains("\n        \"b\": 1.5,\n"), "{text}");
    assert!(text.ends_with("}\n"));
}

#[tokio::test]
async fn who_did_not_see_the_last_writing_writes_nothing() {
    let (_folder, store) = store();
    let first = store.put("k", b"1", None).await.unwrap();
    let second = store.put("k", b"2", Some(first)).await.unwrap();
    for stale in [None, Some(first), Some(second + 1)] {
        let error = store.put("k", b"3", stale).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
    }
    let gone = store.put("never", b"3", Some(first)).await.unwrap_err();
    assert!(matches!(gone, StoreError::Conflict { .. }), "{gone}");
    assert_eq!(store.list("").await.unwrap()[0].value, b"2");
}

#[tokio::test]
async fn what_is_no_json_and_what_is_no_key_is_refused() {
    let (folder, store) = store();
    for (key, value) in [("k", b"{".as_slice()), ("a..b", b"1")] {
        let error = store.put(key, value, None).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    }
    assert!(!names(folder.path()).contains(&"ledger.json".to_owned()));
}

#[tokio::test]
async fn a_damaged_file_is_never_an_empty_ledger() {
    let (folder, store) = store();
    store.put("k", b"[1, 2, 3]", None).await.unwrap();
    let file = folder.path().join("ledger.json");
    let whole = fs::read_to_string(&file).unwrap();
    let newer = whole.replace("\"format\": 1", "\"format\": 2");
    let no_form = whole.replace("\"format\": 1,", "");
    for text in [
        "",
        " \n",
        &whole[..whole.len() / 2],
        "[]",
        "{}",
        &newer,
        &no_form,
    ] {
        fs::write(&file, text).unwrap();
        let errors = [
            store.list("").await.map(drop).unwrap_err(),
            store.put("k", b"1", None).await.map(drop).unwrap_err(),
        ];
        for error in errors {
            assert!(
                matches!(error, StoreError::Failed { .. }),
                "{text}: {error}"
            );
            assert!(error.to_string().contains("ledger.json`: it "), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "it was changed");
    }
}

#[tokio::test]
async fn damaged_leases_are_never_free() {
    let (folder, store) = store();
    store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    fs::write(folder.path().join("ledger.json.lease"), "").unwrap();
    let error = store.acquire("shop", &holder("b"), MINUTE).await;
    assert!(matches!(error, Err(StoreError::Failed { .. })), "{error:?}");
    assert!(store.holder("shop").await.is_err());
}

#[tokio::test]
async fn what_a_crash_left_behind_hurts_nobody() {
    let (folder, store) = store();
    store.put("k", b"1", None).await.unwrap();
    fs::write(folder.path().join("ledger.json.new"), "{\"for").unwrap();
    assert_eq!(store.list("").await.unwrap()[0].value, b"1");
    store.put("l", b"2", None).await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 2);
    assert_eq!(names(folder.path()), ["ledger.json", "ledger.json.lock"]);
}

#[tokio::test]
async fn a_link_is_followed_and_the_rights_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, store) = store();
    store.put("k", b"1", None).await.unwrap();
    let file = folder.path().join("ledger.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path().join("link");
    symlink("ledger.json", &link).unwrap();
    FileStore::new(&link).put("l", b"2", None).await.unwrap();
    assert_eq!(store.list("").await.unwrap().len(), 2);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(!names(folder.path()).contains(&"link.lock".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_nothing_is_lost() {
    let (_folder, store) = store();
    let writings = (0..40).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.put(&format!("k{number}"), b"1", None).await })
    });
    for writing in writings.collect::<Vec<_>>() {
        writing.await.unwrap().unwrap();
    }
    let entries = store.list("").await.unwrap();
    let mut revisions: Vec<Revision> = entries.iter().map(|entry| entry.revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_who_want_the_lease_one_gets_it() {
    let (_folder, store) = store();
    let racers = (0..8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .acquire("shop", &holder(&number.to_string()), MINUTE)
                .await
        })
    });
    let mut winners = 0;
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(_) => winners += 1,
            Err(StoreError::Held { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn a_lease_is_held_until_it_is_released() {
    let (_folder, store) = store();
    let before = Instant::now();
    let lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    assert!(lease.ends >= before + MINUTE && lease.ends <= Instant::now() + MINUTE);
    let Err(StoreError::Held { holder: who, .. }) =
        store.acquire("shop", &holder("b"), MINUTE).await
    else {
        panic!("two have it");
    };
    assert_eq!(*who, lease.holder);
    store.acquire("other", &holder("b"), MINUTE).await.unwrap();
    let lease = store.renew(&lease, MINUTE).await.unwrap();
    store.release(&lease).await.unwrap();
    assert_eq!(store.holder("shop").await.unwrap(), None);
    store.acquire("shop", &holder("b"), MINUTE).await.unwrap();
    store.release(&lease).await.unwrap();
    assert_eq!(store.holder("shop").await.unwrap().unwrap().id, "b");
}

#[tokio::test]
async fn an_expired_lease_is_taken_over_and_its_holder_hears_of_it() {
    let (folder, store) = store();
    let stale = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let_end(folder.path(), "shop");
    assert_eq!(store.holder("shop").await.unwrap(), None);
    let lease = store.acquire("shop", &holder("b"), MINUTE).await.unwrap();
    let error = store.renew(&stale, MINUTE).await.unwrap_err();
    assert!(matches!(error, StoreError::Lost { .. }), "{error}");
    assert!(error.to_string().contains("ann on build-7"), "{error}");
    assert!(store.renew(&lease, MINUTE).await.is_ok());
}

#[tokio::test]
async fn a_lease_that_ended_is_not_renewed() {
    let (folder, store) = store();
    let lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    let_end(folder.path(), "shop");
    let late = store.renew(&lease, MINUTE).await;
    assert!(matches!(late, Err(StoreError::Lost { .. })), "{late:?}");
    let over = Lease {
        ends: Instant::now(),
        ..store.acquire("shop", &holder("a"), MINUTE).await.unwrap()
    };
    let late = store.renew(&over, MINUTE).await;
    assert!(matches!(late, Err(StoreError::Lost { .. })), "{late:?}");
}

#[tokio::test]
async fn a_broken_lease_is_free_and_lost() {
    let (_folder, store) = store();
    store.break_lease("shop").await.unwrap();
    let lease = store.acquire("shop", &holder("a"), MINUTE).await.unwrap();
    store.break_lease("shop").await.unwrap();
    let lost = store.renew(&lease, MINUTE).await;
    assert!(matches!(lost, Err(StoreError::Lost { .. })), "{lost:?}");
    assert!(store.acquire("shop", &holder("b"), MINUTE).await.is_ok());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said() {
    let store = FileStore::new("no/such/folder/ledger.json");
    let error = store.put("k", b"1", None).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("No such file"), "{error}");
}
