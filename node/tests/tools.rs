//! Methods for wallets, frameworks and developers' tools.

use crate::common::{COUNTER, call, deploy, devnet, initcode, number, raw, try_call};
use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use node::{BlockTime, Handle};
use serde_json::{Value, json};

const SOMEBODY: Address = Address::repeat_byte(0x42);

async fn latest(devnet: &Handle) -> Value {
    call(devnet, "eth_getBlockByNumber", json!(["latest", false])).await
}

async fn receipt(devnet: &Handle, hash: &Value) -> Value {
    call(devnet, "eth_getTransactionReceipt", json!([hash])).await
}

#[tokio::test]
async fn a_wallet_finds_accounts_and_signs_typed_data() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[3];
    let all = call(&devnet, "eth_accounts", json!([])).await;
    for name in ["eth_requestAccounts", "personal_listAccounts"] {
        assert_eq!(call(&devnet, name, json!([])).await, all);
    }
    let types = json!({
        "EIP712Domain": [{ "name": "name", "type": "string" }],
        "Mail": [{ "name": "to", "type": "address" }, { "name": "parts", "type": "string[]" }],
    });
    let data = json!({
        "types": types, "primaryType": "Mail", "domain": { "name": "Test" },
        "message": { "to": SOMEBODY, "parts": ["a", "b"] },
    });
    let hash = |parts: &[B256]| keccak256(parts.concat());
    let domain = hash(&[keccak256("EIP712Domain(string name)"), keccak256("Test")]);
    let parts = hash(&[keccak256("a"), keccak256("b")]);
    let message = [
        keccak256("Mail(address to,string[] parts)"),
        SOMEBODY.into_word(),
        parts,
    ];
    let digest = keccak256([&[0x19, 1][..], &domain[..], &hash(&message)[..]].concat());
    let signature = account.sign_hash(&digest).unwrap();
    for data in [data.clone(), json!(data.to_string())] {
        for name in [
            "eth_signTypedData",
            "eth_signTypedData_v3",
            "eth_signTypedData_v4",
        ] {
            let signed = call(&devnet, name, json!([account.address, data])).await;
            let signed: Bytes = signed.as_str().unwrap().parse().unwrap();
            assert_eq!(U256::from_be_slice(&signed[..32]), signature.r);
            assert_eq!(U256::from_be_slice(&signed[32..64]), signature.s);
            assert_eq!(signed[64], 27 + u8::from(signature.y_parity));
        }
    }
    let unknown = json!([SOMEBODY, data]);
    let error = try_call(&devnet, "eth_signTypedData_v4", unknown)
        .await
        .unwrap_err();
    assert!(
        error
            .message
            .starts_with("unknown account: there is no key of 0x")
    );
}

#[tokio::test]
async fn the_contracts_that_tools_expect_are_there() {
    let devnet = devnet(|_| {}).await;
    // CREATE2 through the deterministic deployer: salt, then initcode.
    let deployer = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");
    let initcode = initcode(&[], COUNTER);
    let salt = B256::repeat_byte(7);
    let data = Bytes::from([&salt[..], &initcode[..]].concat());
    let from = devnet.accounts()[0].address;
    let create = json!([{ "from": from, "to": deployer, "data": data }]);
    let hash = call(&devnet, "eth_sendTransaction", create).await;
    assert_eq!(receipt(&devnet, &hash).await["status"], "0x1");
    let created = deployer.create2_from_code(salt, &initcode);
    let code = call(&devnet, "eth_getCode", json!([created])).await;
    assert_eq!(code, hex::encode_prefixed(COUNTER));
    // Multicall3's getChainId(), and Permit2's DOMAIN_SEPARATOR().
    let ask = async |to: &str, data: &str| {
        call(&devnet, "eth_call", json!([{ "to": to, "data": data }])).await
    };
    let multicall = "0xcA11bde05977b3631167028862bE2a173976CA11";
    assert_eq!(
        ask(multicall, "0x3408e470").await,
        json!(B256::from(U256::from(1337)))
    );
    let permit2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
    let domain = [
        keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)"),
        keccak256("Permit2"),
        B256::from(U256::from(1337)),
        permit2.parse::<Address>().unwrap().into_word(),
    ];
    assert_eq!(
        ask(permit2, "0x3644e515").await,
        json!(keccak256(domain.concat()))
    );
    let factory = call(
        &devnet,
        "eth_getCode",
        json!(["0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"]),
    );
    let deployer = call(&devnet, "eth_getCode", json!([deployer])).await;
    assert_eq!(factory.await, deployer);
    let without = crate::common::devnet(|options| options.predeploys = false).await;
    assert_eq!(
        call(&without, "eth_getCode", json!([multicall])).await,
        "0x"
    );
}

