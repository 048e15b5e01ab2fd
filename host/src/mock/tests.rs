use super::*;
use crate::PathBuf;
use crate::{
    Debug, HostError, Inbox, MAX_CHUNK, MAX_MESSAGE, Outbox, Path, ReadStore, Reveal, Store,
    StoreTree,
};

const A: Path<'static> = Path::literal("/a");

/// The messages that are left, by id.
fn unread(host: &mut MockHost) -> Vec<(u32, u32, Vec<u8>)> {
    let mut buffer = [0; MAX_MESSAGE];
    let mut messages = Vec::new();
    while let Some(message) = host.read_input(&mut buffer).unwrap() {
        messages.push((message.level, message.id, message.payload.to_vec()));
    }
    messages
}

fn reboots_left(host: &MockHost) -> i32 {
    let value = host.durable().get(reserved::REBOOT_COUNTER.as_bytes());
    i32::from_le_bytes(value.unwrap().try_into().unwrap())
}

fn has(host: &MockHost, path: Path<'_>) -> bool {
    host.durable().get(path.as_bytes()).is_some()
}

#[test]
fn a_level_is_wrapped_as_layer_1_wraps_it() {
    let mut host = MockHost::default();
    host.set_next_level(7);
    let mut level = Level {
        timestamp: 1,
        predecessor: [9; 32],
        ..Level::default()
    };
    level.external(b"out").internal(&[4]).raw(&[1]);
    let mut seen = Vec::new();
    let ended = host.run_level(&level, |host| seen = unread(host));
    let info = [&[0, 3, 0, 0, 0, 0, 0, 0, 0, 1][..], &[9; 32]].concat();
    let expected: [&[u8]; 6] = [&[0, 1], &info, b"\x01out", &[0, 4], &[1], &[0, 2]];
    let expected: Vec<_> = (0..)
        .zip(expected)
        .map(|(id, message)| (7, id, message.to_vec()))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!((ended.level, ended.unread, host.next_level()), (7, 0, 8));
}

#[test]
fn unread_messages_outlive_a_reboot_and_not_the_level() {
    let mut host = MockHost::default();
    let mut level = Level::default();
    level.external(b"1").external(b"2");
    let mut ids = Vec::new();
    let ended = host.run_level(&level, |host| {
        let mut buffer = [0; MAX_MESSAGE];
        ids.push(host.read_input(&mut buffer).unwrap().unwrap().id);
        if ids.len() < 3 {
            host.mark_for_reboot().unwrap();
        }
    });
    assert_eq!(
        (ids.as_slice(), ended.runs, ended.unread),
        (&[0, 1, 2][..], 3, 2)
    );
    ids.clear();
    host.run_level(&level, |host| {
        ids.extend(unread(host).iter().map(|(_, id, _)| *id));
    });
    assert_eq!(ids, [0, 1, 2, 3, 4]);
}

#[test]
fn a_kernel_runs_1001_times_at_most() {
    let mut host = MockHost::default();
    assert_eq!(reboots_left(&host), 1001);
    let mut left = Vec::new();
    let ended = host.run_level(&Level::default(), |host| {
        assert!(!has(host, reserved::REBOOT), "the flag is gone at entry");
        left.push(reboots_left(host));
        host.mark_for_reboot().unwrap();
    });
    assert_eq!((ended.runs, ended.forced, ended.unread), (1001, true, 3));
    assert_eq!(left, (0..=1000).rev().collect::<Vec<i32>>());
    assert_eq!(reboots_left(&host), 1001);
    // The flag stays until a level ends by itself, which sees it.
    assert!(has(&host, reserved::TOO_MANY_REBOOTS));
    let ended = host.run_level(&Level::default(), |host| {
        assert!(has(host, reserved::TOO_MANY_REBOOTS));
    });
    assert_eq!((ended.runs, ended.forced), (1, false));
    assert!(!has(&host, reserved::TOO_MANY_REBOOTS));
}

#[test]
fn a_reboot_can_be_taken_back() {
    let mut host = MockHost::default();
    let ended = host.run_level(&Level::default(), |host| {
        host.mark_for_reboot().unwrap();
        host.clear_reboot().unwrap();
    });
    assert_eq!(ended.runs, 1);
}

