//! Levels through the kernel as native code: blocks, budgets, fees, and what of
//! the inbox is ours.

use crate::native::{
    FIRST_LEVEL, GWEI, account, burn, call, chunked, creation, durable, funds, hashes, head,
    header, headers, included, level, level_of, rollup, run, sender, signed, simple, slot,
    transfer,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use ethereum::header::EMPTY_ROOT;
use ethereum::transaction::Eip1559;
use evm_kernel::HISTORY_ADDRESS;
use host::mock::MockHost;
use storage::Config;
use storage::config::Revision;

const NOBODY: Address = Address::repeat_byte(0xbb);

#[test]
fn the_first_level_makes_genesis() {
    let mut host = rollup(&Config::default());
    run(&mut host, &level(1_000, &[]));
    let genesis = header(&host, 0);
    assert_eq!(head(&host).number, 0);
    assert_eq!(genesis.timestamp, 1_000);
    assert_eq!(genesis.parent_hash, B256::ZERO);
    assert_eq!(genesis.base_fee_per_gas, GWEI);
    assert!(account(&host, HISTORY_ADDRESS).has_code());
    // What the setup file gave is there still.
    assert_eq!(account(&host, sender(0)).balance, funds());
}

#[test]
fn an_empty_level_makes_one_empty_block() {
    let mut host = rollup(&Config::default());
    let timestamps = [1_000, 1_005, 990, 1_005, 1_010];
    for (number, timestamp) in (0..).zip(timestamps) {
        let ended = run(&mut host, &level(timestamp, &[]));
        assert_eq!(ended.runs, 1);
        assert_eq!(head(&host).number, number);
        assert_eq!(head(&host).level, FIRST_LEVEL + number as u32);
    }
    let headers = headers(&host);
    let shown: Vec<_> = headers.iter().map(|header| header.timestamp).collect();
    // Time never goes back.
    assert_eq!(shown, [1_000, 1_005, 1_005, 1_005, 1_010]);
    for header in &headers {
        assert_eq!(header.gas_used, 0);
        assert_eq!(header.transactions_root, EMPTY_ROOT);
        assert_eq!(header.receipts_root, EMPTY_ROOT);
    }
    assert_eq!(included(&host), []);
}

#[test]
fn an_empty_level_leaves_no_queue() {
    let mut host = rollup(&Config::default());
    run(&mut host, &level(1_000, &[]));
    run(&mut host, &level(1_001, &[]));
    let queued = durable(&host)
        .into_keys()
        .filter(|path| path.starts_with(b"/evm/queue"));
    assert_eq!(queued.count(), 0);
}

#[test]
fn more_than_a_blocks_gas_makes_several_blocks() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    let burns: Vec<_> = (0..5)
        .map(|nonce| signed(0, burn(nonce, 400_000)))
        .collect();
    let ended = run(&mut host, &level_of(1_001, &burns));
    assert_eq!(ended.runs, 1);
    let blocks: Vec<_> = included(&host)
        .iter()
        .map(|included| included.block)
        .collect();
    assert_eq!(blocks, [1, 1, 2, 2, 3]);
    assert_eq!(head(&host).number, 3);
    for number in 1..=3 {
        assert_eq!(header(&host, number).timestamp, 1_001);
        assert!(header(&host, number).gas_used <= 1_000_000);
    }
    headers(&host);
    run(&mut host, &level(1_002, &[]));
    assert_eq!(head(&host).number, 4);
}

#[test]
fn a_spent_run_budget_makes_a_reboot() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        run_budget: 2_000_000,
        level_budget: u64::MAX,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    let burns: Vec<_> = (0..8)
        .map(|nonce| signed(0, burn(nonce, 1_000_000)))
        .collect();
    let ended = run(&mut host, &level_of(1_001, &burns));
    // After one such block a run has no room for a second one.
    assert!(ended.runs >= 8, "{} runs", ended.runs);
    let all = included(&host);
    let expected: Vec<_> = burns.iter().map(|burn| burn.hash).collect();
    assert_eq!(hashes(&host), expected);
    assert!(
        all.iter()
            .all(|included| included.receipt.gas_used == 1_000_000)
    );
    assert_eq!(head(&host).number, 8);
    assert_eq!(head(&host).backlog, 0);
}

