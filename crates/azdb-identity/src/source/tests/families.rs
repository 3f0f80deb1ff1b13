//! What becomes of a program that is given up, and of what it has started.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::time::Duration;

use super::programs::command;
use super::{Scratch, around, fetch, refused};

#[tokio::test]
async fn a_command_that_is_given_up_is_killed() {
    let scratch = Scratch::new("command-killed");
    let noted = scratch.path().join("pid");
    let script = format!(
        "echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec sleep 600",
        noted.display()
    );
    let program = scratch.program("slow", &script);
    let asking =
        tokio::spawn(async move { fetch(&command(&[&program]), &around([])).await.is_ok() });
    until(|| noted.exists()).await;
    let pid = std::fs::read_to_string(&noted).unwrap();
    let status = format!("/proc/{}/status", pid.trim());
    asking.abort();
    until(|| std::fs::read_to_string(&status).map_or(true, |it| it.contains("State:\tZ"))).await;
}

/// How a process stands: `None` when it is not there any more.
fn state_of(pid: &str) -> Option<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let state = status.lines().find(|line| line.starts_with("State:"))?;
    Some(state.to_owned())
}

fn is_gone(pid: &str) -> bool {
    state_of(pid).is_none_or(|state| state.contains('Z'))
}

/// A script that starts a child and, through another shell, a grandchild, notes all of them, and goes on with `then`.
fn family(noted: &Path, then: &str) -> String {
    format!(
        "note() {{ echo $1 >> '{0}.new'; }}\nsleep 600 & note $!\n(sleep 600 & note $!; wait) & note $!\n\
         while [ $(wc -l < '{0}.new') -lt 3 ]; do sleep 0.01; done\nnote $$; mv '{0}.new' '{0}'\n{then}",
        noted.display()
    )
}

/// The pids of a [`family`], once it is complete.
async fn pids(noted: &Path) -> Vec<String> {
    until(|| noted.exists()).await;
    let pids = std::fs::read_to_string(noted).unwrap();
    let pids: Vec<String> = pids.lines().map(str::to_owned).collect();
    assert_eq!(pids.len(), 4);
    pids
}

#[tokio::test]
async fn what_a_command_has_started_is_killed_with_it() {
    let scratch = Scratch::new("family-killed");
    // Hanging while it is waited for, and printing without end.
    for (name, then) in [("hangs", "wait"), ("prints", "yes")] {
        let noted = scratch.path().join(format!("pids-of-{name}"));
        let program = scratch.program(name, &family(&noted, then));
        let asking = tokio::spawn(async move { fetch(&command(&[&program]), &around([])).await });
        let pids = pids(&noted).await;
        if name == "hangs" {
            asking.abort();
        }
        if let Ok(given) = asking.await {
            let cause = refused(given).cause();
            assert!(cause.contains("printed more than"), "{cause}");
        }
        until(|| pids.iter().all(|pid| is_gone(pid))).await;
    }
}

/// The clock stands still until all of them are there, and then jumps to the limit.
#[tokio::test(start_paused = true)]
async fn what_a_command_has_started_is_killed_when_its_time_is_over() {
    let scratch = Scratch::new("family-late");
    let noted = scratch.path().join("pids");
    let program = scratch.program("hangs", &family(&noted, "wait"));
    let there = noted.clone();
    let waiting = tokio::task::spawn_blocking(move || {
        while !there.exists() {
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    let error = refused(fetch(&command(&[&program]), &around([])).await);
    assert!(error.cause().contains("did not end within 30 s"));
    waiting.await.unwrap();
    let pids = std::fs::read_to_string(&noted).unwrap();
    // The clock stands still for this.
    let gone = tokio::task::spawn_blocking(move || {
        for _ in 0..15_000 {
            if pids.lines().all(is_gone) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    });
    assert!(gone.await.unwrap());
}

#[tokio::test]
async fn what_a_command_leaves_behind_lives_on_when_it_has_ended_by_itself() {
    let scratch = Scratch::new("family-left");
    for (name, then) in [("good", "echo t"), ("bad", "exit 3")] {
        let noted = scratch.path().join(format!("pids-of-{name}"));
        let program = scratch.program(name, &family(&noted, then));
        let given = fetch(&command(&[&program]), &around([])).await;
        assert_eq!(given.is_ok(), name == "good");
        let left = pids(&noted).await;
        let gone: Vec<_> = left[..3].iter().filter(|pid| is_gone(pid)).collect();
        // The one that waits for another ends with it.
        let _ = std::process::Command::new("kill").args(&left[..3]).status();
        assert!(gone.is_empty(), "{name}: {gone:?}");
    }
}

/// Looks until it is true; three minutes are too long even for a busy machine.
async fn until(is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(180), looking)
        .await
        .unwrap();
}
