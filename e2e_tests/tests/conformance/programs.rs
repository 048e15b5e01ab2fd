//! The programs of our own state tests, in bytecode.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use conformance::statetest::CHAIN_ID;
use conformance::world::{AccountState, World};
use ethereum::authorization_hash;
use ethereum::signature::address_of_secret;
use ethereum::transaction::{
    AccessListItem, Authorization, Eip1559, Eip2930, Eip7702, Legacy, SignedAuthorization,
    Transaction, sign,
};

/// A state and a signed transaction.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) pre: World,
    pub(crate) raw: Vec<u8>,
}

const SECRET: [u8; 32] = [0x45; 32];
const TARGET: Address = Address::repeat_byte(0x71);
const OTHER: Address = Address::repeat_byte(0x72);
const GAS: u64 = 400_000;

/// Files of programs.
pub(crate) fn all() -> Vec<(&'static str, Vec<Program>)> {
    vec![
        ("arithmetic", arithmetic()),
        ("programs", programs()),
        ("transactions", transactions()),
    ]
}

fn sender() -> Address {
    address_of_secret(&SECRET).unwrap()
}

fn world(accounts: Vec<(Address, AccountState)>) -> World {
    let rich = AccountState {
        balance: U256::from(10).pow(U256::from(18)),
        ..AccountState::default()
    };
    World(accounts.into_iter().chain([(sender(), rich)]).collect())
}

fn legacy() -> Legacy {
    Legacy {
        chain_id: Some(CHAIN_ID),
        gas_price: U256::from(12),
        gas_limit: GAS,
        to: TxKind::Call(TARGET),
        ..Legacy::default()
    }
}

fn signed(transaction: Transaction) -> Vec<u8> {
    sign(transaction, &SECRET).unwrap().encode()
}

/// A call of code at [`TARGET`], with other code at [`OTHER`].
fn call(name: &str, code: &str, other: &str) -> Program {
    let target = AccountState {
        balance: U256::from(1_000),
        ..contract(&hex(code))
    };
    let mut accounts = vec![(TARGET, target)];
    if !other.is_empty() {
        accounts.push((OTHER, contract(&hex(other))));
    }
    let transaction = Legacy {
        value: U256::from(5),
        input: Bytes::from_static(b"some data for the call, more than one word of it"),
        ..legacy()
    };
    Program {
        name: name.to_owned(),
        pre: world(accounts),
        raw: signed(Transaction::Legacy(transaction)),
    }
}

/// Bytes from hex; `O` stands for the other contract's address.
fn hex(text: &str) -> Vec<u8> {
    let text = text.replace(' ', "").replace('O', &"72".repeat(20));
    alloy_primitives::hex::decode(text).unwrap()
}

/// Every operation on words, each result kept in a slot of its own.
fn arithmetic() -> Vec<Program> {
    let words = [
        "00".repeat(32),
        format!("{:064x}", 3),
        "ff".repeat(32),
        format!("80{}", "00".repeat(31)),
        format!("00{}7f", "ab".repeat(30)),
    ];
    let names = [
        (0x01, 2, "ADD"),
        (0x02, 2, "MUL"),
        (0x03, 2, "SUB"),
        (0x04, 2, "DIV"),
        (0x05, 2, "SDIV"),
        (0x06, 2, "MOD"),
        (0x07, 2, "SMOD"),
        (0x08, 3, "ADDMOD"),
        (0x09, 3, "MULMOD"),
        (0x0a, 2, "EXP"),
        (0x0b, 2, "SIGNEXTEND"),
        (0x10, 2, "LT"),
        (0x11, 2, "GT"),
        (0x12, 2, "SLT"),
        (0x13, 2, "SGT"),
        (0x14, 2, "EQ"),
        (0x15, 1, "ISZERO"),
        (0x16, 2, "AND"),
        (0x17, 2, "OR"),
        (0x18, 2, "XOR"),
        (0x19, 1, "NOT"),
        (0x1a, 2, "BYTE"),
        (0x1b, 2, "SHL"),
        (0x1c, 2, "SHR"),
        (0x1d, 2, "SAR"),
        // New in Osaka (EIP-7939); before, it ends the call.
        (0x1e, 1, "CLZ"),
    ];
    let program = |(opcode, operands, name): (u8, usize, &str)| {
        let mut code = String::new();
        for slot in 0..words.len() {
            for operand in 0..operands {
                code += &format!("7f{}", words[(slot + 2 * operand) % words.len()]);
            }
            code += &format!("{opcode:02x} 60{slot:02x} 55");
        }
        call(name, &code, "")
    };
    names.into_iter().map(program).collect()
}