#[test]
fn a_trap_keeps_what_was_done_and_sets_the_stuck_flag() {
    let mut host = MockHost::default();
    host.trap_after(2);
    let ended = host.run_level(&Level::default(), |host| {
        host.store_write(A, 0, b"kept").unwrap();
        host.write_output(b"kept too").unwrap();
        host.store_delete(A).unwrap();
    });
    assert_eq!((ended.runs, ended.traps), (1, 1));
    assert_eq!(ended.outbox, [b"kept too"]);
    assert_eq!(host.durable().get(b"/a"), Some(&b"kept"[..]));
    assert!(has(&host, reserved::STUCK));
    // The next run sees the flag; at its clean end it goes.
    host.run_level(&Level::default(), |host| {
        assert!(has(host, reserved::STUCK));
    });
    assert!(!has(&host, reserved::STUCK));
}

#[test]
fn a_trap_after_the_reboot_flag_costs_a_reboot_and_no_message() {
    let mut host = MockHost::default();
    host.trap_after(3);
    let mut read = 0;
    let ended = host.run_level(Level::default().external(b"x"), |host| {
        host.mark_for_reboot().unwrap();
        read += unread(host).len();
        host.clear_reboot().unwrap();
    });
    // The two messages read before the trap are gone; the other two are not.
    assert_eq!((ended.runs, ended.traps, ended.unread, read), (2, 1, 0, 2));
}

#[test]
fn a_trap_strikes_before_or_after_the_effect() {
    for (call, before, value) in [
        (1, true, None),
        (1, false, Some(&b"1"[..])),
        (2, true, Some(b"1")),
        (2, false, Some(b"2")),
    ] {
        let mut host = MockHost::default();
        if before {
            host.trap_before(call);
        } else {
            host.trap_after(call);
        }
        let done = host.until_trap(|host| {
            host.write_debug("not counted");
            host.write_debug("not counted");
            host.store_write(A, 0, b"1").unwrap();
            host.store_write(A, 0, b"2").unwrap();
        });
        assert_eq!(done, None);
        assert_eq!(host.durable().get(b"/a"), value, "{call} {before}");
        assert!(!host.call_off_trap());
    }
}

#[test]
fn a_trap_that_is_not_reached_can_be_called_off() {
    let mut host = MockHost::default();
    host.trap_after(2);
    assert!(host.until_trap(|host| host.store_has(A)).is_some());
    assert!(host.call_off_trap());
    assert!(host.until_trap(|host| host.store_has(A)).is_some());
}

#[test]
fn a_trap_that_outlives_its_level_is_told_of() {
    let mut host = MockHost::default();
    host.trap_after(1_000);
    let ended = host.run_level(&Level::default(), |host| {
        let _ = host.store_has(A);
    });
    assert_eq!((ended.traps, ended.trap_left), (0, true));
    assert!(host.call_off_trap());
    let ended = host.run_level(&Level::default(), |_| {});
    assert!(!ended.trap_left);
}

#[test]
#[should_panic(expected = "the kernel's own")]
fn a_panic_is_no_trap() {
    MockHost::default().run_level(&Level::default(), |_| panic!("the kernel's own"));
}

#[test]
fn calls_and_bytes_are_counted() {
    let mut host = MockHost::default();
    host.open_level(&Level::default());
    let mut buffer = [0; MAX_MESSAGE];
    host.read_input(&mut buffer).unwrap();
    host.write_all(A, b"12345").unwrap();
    assert_eq!(host.store_read(A, 1, &mut buffer[..2]), Ok(2));
    assert_eq!(
        host.store_read(A, 5, &mut buffer[..2]),
        Err(HostError::InvalidAccess)
    );
    assert_eq!(
        host.store_write(A, 9, b"far"),
        Err(HostError::InvalidAccess)
    );
    host.write_debug("a line");
    host.write_output(b"123").unwrap();
    let calls = [
        ("read_input", 1),
        ("store_delete_value", 1),
        ("store_read", 2),
        ("store_write", 2),
        ("write_debug", 1),
        ("write_output", 1),
    ];
    assert_eq!(host.calls(), BTreeMap::from(calls));
    assert_eq!(host.total_calls(), 7);
    assert_eq!((host.bytes_read(), host.bytes_written()), (2 + 2, 5 + 3));
}

