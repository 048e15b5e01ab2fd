//! Tests of concurrent work.

use super::*;
use crate::chain::Chain;
use crate::node::BlockTime;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn few_calls_run_at_once_and_those_that_nobody_waits_for_end() {
    let node = passing();
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let calls = (0..100).map(|_| {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        call(&node, move |_, interrupt| {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            while !interrupt.is_set() {
                std::thread::sleep(Duration::from_millis(1));
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Err::<(), _>(RpcError::server("interrupted"))
        })
    });
    let all = futures_util::future::join_all(calls);
    // The clients leave.
    let _ = tokio::time::timeout(Duration::from_millis(500), all).await;
    // A short call is answered at once: the others gave up their places.
    assert_eq!(call(&node, |_, _| Ok(7)).await, Ok(7));
    while running.load(Ordering::SeqCst) > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(most.load(Ordering::SeqCst) <= 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_many_long_calls_does_not_hold_up_another() {
    let node = passing();
    let endless = || {
        call(&node, |_, interrupt| {
            while !interrupt.is_set() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err::<(), _>(RpcError::server("interrupted"))
        })
    };
    let many = (0..64).map(|_| endless());
    let many = Share::default().lend(futures_util::future::join_all(many));
    // It takes longer than a short one, and less than what the others take together.
    let other = Share::default().lend(call(&node, |_, interrupt| {
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            if interrupt.is_set() {
                return Err(RpcError::server("interrupted"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(7)
    }));
    let other = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        other.await
    };
    tokio::select! {
        _ = many => panic!("64 long calls end before another"),
        outcome = other => assert_eq!(outcome, Ok(7)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_end_is_left_alone() {
    let node = passing();
    let start = std::time::Instant::now();
    let deaf = script(&node, |_, _| {
        std::thread::sleep(CALL_TIME + 3 * GRACE);
        Ok(String::new())
    });
    let why = deaf.await.unwrap_err().message;
    assert_eq!(why, "execution aborted (timeout = 5s)");
    assert!(start.elapsed() < CALL_TIME + 2 * GRACE);
    // It keeps its place, and others have theirs.
    assert_eq!(node.load.scripts.available_permits(), 1);
    let text = script(&node, |_, _| Ok("7".into())).await.unwrap();
    assert_eq!(text.text, "7");
    assert_eq!(call(&node, |_, _| Ok(7)).await, Ok(7));
}

#[test]
fn batches_share_what_their_answers_may_take() {
    let load = Load::default();
    let mut small = Held::default();
    load.batch(&mut small, SMALL - 1).unwrap();
    assert_eq!(load.batches.available_permits(), 96 << 10);
    let mut all: Vec<Held> = Vec::new();
    while all.len() < 10 {
        let mut held = Held::default();
        let steps = (1..=25).map(|megabytes| load.batch(&mut held, megabytes << 20));
        if steps.take_while(Option::is_some).count() < 25 {
            break;
        }
        all.push(held);
    }
    assert_eq!(all.len(), 3);
    assert!(load.keep("x".repeat(200 << 20)).is_err());
    drop(all);
    assert_eq!(load.batches.available_permits(), 96 << 10);
}

#[tokio::test]
async fn what_was_held_is_free_again() {
    let load = Load::default();
    let text = "x".repeat(MAX_ANSWER);
    let Text { mut held, .. } = load.keep(text).unwrap();
    held.shrink(1 << 20);
    assert_eq!(load.answers.available_permits(), (127 << 10));
    held.shrink(10);
    assert_eq!(load.answers.available_permits(), 128 << 10);
    let mut request = Held::default();
    for megabytes in 1..=48 {
        load.request(&mut request, megabytes << 20).unwrap();
    }
    assert!(load.request(&mut request, (48 << 20) + 1).is_none());
    assert!(load.request(&mut Held::default(), 1).is_none());
    drop(request);
    assert!(load.request(&mut Held::default(), 1).is_some());
}

#[tokio::test]
async fn a_place_is_free_to_each_whatever_others_take() {
    let load = Load::default();
    let greedy = Places::new(&load);
    let taken: Vec<Place> = std::iter::from_fn(|| greedy.try_next())
        .take(5_000)
        .collect();
    assert_eq!(taken.len(), 1_025);
    let other = Places::new(&load);
    let own = other.try_next();
    assert!(own.is_some());
    assert!(other.try_next().is_none());
    drop(taken);
    assert!(other.next().await.is_some());
}

fn passing() -> Arc<Node> {
    let chain = Chain::passing(1).unwrap();
    Arc::new(Node::new(Vec::new(), 1, BlockTime::Auto, chain))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_take_no_room_for_the_answers_of_others() {
    let node = passing();
    let endless = || {
        Share::default().lend(large_call(&node, |_, interrupt| {
            while !interrupt.is_set() {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(RpcError::server("interrupted"))
        }))
    };
    let many = futures_util::future::join_all((0..20).map(|_| endless()));
    let logs = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        large(&node, |_| Ok("x".repeat(20_000_000))).await
    };
    tokio::select! {
        _ = many => panic!("the calls ended first"),
        text = logs => assert_eq!(text.unwrap().text.len(), 20_000_000),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_work_leaves_places_to_others() {
    let node = passing();
    let slow = || {
        Share::default().lend(long(&node, |_| {
            std::thread::sleep(Duration::from_secs(1));
            Ok(())
        }))
    };
    let many = futures_util::future::join_all((0..20).map(|_| slow()));
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        blocking(&node, |_| Ok(7)).await
    };
    tokio::select! {
        _ = many => panic!("the long ones ended first"),
        seven = other => assert_eq!(seven, Ok(7)),
    }
}