fn programs() -> Vec<Program> {
    // Calls `OTHER` with all gas, no value, and keeps whether that went well.
    let call_other = "5f5f5f5f5f 73O 5a f1 60aa 55";
    let list: &[(&str, &str, &str)] = &[
        (
            "MSTORE and MLOAD over word bounds",
            "7f1122334455667788990011223344556677889900112233445566778899001122 600d 52 6001 51 5f 55",
            "",
        ),
        ("MSTORE8", "61abcd 6003 53 5f 51 5f 55", ""),
        ("MSIZE after far memory", "6001 61ffff 53 59 5f 55", ""),
        (
            "MCOPY over itself",
            "7f0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20 5f 52 6010 6001 6008 5e 5f 51 5f 55",
            "",
        ),
        ("memory beyond all gas", "6001 64ffffffffff 53", ""),
        (
            "CALLDATALOAD and CALLDATASIZE",
            "602e 35 5f 55 36 6001 55 64ffffffffff 35 6002 55",
            "",
        ),
        (
            "CALLDATACOPY past the end",
            "6040 6020 5f 37 6020 51 5f 55",
            "",
        ),
        ("CODECOPY", "6040 5f 5f 39 5f 51 5f 55 38 6001 55", ""),
        ("KECCAK256", "6020 5f 20 5f 55 5f 5f 20 6001 55", ""),
        (
            "ADDRESS, CALLER, ORIGIN, CALLVALUE",
            "30 5f 55 33 6001 55 32 6002 55 34 6003 55",
            "",
        ),
        (
            "the block",
            "41 5f 55 42 6001 55 43 6002 55 44 6003 55 45 6004 55 46 6005 55 48 6006 55 4a 6007 55",
            "",
        ),
        (
            "BLOCKHASH near and far",
            "6006 40 5f 55 6007 40 6001 55 5f 40 6002 55",
            "",
        ),
        (
            "BALANCE and SELFBALANCE",
            "47 5f 55 30 31 6001 55 73O 31 6002 55",
            "00",
        ),
        (
            "EXTCODE of a contract",
            "73O 3b 5f 55 73O 3f 6001 55 6004 5f 5f 73O 3c 5f 51 6002 55",
            "60016002",
        ),
        ("EXTCODEHASH of nobody", "61dead 3f 5f 55", ""),
        ("GASPRICE and GAS", "3a 5f 55 5a 6001 55", ""),
        ("PC and JUMP", "58 5f 55 6008 56 fe fe 5b 58 6001 55", ""),
        ("JUMP into data", "6003 56 605b", ""),
        (
            "JUMPI both ways",
            "5f 6008 57 6009 6001 57 fe 5b 5b 6001 5f 55",
            "",
        ),
        (
            "a loop of SSTOREs",
            "600a 5b 80 80 55 6001 90 03 80 6002 57",
            "",
        ),
        ("a slot set and cleared: refund", "6001 5f 55 5f 5f 55", ""),
        (
            "a slot written three times",
            "6001 5f 55 6002 5f 55 6003 5f 55",
            "",
        ),
        ("TSTORE does not last", "602a 5f 5d 5f 5c 6001 55", ""),
        (
            "SSTORE with too little gas left",
            "6001 5f 55 5b 5a 610a00 11 6014 57 6005 56 00 5b 6001 6001 55",
            "",
        ),
        ("stack underflow", "01", ""),
        ("stack overflow", "5b 5f 5f 56", ""),
        (
            "DUP16 and SWAP16",
            "5f 6001 6002 6003 6004 6005 6006 6007 6008 6009 600a 600b 600c 600d 600e 600f 6010 9f 8f 01 5f 55",
            "",
        ),
        ("INVALID", "6001 5f 55 fe", ""),
        ("REVERT takes all back", "6001 5f 55 5f 5f fd", ""),
        (
            "LOG0 to LOG4",
            "6020 5f a0 6001 6020 5f a1 6002 6001 6020 5f a2 6003 6002 6001 6020 5f a3 6004 6003 6002 6001 6020 5f a4",
            "",
        ),
        (
            "logs of a call that reverts",
            "5f5f5f5f5f 73O 5a f1 5f 5f a0",
            "6001 5f 5f a1 5f 5f fd",
        ),
        (
            "CALL with value to nobody",
            "5f5f5f5f 6007 61beef 5a f1 5f 55",
            "",
        ),
        (
            "CALL with more value than there is",
            "5f5f5f5f 62ffffff 61beef 5a f1 5f 55",
            "",
        ),
        ("CALL that writes", call_other, "602a 6001 55"),
        (
            "CALL that uses all gas",
            "5f5f5f5f5f 73O 61ffff f1 5f 55",
            "5b5f56",
        ),
        (
            "CALLCODE writes here",
            "5f5f5f5f5f 73O 5a f2 5f 55",
            "33 6001 55",
        ),
        (
            "DELEGATECALL keeps the caller",
            "5f5f5f5f 73O 5a f4 5f 55",
            "33 6001 55 34 6002 55",
        ),
        (
            "STATICCALL cannot write",
            "5f5f5f5f 73O 62010000 fa 5f 55",
            "6001 5f 55",
        ),
        (
            "STATICCALL reads",
            "6020 5f 5f 5f 73O 5a fa 5f 55 5f 51 6001 55 3d 6002 55",
            "602a 5f 52 6020 5f f3",
        ),
        (
            "RETURNDATACOPY past the end",
            "5f5f5f5f5f 73O 5a f1 6021 5f 5f 3e",
            "6020 5f f3",
        ),
        (
            "a contract that calls itself",
            "5a 615000 11 6013 57 5f5f5f5f5f 30 5a f1 50 5b 5a 43 14 54 6001 01 5f 55",
            "",
        ),
        ("CREATE", "6960016000f3 5f 52 600a 6016 5f f0 5f 55", ""),
        (
            "CREATE of code",
            "66 6001 5f f3 00 00 00 5f 52 6004 6019 6003 f0 80 5f 55 3b 6001 55",
            "",
        ),
        (
            "CREATE2 twice: a collision",
            "605b 5f f3 6001 5f 5f 5f f5 5f 55 6001 5f 5f 5f f5 6001 55",
            "",
        ),
        (
            "CREATE2 at one place twice",
            "6001 5f 5f 5f f5 5f 55 6001 5f 5f 5f f5 6001 55",
            "",
        ),
        ("SELFDESTRUCT of an old contract", "61beef ff", ""),
        ("SELFDESTRUCT in a call", call_other, "61beef ff"),
        (
            "SELFDESTRUCT in the creation",
            "6561beefff000000 5f 52 6003 601a 6009 f0 5f 55",
            "",
        ),
        (
            "ECRECOVER of nothing",
            "6020 5f 6080 5f 6001 5a fa 5f 55 3d 6001 55",
            "",
        ),
        (
            "SHA-256 and RIPEMD-160",
            "6020 5f 6004 5f 6002 5a fa 5f 51 5f 55 6020 5f 6004 5f 6003 5a fa 5f 51 6001 55",
            "",
        ),
        (
            "the identity",
            "6040 5f 5f 37 6020 6060 6020 5f 6004 5a fa 5f 55 6060 51 6001 55",
            "",
        ),
        (
            "MODEXP",
            "6001 5f 52 6001 6020 52 6001 6040 52 7f0305070000000000000000000000000000000000000000000000000000000000 6060 52 6001 6080 6063 5f 6005 5a fa 5f 55 6080 51 6001 55",
            "",
        ),
        (
            "BN254 addition of nothing",
            "6040 5f 6080 5f 6006 5a fa 5f 55 5f 51 6001 55",
            "",
        ),
        (
            "BN254 pairing of nothing",
            "6020 5f 5f 5f 6008 5a fa 5f 55 5f 51 6001 55",
            "",
        ),
        (
            "BLAKE2 of too few bytes",
            "5f 5f 6004 5f 6009 61ffff fa 5f 55",
            "",
        ),
        (
            "P256VERIFY of nothing",
            "6020 5f 60a0 5f 610100 61ffff fa 5f 55 3d 6001 55",
            "",
        ),
    ];
    list.iter()
        .map(|(name, code, other)| call(name, code, other))
        .collect()
}

