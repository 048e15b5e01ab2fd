#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::too_many_lines))]

pub mod abi;
pub mod amm;
pub mod bench;
pub mod bridge;
pub mod child;
pub mod counter;
pub mod erc20;
pub mod erc721;
pub mod errors;
pub mod events;
pub mod factory;
mod fixture;
pub mod ledger;
pub mod memory;
pub mod multisig;
pub mod precompiles;
pub mod recursion;
pub mod self_destruct;
pub mod transient;
pub mod traveller;
pub mod uups;
pub mod wallet;

pub use fixture::Fixture;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handle_is_in_its_interface() {
        use alloy_primitives::{Address, B256, U256};
        let (a, b, n) = (Address::ZERO, B256::ZERO, U256::ZERO);
        let counter = [
            counter::increment(),
            counter::decrement(),
            counter::set(0),
            counter::number(),
            counter::divide(0),
        ];
        let erc20 = [
            erc20::transfer(a, n),
            erc20::approve(a, n),
            erc20::transfer_from(a, a, n),
            erc20::balance_of(a),
            erc20::allowance(a, a),
        ];
        let erc721 = [
            erc721::mint(a, n),
            erc721::approve(a, n),
            erc721::set_approval_for_all(a, true),
            erc721::transfer_from(a, a, n),
            erc721::safe_transfer_from(a, a, n),
            erc721::owner_of(n),
            erc721::balance_of(a),
        ];
        let factory = [factory::deploy_child(b, n), factory::predict(b, n)];
        let child = [child::creator(), child::value(), child::close(a)];
        let recursion = [
            recursion::dive(0),
            recursion::plumb(0),
            recursion::tree(0),
            recursion::reached(),
        ];
        for (fixture, calls) in [
            (counter::fixture(), &counter[..]),
            (erc20::fixture(), &erc20),
            (erc721::fixture(), &erc721),
            (factory::fixture(), &factory),
            (child::fixture(), &child),
            (recursion::fixture(), &recursion),
        ] {
            let known = fixture.signatures("function");
            for call in calls {
                let signature = known
                    .iter()
                    .find(|signature| call.starts_with(&abi::selector(signature)[..]))
                    .unwrap_or_else(|| panic!("{}: {call} calls nothing", fixture.name));
                let arguments = if signature.ends_with("()") {
                    0
                } else {
                    signature.split(',').count()
                };
                assert_eq!(call.len(), 4 + 32 * arguments, "{signature}");
                let code = &fixture.deployed_code;
                assert!(
                    code.windows(4).any(|bytes| *bytes == call[..4]),
                    "{signature}"
                );
            }
        }
    }

    #[test]
    fn events_and_errors_are_in_their_interfaces() {
        use alloy_primitives::{Address, U256};
        let (a, n) = (Address::ZERO, U256::ZERO);
        let _ = (
            counter::incremented(),
            counter::was_set(),
            counter::too_large(0),
        );
        let _ = (erc20::transferred(), erc20::approved());
        let _ = (
            erc20::insufficient_balance(a, n, n),
            erc20::insufficient_allowance(a, n, n),
        );
        let _ = (erc721::transferred(), erc721::nonexistent_token(n));
        let _ = (
            erc721::invalid_receiver(a),
            erc721::insufficient_approval(a, n),
        );
        let _ = (factory::deployed(), recursion::reached_event());
    }

    #[test]
    fn every_fixture_is_by_the_pinned_compiler() {
        let lock: serde_json::Value =
            serde_json::from_str(include_str!("../package-lock.json")).unwrap();
        let pinned = lock["packages"]["node_modules/solc"]["version"]
            .as_str()
            .unwrap();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts");
        let mut read = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let fixture = Fixture::read(&std::fs::read_to_string(file.unwrap().path()).unwrap());
            assert!(
                fixture.compiler.starts_with(&format!("{pinned}+")),
                "{}: {}",
                fixture.name,
                fixture.compiler
            );
            read += 1;
        }
        assert!(read > 20, "{read} artefacts");
    }
}