#[tokio::test]
async fn the_clock_follows_the_wall_while_blocks_are_made() {
    let devnet = devnet(|_| {}).await;
    let account = &devnet.accounts()[0];
    for nonce in 0..200 {
        let params = json!([raw(account, nonce, |_| {})]);
        call(&devnet, "eth_sendRawTransaction", params).await;
    }
    let newest = latest(&devnet).await;
    assert_eq!(newest["number"], "0xc8");
    assert!(number(&newest["timestamp"]) <= devnet.node().clock.now());
    // A trace of blocks that share a second.
    let traced = call(&devnet, "debug_traceBlockByNumber", json!(["latest"])).await;
    assert_eq!(traced.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_client_has_a_name_that_tools_take_and_an_instance_of_its_own() {
    // Blocks 0 of one second are equal.
    let at = |options: &mut node::Options| options.timestamp = Some(2_000_000_000);
    let (one, other) = (devnet(at).await, devnet(at).await);
    let version = call(&one, "web3_clientVersion", json!([])).await;
    assert!(
        version.as_str().unwrap().starts_with("anvil/evm-rollup/v"),
        "{version}"
    );
    let metadata = call(&one, "hardhat_metadata", json!([])).await;
    assert_eq!(metadata["clientVersion"], version);
    let others = call(&other, "hardhat_metadata", json!([])).await;
    assert_ne!(metadata["instanceId"], others["instanceId"]);
    assert_eq!(metadata["latestBlockHash"], others["latestBlockHash"]);
    let named = devnet(|options| options.client_version = Some("mine/1".into())).await;
    assert_eq!(
        call(&named, "web3_clientVersion", json!([])).await,
        "mine/1"
    );
    assert_eq!(call(&one, "eth_mining", json!([])).await, true);
    let config = call(&one, "eth_config", json!([])).await;
    assert_eq!(config["current"]["chainId"], "0x539");
    assert_eq!(
        config["current"]["precompiles"]["P256VERIFY"],
        json!(Address::left_padding_from(&[1, 0]))
    );
    let there = call(&one, "eth_capabilities", json!([])).await;
    assert_eq!(there["state"]["oldestBlock"], "0x0");
}

#[tokio::test]
async fn impersonated_transactions_wait_like_others() {
    let devnet = devnet(|_| {}).await;
    call(
        &devnet,
        "anvil_setBalance",
        json!([SOMEBODY, "0xde0b6b3a7640000"]),
    )
    .await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    call(&devnet, "anvil_impersonateAccount", json!([SOMEBODY])).await;
    let account = &devnet.accounts()[0];
    let transfer = json!([{ "from": SOMEBODY, "to": Address::ZERO, "value": "0x1" }]);
    let first = call(&devnet, "eth_sendTransaction", transfer.clone()).await;
    let signed = json!([raw(account, 0, |_| {})]);
    let between = call(&devnet, "eth_sendRawTransaction", signed).await;
    let second = call(&devnet, "eth_sendTransaction", transfer.clone()).await;
    assert_eq!(receipt(&devnet, &first).await, Value::Null);
    let nonce = call(
        &devnet,
        "eth_getTransactionCount",
        json!([SOMEBODY, "pending"]),
    )
    .await;
    assert_eq!(nonce, "0x2");
    let pending = call(&devnet, "eth_pendingTransactions", json!([])).await;
    assert_eq!(pending.as_array().unwrap().len(), 3);
    call(&devnet, "evm_mine", json!([])).await;
    let block = latest(&devnet).await;
    assert_eq!(block["transactions"], json!([first, between, second]));
    // No account needs to be impersonated for this one.
    call(&devnet, "evm_setAutomine", json!([true])).await;
    call(&devnet, "anvil_stopImpersonatingAccount", json!([SOMEBODY])).await;
    assert!(
        try_call(&devnet, "eth_sendTransaction", transfer.clone())
            .await
            .is_err()
    );
    let unsigned = call(&devnet, "eth_sendUnsignedTransaction", transfer).await;
    assert_eq!(receipt(&devnet, &unsigned).await["from"], json!(SOMEBODY));
    let traced = json!([unsigned, { "tracer": "callTracer" }]);
    let traced = call(&devnet, "debug_traceTransaction", traced).await;
    assert_eq!(traced["from"], json!(SOMEBODY));
}

#[tokio::test]
async fn one_block_is_mined_when_one_is_asked_for() {
    let devnet = devnet(|options| options.genesis.config.block_gas_limit = 50_000).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let account = &devnet.accounts()[0];
    for nonce in 0..5 {
        let params = json!([raw(account, nonce, |_| {})]);
        call(&devnet, "eth_sendRawTransaction", params).await;
    }
    for (mined, left) in [(2, 3), (2, 1), (1, 0)] {
        let before = number(&latest(&devnet).await["number"]);
        call(&devnet, "evm_mine", json!([])).await;
        let block = latest(&devnet).await;
        assert_eq!(number(&block["number"]), before + 1);
        assert_eq!(block["transactions"].as_array().unwrap().len(), mined);
        let status = call(&devnet, "txpool_status", json!([])).await;
        assert_eq!(number(&status["pending"]), left);
    }
    let detailed = call(&devnet, "evm_mine_detailed", json!([])).await;
    assert_eq!(detailed[0]["hash"], latest(&devnet).await["hash"]);
}

/// Returns PREVRANDAO, COINBASE, GASLIMIT, CHAINID and BASEFEE.
const SURROUNDINGS: &[u8] = &hex!("446000524160205245604052466060524860805260a06000f3");

#[tokio::test]
async fn settings_hold_from_the_next_block_on() {
    let devnet = devnet(|_| {}).await;
    let contract = deploy(&devnet, &[], SURROUNDINGS).await;
    let word = B256::repeat_byte(0x77);
    call(&devnet, "hardhat_setCoinbase", json!([SOMEBODY])).await;
    call(&devnet, "evm_setBlockGasLimit", json!(["0x900000"])).await;
    call(&devnet, "anvil_setChainId", json!([4_242])).await;
    call(&devnet, "hardhat_setMinGasPrice", json!(["0x3b9aca07"])).await;
    call(&devnet, "hardhat_setPrevRandao", json!([word])).await;
    call(&devnet, "evm_mine", json!([])).await;
    let block = latest(&devnet).await;
    assert_eq!(block["miner"], json!(SOMEBODY));
    assert_eq!(block["gasLimit"], "0x900000");
    assert_eq!(block["mixHash"], json!(word));
    let seen = call(&devnet, "eth_call", json!([{ "to": contract, "gasPrice": "0x77359400" }, "latest", { Address::ZERO.to_string(): { "balance": "0xffffffffffffffffff" } }])).await;
    let seen = hex::decode(seen.as_str().unwrap()).unwrap();
    let words: Vec<U256> = seen.chunks(32).map(U256::from_be_slice).collect();
    assert_eq!(words[0], U256::from_be_bytes(word.0));
    assert_eq!(words[1], U256::from_be_slice(SOMEBODY.as_slice()));
    assert_eq!(words[2..4], [U256::from(0x90_0000), U256::from(4_242)]);
    assert_eq!(words[4], U256::from(0x3b9a_ca07));
    assert_eq!(call(&devnet, "eth_chainId", json!([])).await, "0x1092");
    let transfer = raw(&devnet.accounts()[1], 0, |transfer| {
        transfer.chain_id = 4_242;
    });
    let hash = call(&devnet, "eth_sendRawTransaction", json!([transfer])).await;
    assert_eq!(receipt(&devnet, &hash).await["status"], "0x1");
    // Of the one block alone.
    assert_ne!(latest(&devnet).await["mixHash"], json!(word));
    call(&devnet, "hardhat_setLoggingEnabled", json!([false])).await;
    call(&devnet, "evm_mine", json!([])).await;
}

#[tokio::test]
async fn transactions_are_dropped_from_the_pool() {
    let devnet = devnet(|_| {}).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let mut hashes = Vec::new();
    for account in &devnet.accounts()[..3] {
        for nonce in 0..2 {
            let params = json!([raw(account, nonce, |_| {})]);
            hashes.push(call(&devnet, "eth_sendRawTransaction", params).await);
        }
    }
    let pending = async || {
        let status = call(&devnet, "txpool_status", json!([])).await;
        (number(&status["pending"]), number(&status["queued"]))
    };
    assert_eq!(
        call(&devnet, "hardhat_dropTransaction", json!([hashes[1]])).await,
        true
    );
    assert_eq!(
        call(&devnet, "hardhat_dropTransaction", json!([hashes[1]])).await,
        false
    );
    assert_eq!(pending().await, (5, 0));
    // What followed it waits for another.
    assert_eq!(
        call(&devnet, "anvil_dropTransaction", json!([hashes[2]])).await,
        hashes[2]
    );
    assert_eq!(pending().await, (3, 1));
    let third = devnet.accounts()[2].address;
    call(&devnet, "anvil_removePoolTransactions", json!([third])).await;
    assert_eq!(pending().await, (1, 1));
    call(&devnet, "anvil_dropAllTransactions", json!([])).await;
    assert_eq!(pending().await, (0, 0));
    call(&devnet, "evm_mine", json!([])).await;
    assert_eq!(latest(&devnet).await["transactions"], json!([]));
}

#[tokio::test]
async fn time_is_set_and_spaced() {
    let devnet = devnet(|_| {}).await;
    let start = number(&latest(&devnet).await["timestamp"]);
    let ahead = call(&devnet, "evm_setTime", json!([start + 5_000])).await;
    assert!(ahead.as_i64().unwrap() >= 4_000, "{ahead}");
    call(&devnet, "evm_mine", json!([])).await;
    let later = number(&latest(&devnet).await["timestamp"]);
    assert!((start + 5_000..start + 5_100).contains(&later));
    call(&devnet, "anvil_setBlockTimestampInterval", json!([12])).await;
    for index in 1..4 {
        call(&devnet, "evm_mine", json!([])).await;
        assert_eq!(
            number(&latest(&devnet).await["timestamp"]),
            later + 12 * index
        );
    }
    let remove = || call(&devnet, "anvil_removeBlockTimestampInterval", json!([]));
    assert_eq!(remove().await, true);
    assert_eq!(remove().await, false);
    call(&devnet, "evm_setIntervalMining", json!([1])).await;
    assert_eq!(call(&devnet, "anvil_getIntervalMining", json!([])).await, 1);
    assert_eq!(call(&devnet, "anvil_getAutomine", json!([])).await, false);
    call(&devnet, "evm_setIntervalMining", json!([0])).await;
    assert_eq!(
        call(&devnet, "anvil_getIntervalMining", json!([])).await,
        Value::Null
    );
}

/// An event of the counter, by its number.
async fn count(devnet: &Handle, counter: Address) -> Value {
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "to": counter, "gas": "0x20000" }]);
    call(devnet, "eth_sendTransaction", request).await
}