#[test]
fn reading_many_messages_takes_more_runs() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        run_budget: 2_000_000,
        level_budget: u64::MAX,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    // 500 messages cost 10,000 each.
    let mut messages = vec![[&[0][..], &[1; 20], b"not ours"].concat(); 500];
    let transaction = signed(0, transfer(0, NOBODY));
    messages.insert(250, simple(&transaction));
    let ended = run(&mut host, &level(1_001, &messages));
    assert!(ended.runs >= 3, "{} runs", ended.runs);
    assert_eq!(hashes(&host), [transaction.hash]);
    assert_eq!(head(&host).number, 1);
}

#[test]
fn what_is_over_the_levels_budget_waits_for_the_next_levels() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        run_budget: 4_000_000,
        level_budget: 4_000_000,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    let burns: Vec<_> = (0..8)
        .map(|nonce| signed(0, burn(nonce, 900_000)))
        .collect();
    run(&mut host, &level_of(1_001, &burns));
    let first = included(&host).len();
    assert_eq!(first, 2);
    assert!(head(&host).level_work <= 4_000_000);
    // All that waits is counted, though it was read and decoded already.
    let entry = |burn| 4 + simple(burn).len() as u64 - 21;
    let waiting: u64 = burns[first..].iter().map(entry).sum();
    assert_eq!(head(&host).backlog, waiting);
    // What comes later stands behind what waits.
    let late = signed(1, transfer(0, NOBODY));
    run(&mut host, &level_of(1_002, std::slice::from_ref(&late)));
    assert!(included(&host).len() > first);
    for timestamp in 1_003..1_006 {
        run(&mut host, &level(timestamp, &[]));
    }
    let mut expected: Vec<_> = burns.iter().map(|burn| burn.hash).collect();
    expected.push(late.hash);
    assert_eq!(hashes(&host), expected);
    assert_eq!(head(&host).backlog, 0);
    let queued = durable(&host)
        .into_keys()
        .filter(|path| path.starts_with(b"/evm/queue"));
    assert_eq!(queued.count(), 0);
}

/// EIP-1559 once more, and the floor.
fn base_fee_after(gas_used: u64, gas_limit: u64, base_fee: u64, floor: u64) -> u64 {
    let (used, target, fee) = (gas_used as i128, gas_limit as i128 / 2, base_fee as i128);
    let mut change = fee * (used - target).abs() / target / 8;
    if used > target {
        change = change.max(1);
    }
    let next = if used > target {
        fee + change
    } else {
        fee - change
    };
    (next as u64).max(floor)
}

#[test]
fn the_base_fee_follows_eip_1559_down_to_its_floor() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    let mut nonce = 0;
    for (timestamp, gas) in (1_001..).zip([1_000_000, 900_000, 500_000, 0, 700_000, 0, 0, 0, 0, 0])
    {
        let burns = if gas == 0 {
            vec![]
        } else {
            nonce += 1;
            vec![signed(0, burn(nonce - 1, gas))]
        };
        run(&mut host, &level_of(timestamp, &burns));
    }
    let headers = headers(&host);
    for pair in headers.windows(2) {
        let [parent, child] = pair else {
            unreachable!()
        };
        let (used, fee) = (parent.gas_used, parent.base_fee_per_gas);
        let expected = base_fee_after(used, parent.gas_limit, fee, GWEI);
        assert_eq!(child.base_fee_per_gas, expected, "block {}", child.number);
    }
    // A full block raises it by an eighth; at last it stands at the floor.
    assert_eq!(headers[2].base_fee_per_gas, 1_125_000_000);
    assert_eq!(headers.last().unwrap().base_fee_per_gas, GWEI);
}

#[test]
fn a_transaction_below_the_base_fee_is_dropped() {
    let mut host = rollup(&Config::default());
    run(&mut host, &level(1_000, &[]));
    let cheap = Eip1559 {
        max_fee_per_gas: U256::from(GWEI - 1),
        max_priority_fee_per_gas: U256::ZERO,
        ..transfer(0, NOBODY)
    };
    let enough = Eip1559 {
        max_fee_per_gas: U256::from(GWEI),
        max_priority_fee_per_gas: U256::ZERO,
        ..transfer(0, NOBODY)
    };
    let enough = signed(0, enough);
    run(
        &mut host,
        &level_of(1_001, &[signed(0, cheap), enough.clone()]),
    );
    assert_eq!(hashes(&host), [enough.hash]);
}