#[test]
fn the_outbox_takes_100_messages_a_level() {
    let mut host = MockHost::default();
    let fill = |host: &mut MockHost| {
        assert_eq!(
            host.write_output(&[0; MAX_MESSAGE + 1]),
            Err(HostError::TooLarge)
        );
        for message in 0..100 {
            assert_eq!(host.write_output(&[message; MAX_MESSAGE]), Ok(()));
        }
        assert_eq!(host.write_output(b""), Err(HostError::FullOutbox));
        assert_eq!(
            host.write_output(&[0; MAX_MESSAGE + 1]),
            Err(HostError::TooLarge)
        );
    };
    for _ in 0..2 {
        let ended = host.run_level(&Level::default(), fill);
        let expected: Vec<_> = (0..100).map(|message| vec![message; MAX_MESSAGE]).collect();
        assert_eq!(ended.outbox, expected);
        assert!(host.outbox().is_empty());
    }
}

#[test]
fn a_message_is_cut_at_4096_bytes() {
    let mut host = MockHost::default();
    let mut seen = Vec::new();
    host.run_level(Level::default().external(&[7; 5000]), |host| {
        seen = unread(host);
    });
    assert_eq!(seen[2].2, [&[1][..], &[7; 4095]].concat());
    assert_eq!(seen[3].2, [0, 2]);
}

#[test]
fn reveals_give_what_was_set() {
    let metadata = Metadata {
        address: [3; 20],
        origination_level: 4,
    };
    let mut host = MockHost::default().with_metadata(metadata);
    assert_eq!(host.reveal_metadata(), Ok(metadata));
    let mut buffer = [0; MAX_MESSAGE];
    // Another scheme: the machine reveals nothing instead.
    assert_eq!(host.reveal_preimage(&[5; 33], &mut buffer), Ok(0));
    let hash = host.add_preimage(b"page");
    assert_eq!(host.reveal_preimage(&hash, &mut buffer), Ok(4));
    assert_eq!(buffer[..4], *b"page");
    // The general form gives the same.
    let request = [&[0], &hash[..]].concat();
    assert_eq!(host.reveal(&request, &mut buffer[..3]), Ok(3));
    assert_eq!(buffer[..3], *b"pag");
    assert_eq!(host.reveal(&[1], &mut buffer), Ok(24));
    assert_eq!(buffer[..24], [&[3; 20][..], &[0, 0, 0, 4]].concat());
    assert_eq!(host.reveal(&[9], &mut buffer), Ok(0));
    assert_eq!(host.reveal(&[], &mut buffer), Ok(0));
    let long = [0; MAX_MESSAGE + 1];
    assert_eq!(host.reveal(&long, &mut buffer), Err(HostError::TooLarge));
}

#[test]
fn the_data_availability_layer_is_what_was_set() {
    let mut host = MockHost::default();
    assert_eq!(host.reveal_dal_parameters(), Ok(None));
    let parameters = DalParameters {
        slots: 32,
        attestation_lag: 8,
        slot_size: 126_944,
        page_size: 3_967,
    };
    host.set_dal_parameters(parameters);
    assert_eq!(host.reveal_dal_parameters(), Ok(Some(parameters)));
    host.set_dal_page(70_000, 3, 258, vec![6; 5_000]);
    let mut page = [0; 5_000];
    assert_eq!(host.reveal_dal_page(70_000, 3, 258, &mut page), Ok(5_000));
    assert_eq!(page, [6; 5_000]);
    assert_eq!(host.reveal_dal_page(70_000, 3, 257, &mut page), Ok(0));
}

#[test]
fn children_have_names_in_the_machines_order() {
    let mut host = MockHost::default();
    for path in ["/a", "/a/1", "/a/b", "/a/_", "/a/b/c"] {
        host.write_all(Path::new(path.as_bytes()).unwrap(), b"1")
            .unwrap();
    }
    let mut name = [0; 4];
    let mut nth = |index| {
        let len = host.store_get_nth_key(A, index, &mut name)?;
        Ok(name[..len].to_vec())
    };
    // The value stands where `@` does: behind digits, before letters.
    assert_eq!(nth(0), Ok(b"1".to_vec()));
    assert_eq!(nth(1), Ok(b"".to_vec()));
    assert_eq!(nth(2), Ok(b"_".to_vec()));
    assert_eq!(nth(3), Ok(b"b".to_vec()));
    assert_eq!(nth(4), Err(HostError::InvalidSubkeyIndex));
    let absent = host.store_get_nth_key(Path::literal("/x"), 0, &mut name);
    assert_eq!(absent, Err(HostError::NotANode));
}

