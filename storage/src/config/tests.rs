use super::*;

#[test]
fn a_configuration_survives_a_round_trip() {
    let config = Config {
        chain_id: 1,
        fee_recipient: Address::repeat_byte(2),
        delayed_bridge: Some([3; 20]),
        revisions: alloc::vec![(0, Revision::Prague), (9, Revision::Osaka)],
        ..Config::default()
    };
    let bytes = config.encode();
    let longer = Config {
        reassign_after: 7,
        ..config.clone()
    };
    let longest = Config {
        data_fee: 9_000,
        ..config.clone()
    };
    assert_eq!(Config::decode(&longest.encode()), Some(longest));
    assert_eq!(Config::decode(&bytes), Some(config));
    let long = longer.encode();
    assert_eq!(long, [&bytes[..], &7_u64.to_be_bytes()].concat());
    assert_eq!(Config::decode(&long), Some(longer));
    assert_eq!(Config::decode(&long[..100]), None);
    assert_eq!(Config::decode(&[&long[..], &[0; 64]].concat()), None);
}

#[test]
fn a_revision_holds_from_its_block_on() {
    let config = Config {
        revisions: alloc::vec![(0, Revision::Prague), (9, Revision::Osaka)],
        ..Config::default()
    };
    assert_eq!(config.revision(8), Revision::Prague);
    assert_eq!(config.revision(9), Revision::Osaka);
}

#[test]
fn revisions_out_of_order_are_refused() {
    let falling = Config {
        revisions: alloc::vec![(9, Revision::Prague), (0, Revision::Osaka)],
        ..Config::default()
    };
    assert_eq!(Config::decode(&falling.encode()), None);
}

fn setup(name: &str, value: &[u8]) -> Result<Config, SetupError> {
    let mut host = host::mock::MockHost::default();
    host.set(alloc::format!("{SETUP}/{name}").as_bytes(), value);
    Config::from_setup(&host)
}

/// Each of these once meant "none", the default, or 1337.
#[test]
fn setup_values_of_another_size_or_form_are_refused() {
    let least = 21_000_u64.to_be_bytes();
    for (name, value) in [
        ("chain_id", &[7][..]),
        ("chain_id", &[0; 8]),
        ("block_gas_limit", &[0; 8]),
        ("block_gas_limit", &[1; 7]),
        ("run_budget", &least),
        ("level_budget", &least),
        ("queue_bytes", &[]),
        ("kept_blocks", &511_u64.to_be_bytes()),
        ("data_fee", &(10_u64.pow(15) + 1).to_be_bytes()),
        ("fee_recipient", &[1; 32]),
        ("base_fee_floor", &[1; 32]),
        ("genesis_state_root", &[1; 20]),
        ("ticketer", &[1; 22]),
        ("delayed_bridge", &[1; 19]),
        ("kernel_governance", b"KT1TzeKCV5wGTk7BMtqfrHoVbtfPwiUjEyeg"),
        ("revisions", &[]),
        ("revisions", &[0; 10]),
        ("revisions", &[0, 0, 0, 0, 0, 0, 0, 0, 9]),
    ] {
        let error = setup(name, value).unwrap_err();
        let is_named = matches!(&error, SetupError::Invalid { name: field, found, .. }
            if *field == name && found == value);
        assert!(is_named, "{error}");
    }
    let error = setup("chain_id", &[7]).unwrap_err();
    assert_eq!(
        alloc::format!("{error}"),
        "invalid setup value /evm/config/chain_id: expected 8 bytes, a big-endian number, \
         found 07 (length 1)"
    );
    assert_eq!(setup("chain_id", &7_u64.to_be_bytes()).unwrap().chain_id, 7);
    assert_eq!(setup("ticketer", &[0; 20]).unwrap().ticketer, None);
}

#[test]
fn a_run_has_room_for_a_block() {
    let config = Config {
        block_gas_limit: 1 << 40,
        ..Config::default()
    }
    .within_bounds();
    assert!(config.run_budget > config.block_gas_limit);
    assert!(config.level_budget >= config.run_budget);
}