/// Initcode that stores what `op` gives in slot `slot`.
fn store(op: &[u8], slot: u8) -> Vec<u8> {
    [op, &[0x60, slot, 0x55]].concat()
}

#[test]
fn the_block_is_seen_by_its_transactions() {
    let config = Config {
        chain_id: 0x7a69,
        block_gas_limit: 5_000_000,
        fee_recipient: Address::repeat_byte(0xfe),
        base_fee_floor: 7,
        ..Config::default()
    };
    let mut host = rollup(&config);
    run(&mut host, &level(1_000, &[]));
    let code = [
        store(&[0x44], 0),       // PREVRANDAO
        store(&[0x43], 1),       // NUMBER
        store(&[0x42], 2),       // TIMESTAMP
        store(&[0x48], 3),       // BASEFEE
        store(&[0x46], 4),       // CHAINID
        store(&[0x41], 5),       // COINBASE
        store(&[0x45], 6),       // GASLIMIT
        store(&[0x4a], 7),       // BLOBBASEFEE
        store(&[0x5f, 0x49], 8), // BLOBHASH(0)
        vec![0x00],
    ];
    let transaction = Eip1559 {
        chain_id: 0x7a69,
        ..creation(0, code.concat())
    };
    let created = sender(0).create(0);
    let level = level_of(1_001, &[signed(0, transaction)]);
    run(&mut host, &level);
    let header = header(&host, 1);
    // keccak256(predecessor ++ block number as 32 bytes)
    let mut number = [0; 32];
    number[31] = 1;
    let prevrandao = keccak256([level.predecessor, number].concat());
    assert_eq!(header.mix_hash, prevrandao);
    assert_eq!(header.base_fee_per_gas, 7);
    assert_eq!(header.gas_limit, 5_000_000);
    assert_eq!(header.beneficiary, config.fee_recipient);
    let seen: Vec<_> = (0..9).map(|index| slot(&host, created, index)).collect();
    let expected = [
        prevrandao.into(),
        U256::from(1),
        U256::from(1_001),
        U256::from(7),
        U256::from(0x7a69),
        config.fee_recipient.into_word().into(),
        U256::from(5_000_000),
        U256::from(1),
        U256::ZERO,
    ];
    assert_eq!(seen, expected);
    // The tip goes to the fee recipient, the base fee is burnt.
    let gas_used = included(&host)[0].receipt.gas_used;
    let tip = U256::from(gas_used) * U256::from(GWEI);
    assert_eq!(account(&host, config.fee_recipient).balance, tip);
    let paid = tip + U256::from(gas_used * 7);
    assert_eq!(account(&host, sender(0)).balance, funds() - paid);
}

#[test]
fn prevrandao_differs_within_a_level() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    let burns: Vec<_> = (0..2)
        .map(|nonce| signed(0, burn(nonce, 900_000)))
        .collect();
    run(&mut host, &level_of(1_001, &burns));
    assert_ne!(header(&host, 1).mix_hash, header(&host, 2).mix_hash);
}

#[test]
fn blockhash_and_the_history_contract_give_the_true_hashes() {
    let mut host = rollup(&Config::default());
    for timestamp in 1_000..1_300 {
        run(&mut host, &level(timestamp, &[]));
    }
    // Block 300: the parent, some before, the last that BLOCKHASH knows, one
    // beyond; itself and one to come.
    let numbers: [u64; 6] = [299, 298, 150, 44, 43, 300];
    let mut code = Vec::new();
    for (index, number) in (0_u8..).zip(numbers) {
        let [high, low] = (number as u16).to_be_bytes();
        // PUSH2 number BLOCKHASH, into slot index.
        code.extend(store(&[0x61, high, low, 0x40], index));
        // mem[0..32] = number; mem[32..64] = 0.
        code.extend([0x61, high, low, 0x5f, 0x52, 0x5f, 0x60, 0x20, 0x52]);
        // STATICCALL(gas, history, 0, 32, 32, 32), success into slot 32 + index.
        code.extend([0x60, 0x20, 0x60, 0x20, 0x60, 0x20, 0x5f, 0x73]);
        code.extend(HISTORY_ADDRESS);
        code.extend(store(&[0x5a, 0xfa], 32 + index));
        // MLOAD(32), into slot 16 + index.
        code.extend(store(&[0x60, 0x20, 0x51], 16 + index));
    }
    code.push(0x00);
    let transaction = Eip1559 {
        gas_limit: 3_000_000,
        ..creation(0, code)
    };
    run(&mut host, &level_of(1_300, &[signed(0, transaction)]));
    assert_eq!(head(&host).number, 300);
    assert!(included(&host)[0].receipt.success);
    let created = sender(0).create(0);
    for (index, number) in (0..).zip(numbers) {
        let hash = U256::from_be_bytes(header(&host, number).hash().0);
        let (known, kept) = match number {
            300 => (U256::ZERO, U256::ZERO),
            // More than 256 blocks ago; the contract keeps 8,191.
            43 => (U256::ZERO, hash),
            _ => (hash, hash),
        };
        assert_eq!(slot(&host, created, index), known, "BLOCKHASH of {number}");
        assert_eq!(
            slot(&host, created, 16 + index),
            kept,
            "history of {number}"
        );
        // The contract reverts for what is not yet history.
        let success = U256::from(u64::from(number < 300));
        assert_eq!(slot(&host, created, 32 + index), success);
    }
}

