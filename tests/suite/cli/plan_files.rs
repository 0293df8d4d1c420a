//! What is given as a plan may be anything: it is looked at before it is opened, and a signal ends a read.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::{file, run, trueup};

/// How long anything of these may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

fn refused(file: &str, said: &str) {
    for arguments in [&["show", file][..], &["apply", file, "--auto-approve"]] {
        let mut command = trueup(arguments);
        command.timeout(PATIENCE);
        let ran = run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn a_device_a_fifo_and_a_directory_are_no_plans() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    refused(fifo.to_str().unwrap(), "is a FIFO");
    refused("/dev/zero", "is a device");
    refused(folder.path().to_str().unwrap(), "is a directory");
}

#[test]
fn a_plan_of_100_mb_is_not_read() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(100 * 1024 * 1024).unwrap();
    refused(file.path().to_str().unwrap(), "larger than trueup reads");
}

#[test]
fn a_plan_comes_over_standard_input() {
    let plan = super::plan_of(1);
    let mut command = trueup(&["show", "-", "--output", "json"]);
    command.write_stdin(plan.to_json());
    assert_eq!(run(command).stdout, plan.to_json());
}

#[test]
fn a_manifest_in_the_place_of_a_plan_is_told_apart() {
    let text = "stack: a\nkafka: { topics: { a: {} } }\n";
    let manifest = file(text, ".yaml");
    let odd = file(text, ".txt");
    let json = file("{\"stack\": \"a\"}", ".json");
    for path in [&manifest, &odd, &json] {
        let path = path.to_str().unwrap();
        for (words, next) in [
            (&["apply", path, "--auto-approve"][..], "apply"),
            (&["show", path], "plan"),
        ] {
            let ran = run(trueup(words));
            assert_eq!(ran.code, 1);
            let said = format!("`trueup {next} -f {path}`");
            assert!(ran.stderr.contains(&said), "{}", ran.stderr);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let ran = run(trueup(&["show", path]));
    assert!(ran.stderr.contains("trueup plan -f"), "{}", ran.stderr);
}

/// SIGTERM: what a shell puts in the background inherits that SIGINT is ignored.
#[test]
fn a_signal_ends_a_read_that_waits() {
    for arguments in [
        &["show", "-"][..],
        &["apply", "-", "--auto-approve"],
        &["apply", "-f", "-", "--auto-approve"],
    ] {
        let (mut child, _open) = waiting_for_more(arguments);
        let pid = child.id().to_string();
        let kill = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(kill.unwrap().success());
        let status = ended(&mut child);
        let interrupted = status.signal() == Some(15) || status.code() == Some(143);
        assert!(interrupted, "{arguments:?}: {status}");
    }
}

/// A command that has read more than a pipe holds, so that it is known to be reading.
fn waiting_for_more(arguments: &[&str]) -> (Child, std::process::ChildStdin) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&vec![b'#'; 1024 * 1024]).unwrap();
    (child, stdin)
}

fn ended(child: &mut Child) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the signal did not end it");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