fn transactions() -> Vec<Program> {
    let store = || world(vec![(TARGET, contract(&hex("34 5f 55 36 6001 55")))]);
    let program = |name: &str, transaction| Program {
        name: name.to_owned(),
        pre: store(),
        raw: signed(transaction),
    };
    let fees = Eip1559 {
        chain_id: CHAIN_ID,
        max_priority_fee_per_gas: U256::from(3),
        max_fee_per_gas: U256::from(20),
        gas_limit: GAS,
        to: TxKind::Call(TARGET),
        value: U256::from(9),
        ..Eip1559::default()
    };
    let authority = [0x46; 32];
    let authorization = Authorization {
        chain_id: U256::from(CHAIN_ID),
        address: TARGET,
        nonce: 0,
    };
    let ethereum::Signature { r, s, y_parity } =
        ethereum::signature::sign(&authorization_hash(&authorization), &authority).unwrap();
    let authorization = SignedAuthorization::new_unchecked(authorization, y_parity.into(), r, s);
    let delegation = Eip7702 {
        chain_id: CHAIN_ID,
        max_fee_per_gas: U256::from(20),
        gas_limit: GAS,
        to: address_of_secret(&authority).unwrap(),
        value: U256::from(4),
        authorization_list: vec![authorization.clone()],
        ..Eip7702::default()
    };
    vec![
        program(
            "a legacy transaction without a chain",
            Transaction::Legacy(Legacy {
                chain_id: None,
                ..legacy()
            }),
        ),
        program(
            "a transfer to nobody",
            Transaction::Legacy(Legacy {
                to: TxKind::Call(OTHER),
                value: U256::from(1),
                ..legacy()
            }),
        ),
        program(
            "an access list",
            Transaction::AccessList(Eip2930 {
                chain_id: CHAIN_ID,
                gas_price: U256::from(11),
                gas_limit: GAS,
                to: TxKind::Call(TARGET),
                access_list: vec![AccessListItem {
                    address: TARGET,
                    storage_keys: vec![B256::ZERO, keccak256("x")],
                }],
                ..Eip2930::default()
            }),
        ),
        program("fees of EIP-1559", Transaction::DynamicFee(fees.clone())),
        program(
            "a creation",
            Transaction::DynamicFee(Eip1559 {
                to: TxKind::Create,
                input: hex("6005 600c 5f 39 6005 5f f3 00 6001 5f 55 00").into(),
                ..fees.clone()
            }),
        ),
        program(
            "a creation that reverts",
            Transaction::DynamicFee(Eip1559 {
                to: TxKind::Create,
                input: hex("5f5ffd").into(),
                ..fees.clone()
            }),
        ),
        program(
            "code that begins with EF",
            Transaction::DynamicFee(Eip1559 {
                to: TxKind::Create,
                input: hex("60ef 5f 53 6001 5f f3").into(),
                ..fees.clone()
            }),
        ),
        program("a delegation", Transaction::SetCode(delegation.clone())),
        program(
            "a delegation with a spent nonce",
            Transaction::SetCode(Eip7702 {
                authorization_list: vec![authorization.clone(), authorization],
                ..delegation.clone()
            }),
        ),
        program(
            "no delegation at all",
            Transaction::SetCode(Eip7702 {
                authorization_list: vec![],
                ..delegation
            }),
        ),
        program(
            "a nonce that is too high",
            Transaction::DynamicFee(Eip1559 {
                nonce: 1,
                ..fees.clone()
            }),
        ),
        program(
            "another chain",
            Transaction::DynamicFee(Eip1559 {
                chain_id: 2,
                ..fees.clone()
            }),
        ),
        program(
            "less gas than the intrinsic",
            Transaction::DynamicFee(Eip1559 {
                gas_limit: 20_999,
                ..fees.clone()
            }),
        ),
        program(
            "less gas than the calldata floor",
            Transaction::DynamicFee(Eip1559 {
                gas_limit: 30_000,
                input: vec![1; 500].into(),
                ..fees.clone()
            }),
        ),
        program(
            "more gas than the block has",
            Transaction::DynamicFee(Eip1559 {
                gas_limit: 30_000_001,
                ..fees.clone()
            }),
        ),
        program(
            "more value than there is",
            Transaction::DynamicFee(Eip1559 {
                value: U256::MAX >> 1,
                ..fees.clone()
            }),
        ),
        program(
            "a fee below the base fee",
            Transaction::DynamicFee(Eip1559 {
                max_fee_per_gas: U256::from(9),
                ..fees.clone()
            }),
        ),
        program(
            "a tip above the fee",
            Transaction::DynamicFee(Eip1559 {
                max_priority_fee_per_gas: U256::from(21),
                ..fees.clone()
            }),
        ),
        program(
            "initcode that is too long",
            Transaction::DynamicFee(Eip1559 {
                to: TxKind::Create,
                gas_limit: 5_000_000,
                input: vec![0; 49_153].into(),
                ..fees
            }),
        ),
    ]
}

/// An account with code and nothing else.
fn contract(code: &[u8]) -> AccountState {
    AccountState {
        nonce: U256::from(1),
        code: code.to_vec().into(),
        ..AccountState::default()
    }
}