#[test]
fn a_large_transaction_comes_in_chunks() {
    let mut host = rollup(&Config::default());
    run(&mut host, &level(1_000, &[]));
    let large = signed(
        0,
        Eip1559 {
            ..call(0, NOBODY, Bytes::from(vec![0x11; 9_000]))
        },
    );
    let messages = chunked(&large, 4_000);
    assert_eq!(messages.len(), 4);
    assert!(messages.iter().all(|message| message.len() < 4_096));
    let mut mixed = vec![simple(&signed(1, transfer(0, NOBODY)))];
    mixed.extend(messages[..2].to_vec());
    run(&mut host, &level(1_001, &mixed));
    let open = |host: &MockHost| {
        durable(host)
            .into_keys()
            .any(|path| path.starts_with(b"/evm/state/k/"))
    };
    assert!(open(&host));
    // The rest comes at another level, out of order.
    let rest = [messages[3].clone(), messages[2].clone()];
    run(&mut host, &level(1_002, &rest));
    assert_eq!(hashes(&host).last(), Some(&large.hash));
    assert_eq!(included(&host)[1].sender, sender(0));
    assert!(!open(&host));
}

#[test]
fn chunked_transactions_do_not_overfill_a_block() {
    let mut host = rollup(&Config {
        block_gas_limit: 1_000_000,
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    let large = |nonce| {
        let mut burn = burn(nonce, 400_000);
        burn.input = [&burn.input[..], &[0; 5_000]].concat().into();
        signed(0, burn)
    };
    let burns: Vec<_> = (0..5).map(large).collect();
    let messages: Vec<_> = burns.iter().flat_map(|burn| chunked(burn, 4_000)).collect();
    run(&mut host, &level(1_001, &messages));
    let expected: Vec<_> = burns.iter().map(|burn| burn.hash).collect();
    assert_eq!(hashes(&host), expected);
    let blocks: Vec<_> = included(&host)
        .iter()
        .map(|included| included.block)
        .collect();
    assert_eq!(blocks, [1, 1, 2, 2, 3]);
    for number in 1..=3 {
        assert!(header(&host, number).gas_used <= 1_000_000);
    }
    // Nothing stays open.
    assert!(
        !durable(&host)
            .into_keys()
            .any(|path| path.starts_with(b"/evm/state/k/"))
    );
}

#[test]
fn revisions_hold_from_their_blocks_on() {
    let mut host = rollup(&Config {
        revisions: vec![(0, Revision::Prague), (2, Revision::Osaka)],
        ..Config::default()
    });
    run(&mut host, &level(1_000, &[]));
    // CLZ(1), new in Osaka (EIP-7939).
    let code = store(&[0x60, 0x01, 0x1e], 0);
    for (nonce, timestamp) in (0..2).zip(1_001..) {
        let creation = signed(0, creation(nonce, code.clone()));
        run(&mut host, &level_of(timestamp, &[creation]));
    }
    let succeeded: Vec<_> = included(&host)
        .iter()
        .map(|one| one.receipt.success)
        .collect();
    assert_eq!(succeeded, [false, true]);
    assert_eq!(slot(&host, sender(0).create(1), 0), U256::from(255));
}