#[test]
fn equal_trees_have_equal_hashes() {
    let mut host = MockHost::default();
    let (a, b) = (A, Path::literal("/b"));
    assert_eq!(host.store_get_hash(a), Err(HostError::NotANode));
    host.write_all(Path::literal("/a/x"), b"1").unwrap();
    host.store_copy(a, b).unwrap();
    assert_eq!(host.store_get_hash(a), host.store_get_hash(b));
    host.store_create(Path::literal("/b/y"), 0).unwrap();
    assert_ne!(host.store_get_hash(a), host.store_get_hash(b));
}

#[test]
fn a_snapshot_does_not_follow() {
    let mut host = MockHost::default();
    host.write_all(A, b"old").unwrap();
    let snapshot = host.durable().clone();
    host.write_all(A, b"new").unwrap();
    host.write_all(Path::literal("/a/b"), b"more").unwrap();
    assert_eq!(snapshot.get(b"/a"), Some(&b"old"[..]));
    assert_eq!(snapshot.get(b"/a/b"), None);
    host.restore(snapshot.clone());
    assert_eq!(host.durable(), &snapshot);
    assert_eq!(host.read_all(A), Ok(Some(b"old".to_vec())));
}

#[test]
fn whole_values_are_moved_in_chunks() {
    let mut host = MockHost::default();
    for len in [0, 1, MAX_CHUNK - 1, MAX_CHUNK, MAX_CHUNK + 1, 3 * MAX_CHUNK] {
        let value: Vec<u8> = (0..len).map(|at| at as u8).collect();
        host.write_all(A, &value).unwrap();
        assert_eq!(host.store_value_size(A), Ok(len));
        assert_eq!(host.read_all(A), Ok(Some(value)));
    }
    host.write_all(A, b"short").unwrap();
    assert_eq!(host.read_all(A), Ok(Some(b"short".to_vec())));
    let mut buffer = [0; 8];
    assert_eq!(host.read_small(A, &mut buffer), Ok(Some(5)));
    host.write_all(A, b"").unwrap();
    assert_eq!(host.read_small(A, &mut buffer), Ok(Some(0)));
    host.store_delete(A).unwrap();
    assert_eq!(host.read_small(A, &mut buffer), Ok(None));
    assert_eq!(host.read_all(A), Ok(None));
}

/// The copy shares; the time does not grow with what is copied.
#[test]
fn a_copy_of_much_is_cheap() {
    let mut host = MockHost::default();
    for key in 0..20_000 {
        let mut path: PathBuf = PathBuf::from_path(Path::literal("/from"));
        path.push(format!("{}", key / 100).as_bytes()).unwrap();
        path.push(format!("{key}").as_bytes()).unwrap();
        host.store_write(path.as_path(), 0, b"value").unwrap();
    }
    let (from, to) = (Path::literal("/from"), Path::literal("/to"));
    let start = std::time::Instant::now();
    for round in 0..1000_u32 {
        host.store_copy(from, to).unwrap();
        host.store_write(Path::literal("/to/7/700"), 0, &round.to_le_bytes())
            .unwrap();
        host.store_move(to, from).unwrap();
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert_eq!(
        host.durable().get(b"/from/7/700").unwrap()[..4],
        999_u32.to_le_bytes()
    );
    assert_eq!(host.durable().get(b"/to"), None);
}

/// `/a` with a value, and `/a/b` below it.
fn a_and_b() -> MockHost {
    let mut host = MockHost::default();
    host.write_all(A, b"1").unwrap();
    host.write_all(Path::literal("/a/b"), b"2").unwrap();
    host
}

fn all_but_readonly(host: &MockHost) -> Vec<(String, Vec<u8>)> {
    host.values()
        .into_iter()
        .map(|(path, value)| (String::from_utf8(path).unwrap(), value))
        .filter(|(path, _)| !path.starts_with("/readonly/"))
        .collect()
}

fn expect(host: &MockHost, expected: &[(&str, &[u8])]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, value)| ((*path).to_owned(), value.to_vec()))
        .collect();
    assert_eq!(all_but_readonly(host), expected);
}

#[test]
fn a_node_onto_itself_stays() {
    let mut host = a_and_b();
    host.store_move(A, A).unwrap();
    host.store_copy(A, A).unwrap();
    expect(&host, &[("/a", b"1"), ("/a/b", b"2")]);
}