#[tokio::test]
async fn blocks_are_rolled_back_and_made_anew() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    let logs = call(&devnet, "eth_newFilter", json!([{ "address": counter }])).await;
    let (_, gone) = (count(&devnet, counter).await, count(&devnet, counter).await);
    let seen = call(&devnet, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(seen.as_array().unwrap().len(), 2);
    call(&devnet, "anvil_rollback", json!([1])).await;
    assert_eq!(latest(&devnet).await["number"], "0x2");
    assert_eq!(receipt(&devnet, &gone).await, Value::Null);
    let removed = call(&devnet, "eth_getFilterChanges", json!([logs])).await;
    assert_eq!(removed[0]["removed"], true);
    assert_eq!(removed[0]["transactionHash"], gone);
    // The state is that of before, and the chain goes on.
    let again = count(&devnet, counter).await;
    let again = receipt(&devnet, &again).await;
    assert_eq!(again["logs"][0]["data"], json!(B256::from(U256::from(2))));
    let before = latest(&devnet).await;
    let account = &devnet.accounts()[1];
    let transfer = raw(account, 0, |_| {});
    let request = json!({ "from": devnet.accounts()[2].address, "to": SOMEBODY, "value": "0x5" });
    let options = json!([{ "depth": 2, "tx_block_pairs": [[transfer, 0], [request, 1]] }]);
    call(&devnet, "anvil_reorg", options).await;
    let after = latest(&devnet).await;
    assert_eq!(after["number"], before["number"]);
    assert_ne!(after["hash"], before["hash"]);
    let balance = call(&devnet, "eth_getBalance", json!([SOMEBODY])).await;
    assert_eq!(balance, "0x5");
    let earlier = json!(["0x2", false]);
    let earlier = call(&devnet, "eth_getBlockByNumber", earlier).await;
    assert_eq!(
        earlier["transactions"],
        json!([keccak256(hex::decode(&transfer).unwrap())])
    );
    let error = try_call(&devnet, "anvil_rollback", json!([100]))
        .await
        .unwrap_err();
    assert!(
        error.message.contains("must not exceed"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn the_chain_goes_back_to_genesis() {
    let devnet = devnet(|_| {}).await;
    let genesis = latest(&devnet).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    call(&devnet, "hardhat_setBalance", json!([SOMEBODY, "0x5"])).await;
    call(&devnet, "hardhat_reset", json!([])).await;
    assert_eq!(latest(&devnet).await, genesis);
    assert_eq!(
        call(&devnet, "eth_getBalance", json!([SOMEBODY])).await,
        "0x0"
    );
    assert_eq!(call(&devnet, "eth_getCode", json!([counter])).await, "0x");
    assert_eq!(deploy(&devnet, &[], COUNTER).await, counter);
    // More than once.
    call(&devnet, "anvil_reset", json!([])).await;
    assert_eq!(latest(&devnet).await, genesis);
}

#[tokio::test]
async fn a_state_is_dumped_and_loaded() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    count(&devnet, counter).await;
    call(&devnet, "hardhat_setBalance", json!([SOMEBODY, "0x5"])).await;
    let dump = call(&devnet, "anvil_dumpState", json!([])).await;
    let text = String::from_utf8(hex::decode(dump.as_str().unwrap()).unwrap()).unwrap();
    let parsed: Value = serde_json::from_str(&text).unwrap();
    let account = &parsed["accounts"][format!("{counter:#x}")];
    assert_eq!(
        account["storage"][format!("{:#x}", B256::ZERO)],
        json!(B256::from(U256::from(1)))
    );
    let state = node::state_file::read(text.as_bytes()).unwrap();
    let other = crate::common::devnet(|_| {}).await;
    assert_eq!(call(&other, "anvil_loadState", json!([dump])).await, true);
    let started = crate::common::devnet(|options| options.state = Some(state)).await;
    for chain in [&other, &started] {
        assert_eq!(
            call(chain, "eth_getBalance", json!([SOMEBODY])).await,
            "0x5"
        );
        let nonce = json!([devnet.accounts()[0].address, "latest"]);
        assert_eq!(call(chain, "eth_getTransactionCount", nonce).await, "0x2");
        let hash = count(chain, counter).await;
        let second = json!(B256::from(U256::from(2)));
        assert_eq!(receipt(chain, &hash).await["logs"][0]["data"], second);
        assert!(call(chain, "anvil_dumpState", json!([])).await.is_string());
    }
    // Without our field it is a dump of anvil's: accounts alone.
    let mut bare = parsed.clone();
    bare.as_object_mut().unwrap().remove("evm_rollup");
    let anvils = crate::common::devnet(|_| {}).await;
    let bare = hex::encode_prefixed(bare.to_string());
    assert_eq!(call(&anvils, "anvil_loadState", json!([bare])).await, true);
    assert_eq!(call(&anvils, "eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(
        call(&anvils, "eth_getBalance", json!([SOMEBODY])).await,
        "0x5"
    );
    let error = try_call(&other, "anvil_loadState", json!(["0x1234"]))
        .await
        .unwrap_err();
    assert_eq!(error.code, -32602);
}

#[tokio::test]
async fn balances_of_tokens_are_dealt() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let code = solidity_fixtures::erc20::deploy(U256::from(1_000));
    let hash = call(
        &devnet,
        "eth_sendTransaction",
        json!([{ "from": from, "data": code }]),
    )
    .await;
    let token = receipt(&devnet, &hash).await["contractAddress"].clone();
    call(
        &devnet,
        "anvil_dealERC20",
        json!([SOMEBODY, token, "0x1234"]),
    )
    .await;
    let data = [
        &keccak256("balanceOf(address)")[..4],
        &SOMEBODY.into_word()[..],
    ]
    .concat();
    let question = json!([{ "to": token, "data": Bytes::from(data) }]);
    let balance = call(&devnet, "eth_call", question).await;
    assert_eq!(balance, json!(B256::from(U256::from(0x1234))));
    call(
        &devnet,
        "anvil_setERC20Allowance",
        json!([SOMEBODY, from, token, "0x7"]),
    )
    .await;
    let words = [SOMEBODY.into_word(), from.into_word()].concat();
    let data = [&keccak256("allowance(address,address)")[..4], &words[..]].concat();
    let question = json!([{ "to": token, "data": Bytes::from(data) }]);
    assert_eq!(
        call(&devnet, "eth_call", question).await,
        json!(B256::from(U256::from(7)))
    );
    let error = try_call(&devnet, "anvil_dealERC20", json!([SOMEBODY, from, "0x1"])).await;
    assert_eq!(error.unwrap_err().code, -32000);
    call(&devnet, "anvil_addBalance", json!([SOMEBODY, "0x9"])).await;
    assert_eq!(
        call(&devnet, "eth_getBalance", json!([SOMEBODY])).await,
        "0x9"
    );
}

#[tokio::test]
async fn an_account_is_told_as_the_trie_has_it() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    count(&devnet, counter).await;
    let account = call(&devnet, "eth_getAccount", json!([counter, "latest"])).await;
    let proof = call(&devnet, "eth_getProof", json!([counter, [], "latest"])).await;
    assert_eq!(account["storageRoot"], proof["storageHash"]);
    assert_eq!(account["codeHash"], json!(keccak256(COUNTER)));
    // Time in milliseconds, as Ganache's clients send it.
    let start = number(&latest(&devnet).await["timestamp"]);
    call(&devnet, "evm_setTime", json!([(start + 9_000) * 1_000 + 7])).await;
    call(&devnet, "evm_mine", json!([])).await;
    let later = number(&latest(&devnet).await["timestamp"]);
    assert!((start + 9_000..start + 9_100).contains(&later));
}

#[tokio::test]
async fn a_reorganisation_that_fails_changes_nothing() {
    let devnet = devnet(|_| {}).await;
    call(&devnet, "hardhat_mine", json!(["0x5"])).await;
    let before = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    for (depth, raw) in [(1, "0x00"), (2, "0x02")] {
        let refused = try_call(&devnet, "anvil_reorg", json!([depth, [[raw, 0]]])).await;
        assert!(refused.is_err(), "{raw}");
        let after = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
        assert_eq!(after, before);
    }
    // The chain goes on from there.
    call(&devnet, "evm_mine", json!([])).await;
    let next = call(&devnet, "eth_getBlockByNumber", json!(["latest", false])).await;
    assert_eq!(next["parentHash"], before["hash"]);
}

#[tokio::test]
async fn snapshots_are_bounded_and_the_clock_has_an_end() {
    let devnet = devnet(|_| {}).await;
    let first = call(&devnet, "evm_snapshot", json!([])).await;
    for _ in 0..1_000 {
        call(&devnet, "evm_snapshot", json!([])).await;
    }
    assert_eq!(
        call(&devnet, "evm_revert", json!([first])).await,
        json!(false)
    );
    let late = json!(["0x2", "0xffffffffffffffff"]);
    assert!(try_call(&devnet, "hardhat_mine", late).await.is_err());
}

#[tokio::test]
async fn a_dump_has_the_blocks_of_the_chain() {
    let devnet = devnet(|_| {}).await;
    let counter = deploy(&devnet, &[], COUNTER).await;
    let hash = count(&devnet, counter).await;
    call(&devnet, "anvil_mine", json!(["0x3"])).await;
    let logs = json!([{ "fromBlock": "0x0", "address": counter }]);
    let questions = [
        ("eth_getBlockByNumber", json!(["latest", true])),
        ("eth_getBlockByNumber", json!(["0x2", true])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_getTransactionReceipt", json!([hash])),
        ("eth_getLogs", logs),
        ("eth_chainId", json!([])),
    ];
    let dump = call(&devnet, "anvil_dumpState", json!([])).await;
    let text = String::from_utf8(hex::decode(dump.as_str().unwrap()).unwrap()).unwrap();
    let other = crate::common::devnet(|_| {}).await;
    let other_counter = deploy(&other, &[], COUNTER).await;
    assert_eq!(other_counter, counter);
    assert_eq!(call(&other, "anvil_loadState", json!([dump])).await, true);
    let state = node::state_file::read(text.as_bytes()).unwrap();
    let started = crate::common::devnet(|options| options.state = Some(state)).await;
    for chain in [&other, &started] {
        for (method, params) in &questions {
            let expected = call(&devnet, method, params.clone()).await;
            assert_eq!(
                call(chain, method, params.clone()).await,
                expected,
                "{method}"
            );
        }
        // The kernel goes on from there, in the next block, with the same known keys.
        let before = latest(chain).await;
        let hash = count(chain, counter).await;
        let receipt = receipt(chain, &hash).await;
        assert_eq!(receipt["logs"][0]["data"], json!(B256::from(U256::from(2))));
        let after = latest(chain).await;
        assert_eq!(after["parentHash"], before["hash"]);
        assert_eq!(number(&after["number"]), number(&before["number"]) + 1);
        // Earlier states are no part of it.
        let older = json!([{ "to": counter }, "0x2"]);
        let error = try_call(chain, "eth_call", older).await.unwrap_err();
        assert!(error.message.contains("historical state"), "{error:?}");
    }
    // What is not one chain is refused.
    let mut wrong: Value = serde_json::from_str(&text).unwrap();
    wrong["evm_rollup"]["blocks"]
        .as_array_mut()
        .unwrap()
        .swap(0, 1);
    let wrong = hex::encode_prefixed(wrong.to_string());
    let error = try_call(&other, "anvil_loadState", json!([wrong]))
        .await
        .unwrap_err();
    assert!(error.message.contains("invalid block 0"), "{error:?}");
}

/// A creation whose code has so many bytes.
fn large(devnet: &Handle, size: u16) -> Value {
    let from = devnet.accounts()[0].address;
    json!([{ "from": from, "data": initcode(&[], &vec![0; size.into()]), "gas": "0xfd0000" }])
}

#[tokio::test]
async fn code_is_as_large_as_the_limit_says() {
    const LIMIT: u16 = 40_000;
    let ethereum = devnet(|_| {}).await;
    let more = devnet(|options| {
        options.code_size_limit = Some(LIMIT.into());
        options.genesis.config.block_gas_limit = 1 << 24;
    })
    .await;
    for (devnet, size, fits) in [
        (&ethereum, 24_576, true),
        (&ethereum, 24_577, false),
        (&more, LIMIT, true),
        (&more, LIMIT + 1, false),
    ] {
        let create = large(devnet, size);
        let called = try_call(devnet, "eth_call", create.clone()).await;
        let sent = call(devnet, "eth_sendTransaction", create).await;
        let receipt = call(devnet, "eth_getTransactionReceipt", json!([sent])).await;
        assert_eq!(
            receipt["status"],
            if fits { "0x1" } else { "0x0" },
            "{size}"
        );
        let traced = json!([sent, { "tracer": "callTracer" }]);
        let traced = call(devnet, "debug_traceTransaction", traced).await;
        assert_eq!(traced["error"].is_null(), fits, "{size}");
        match called {
            Ok(code) => assert_eq!(code.as_str().unwrap().len(), 2 + 2 * usize::from(size)),
            Err(error) => assert_eq!(error.message, "max code size exceeded"),
        }
        let code = call(
            devnet,
            "eth_getCode",
            json!([receipt["contractAddress"], "latest"]),
        )
        .await;
        let expected = if fits { usize::from(size) } else { 0 };
        assert_eq!(code.as_str().unwrap().len(), 2 + 2 * expected, "{size}");
    }
    // It goes with the chain: back to its start, and to a snapshot.
    call(&more, "anvil_reset", json!([])).await;
    let snapshot = call(&more, "evm_snapshot", json!([])).await;
    assert_eq!(call(&more, "evm_revert", json!([snapshot])).await, true);
    let sent = call(&more, "eth_sendTransaction", large(&more, LIMIT)).await;
    let receipt = call(&more, "eth_getTransactionReceipt", json!([sent])).await;
    assert_eq!(receipt["status"], "0x1");
    // Initcode of twice the limit; it returns nothing.
    for (devnet, limit) in [(&ethereum, 49_152), (&more, 80_000)] {
        let from = devnet.accounts()[1].address;
        for (size, fits) in [(limit, true), (limit + 1, false)] {
            let data = hex::encode_prefixed(vec![0; size]);
            let create = json!([{ "from": from, "data": data, "gas": "0xf00000" }]);
            let sent = try_call(devnet, "eth_sendTransaction", create.clone()).await;
            let called = try_call(devnet, "eth_call", create).await;
            assert_eq!(
                (sent.is_ok(), called.is_ok()),
                (fits, fits),
                "{size}: {sent:?} {called:?}"
            );
            if let Err(error) = sent {
                let words = format!("max initcode size exceeded: code size {size}, limit {limit}");
                assert_eq!(error.message, words);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_limit_of_code_that_it_was_made_with() {
    let folder = std::env::temp_dir().join(format!("evm-rollup-code-{}", std::process::id()));
    // The first start makes it.
    for limit in [Some(40_000), Some(50_000), None] {
        let devnet = devnet(|options| {
            options.data_dir = Some(folder.clone());
            options.code_size_limit = limit;
            options.genesis.config.block_gas_limit = 1 << 24;
        })
        .await;
        for (size, status) in [(40_000, "0x1"), (40_001, "0x0")] {
            let sent = call(&devnet, "eth_sendTransaction", large(&devnet, size)).await;
            let receipt = call(&devnet, "eth_getTransactionReceipt", json!([sent])).await;
            assert_eq!(receipt["status"], status, "{limit:?}: {size}");
        }
        tokio::task::block_in_place(|| devnet.stop());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Makes a folder with the files of another.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// A devnet that makes no blocks, with a folder.
async fn waiting(folder: &std::path::Path) -> Handle {
    devnet(|options| {
        options.data_dir = Some(folder.to_owned());
        options.block_time = BlockTime::Manual;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_layer_1_was_told_is_there_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("told-layer1-{}", std::process::id()));
    let again = folder.with_extension("again");
    let devnet = waiting(&folder).await;
    let receiver = "0x4242424242424242424242424242424242424242";
    let deposit = json!([{ "receiver": receiver, "amount": "5" }]);
    let told = call(&devnet, "rollup_deposit", deposit).await;
    assert_eq!(told["ran"], false, "{told}");
    // As if the power were cut.
    copy(&folder, &again);
    tokio::task::block_in_place(|| devnet.stop());
    for folder in [&again, &folder] {
        let devnet = waiting(folder).await;
        call(&devnet, "evm_mine", json!([])).await;
        let balance = call(&devnet, "eth_getBalance", json!([receiver, "latest"])).await;
        assert_eq!(balance, "0x48c27395000");
        tokio::task::block_in_place(|| devnet.stop());
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_to_wait_is_there_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("told-to-wait-{}", std::process::id()));
    let again = folder.with_extension("again");
    let devnet = waiting(&folder).await;
    let accounts = devnet.accounts().to_vec();
    let send = async |account, nonce| {
        let params = json!([raw(account, nonce, |_| {}), 10]);
        let sent = try_call(&devnet, "eth_sendRawTransactionSync", params).await;
        sent.unwrap_err().code
    };
    // Behind a gap, and without a block in time.
    assert_eq!(
        [send(&accounts[0], 1).await, send(&accounts[1], 0).await],
        [6, 4]
    );
    // As if the power were cut.
    copy(&folder, &again);
    tokio::task::block_in_place(|| devnet.stop());
    let devnet = waiting(&again).await;
    let status = call(&devnet, "txpool_status", json!([])).await;
    assert_eq!(status, json!({ "pending": "0x1", "queued": "0x1" }));
    tokio::task::block_in_place(|| devnet.stop());
    for folder in [&again, &folder] {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_not_there_after_a_restart() {
    for method in [
        "anvil_dropAllTransactions",
        "anvil_dropTransaction",
        "anvil_removePoolTransactions",
    ] {
        let folder = std::env::temp_dir().join(format!("dropped-{method}-{}", std::process::id()));
        let again = folder.with_extension("again");
        let devnet = waiting(&folder).await;
        let account = devnet.accounts()[0].clone();
        let sent = |fee: u64| {
            let raw = raw(&account, 0, |transaction| {
                transaction.max_fee_per_gas = U256::from(fee);
                transaction.max_priority_fee_per_gas = U256::from(1);
            });
            json!([raw])
        };
        let first = call(&devnet, "eth_sendRawTransaction", sent(90_000_000_000)).await;
        let params = match method {
            "anvil_dropTransaction" => json!([first]),
            "anvil_removePoolTransactions" => json!([account.address]),
            _ => json!([]),
        };
        call(&devnet, method, params).await;
        // One that pays less takes its nonce.
        let second = call(&devnet, "eth_sendRawTransaction", sent(30_000_000_000)).await;
        // As if the power were cut.
        copy(&folder, &again);
        tokio::task::block_in_place(|| devnet.stop());
        for folder in [&again, &folder] {
            let devnet = waiting(folder).await;
            let pending = call(&devnet, "eth_pendingTransactions", json!([])).await;
            let pending: Vec<&Value> = pending.as_array().unwrap().iter().collect();
            assert_eq!(pending.len(), 1, "{method}");
            assert_eq!(pending[0]["hash"], second, "{method}");
            let dropped = call(&devnet, "rollup_getDropped", json!([first])).await;
            assert_eq!(dropped["reason"], "dropped on request", "{method}");
            call(&devnet, "evm_mine", json!([])).await;
            let receipt = call(&devnet, "eth_getTransactionReceipt", json!([second])).await;
            assert_eq!(receipt["status"], "0x1", "{method}");
            tokio::task::block_in_place(|| devnet.stop());
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

/// A transaction that is refused since it cannot be kept is not executed later.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_refused_and_not_in_the_pool() {
    let folder = std::env::temp_dir().join(format!("evm-rollup-kept-{}", std::process::id()));
    let away = folder.with_extension("away");
    let devnet = waiting(&folder).await;
    let sent = json!([raw(&devnet.accounts()[0], 0, |_| {})]);
    let status = async || call(&devnet, "txpool_status", json!([])).await;
    std::fs::rename(&folder, &away).unwrap();
    let refused = try_call(&devnet, "eth_sendRawTransaction", sent.clone()).await;
    let message = refused.unwrap_err().message;
    assert!(message.contains("is gone"), "{message}");
    assert_eq!(status().await["pending"], "0x0");
    assert!(devnet.node().trouble().unwrap().contains("is gone"));
    // Nobody has to write to see that it is back.
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(devnet.node().trouble(), None);
    let hash = call(&devnet, "eth_sendRawTransaction", sent).await;
    assert_eq!(status().await["pending"], "0x1");
    call(&devnet, "evm_mine", json!([])).await;
    assert_eq!(receipt(&devnet, &hash).await["status"], "0x1");
    tokio::task::block_in_place(|| devnet.stop());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_layer_1_cannot_keep_does_not_happen() {
    let folder = std::env::temp_dir().join(format!("unkept-layer1-{}", std::process::id()));
    let away = folder.with_extension("away");
    let receiver = "0x4242424242424242424242424242424242424242";
    let payer = "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx";
    let deposit = json!([{ "receiver": receiver, "amount": "5000000" }]);
    for block_time in [BlockTime::Auto, BlockTime::Manual] {
        let devnet = devnet(|options| {
            options.data_dir = Some(folder.clone());
            options.block_time = block_time;
        })
        .await;
        let had = call(&devnet, "rollup_layer1Balance", json!([payer])).await;
        std::fs::rename(&folder, &away).unwrap();
        let refused = try_call(&devnet, "rollup_deposit", deposit.clone()).await;
        let message = refused.unwrap_err().message;
        assert!(message.contains("is gone"), "{message}");
        std::fs::rename(&away, &folder).unwrap();
        call(&devnet, "evm_mine", json!([])).await;
        let balance = call(&devnet, "eth_getBalance", json!([receiver, "latest"])).await;
        assert_eq!(balance, "0x0");
        let has = call(&devnet, "rollup_layer1Balance", json!([payer])).await;
        assert_eq!(has, had);
        call(&devnet, "rollup_deposit", deposit.clone()).await;
        call(&devnet, "evm_mine", json!([])).await;
        let balance = call(&devnet, "eth_getBalance", json!([receiver, "latest"])).await;
        assert_eq!(balance, "0x4563918244f40000");
        tokio::task::block_in_place(|| devnet.stop());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[tokio::test]
async fn the_highest_nonce_is_refused() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    call(
        &devnet,
        "anvil_setNonce",
        json!([from, "0xffffffffffffffff"]),
    )
    .await;
    let sent = json!([{ "from": from, "to": from, "gas": "0x5208" }]);
    let refused = try_call(&devnet, "eth_sendTransaction", sent).await;
    assert!(refused.unwrap_err().message.contains("nonce"));
    assert_eq!(
        number(&call(&devnet, "txpool_status", json!([])).await["pending"]),
        0
    );
}