#[test]
fn a_move_into_its_own_subtree_cuts_first() {
    let mut host = a_and_b();
    host.store_move(A, Path::literal("/a/b")).unwrap();
    expect(&host, &[("/a/b", b"1"), ("/a/b/b", b"2")]);
}

#[test]
fn a_copy_into_its_own_subtree_nests() {
    let mut host = a_and_b();
    host.store_copy(A, Path::literal("/a/c")).unwrap();
    expect(
        &host,
        &[
            ("/a", b"1"),
            ("/a/b", b"2"),
            ("/a/c", b"1"),
            ("/a/c/b", b"2"),
        ],
    );
}

#[test]
fn what_a_node_is_put_onto_disappears() {
    let to = Path::literal("/to");
    let old = Path::literal("/to/old");
    let mut host = a_and_b();
    host.write_all(old, b"3").unwrap();
    host.store_copy(A, to).unwrap();
    assert_eq!(host.store_has(old), Ok(None));
    host.write_all(old, b"3").unwrap();
    host.store_move(A, to).unwrap();
    expect(&host, &[("/to", b"1"), ("/to/b", b"2")]);
}

#[test]
fn only_what_is_there_can_be_copied_but_anything_deleted() {
    let absent = Path::literal("/absent");
    let mut host = a_and_b();
    let before = host.durable().clone();
    assert_eq!(host.store_copy(absent, A), Err(HostError::NotANode));
    assert_eq!(host.store_move(absent, A), Err(HostError::NotANode));
    assert_eq!(host.store_delete(absent), Ok(()));
    assert_eq!(host.store_delete_value(absent), Ok(()));
    assert_eq!(host.durable(), &before);
}

#[test]
fn the_machines_own_values_can_be_read_only() {
    let stuck = reserved::STUCK;
    let mut host = a_and_b();
    let before = host.durable().clone();
    assert_eq!(host.store_write(stuck, 0, b""), Err(HostError::ReadOnly));
    assert_eq!(
        host.store_delete(Path::literal("/readonly")),
        Err(HostError::ReadOnly)
    );
    assert_eq!(
        host.store_delete_value(reserved::VERSION),
        Err(HostError::ReadOnly)
    );
    assert_eq!(host.store_copy(A, stuck), Err(HostError::ReadOnly));
    assert_eq!(host.store_move(A, stuck), Err(HostError::ReadOnly));
    assert_eq!(
        host.store_move(reserved::VERSION, A),
        Err(HostError::ReadOnly)
    );
    assert_eq!(host.durable(), &before);
    // Copying from there is looking.
    assert_eq!(host.store_copy(reserved::VERSION, A), Ok(()));
    // The step is compared whole.
    let other = Path::literal("/readonlyx");
    assert_eq!(host.store_write(other, 0, b"4"), Ok(()));
    expect(&host, &[("/a", b"2.0.0-r5"), ("/readonlyx", b"4")]);
}

#[test]
fn a_nodes_own_value_is_one_of_its_children() {
    let mut host = a_and_b();
    host.write_all(Path::literal("/a/c/d"), b"3").unwrap();
    assert_eq!(host.store_list_size(A), Ok(3));
    host.store_delete_value(A).unwrap();
    assert_eq!(host.store_list_size(A), Ok(2));
    assert_eq!(host.store_list_size(Path::literal("/absent")), Ok(0));
}

#[test]
fn an_upgrade_error_is_seen_until_a_run_ends_well() {
    let mut host = MockHost::default();
    host.set(reserved::UPGRADE_ERROR.as_bytes(), b"");
    let look = |host: &mut MockHost| {
        assert!(has(host, reserved::UPGRADE_ERROR));
        host.store_write(A, 0, b"1").unwrap();
    };
    host.trap_after(1);
    assert_eq!(host.run_level(&Level::default(), look).traps, 1);
    assert_eq!(host.run_level(&Level::default(), look).traps, 0);
    assert!(!has(&host, reserved::UPGRADE_ERROR));
}

#[test]
fn a_flag_that_forces_a_level_to_end_keeps_its_value() {
    let mut host = MockHost::default();
    let flag = reserved::REBOOT;
    let ended = host.run_level(&Level::default(), |host| {
        host.write_all(flag, b"again").unwrap();
    });
    assert!(ended.forced);
    assert_eq!(host.values()[flag.as_bytes()], b"again");
    host.run_level(&Level::default(), |_| {});
    assert_eq!(host.values()[flag.as_bytes()], b"");
}
