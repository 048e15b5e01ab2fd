//! Every view, over HTTP, of a devnet on the compiled kernel: status, policy, size, and that what
//! contracts and ABIs say stays text.

use crate::support::*;
use alloy_primitives::{Address, B256, Bytes, U256, address, hex, keccak256};
use node::rpc::params::Params;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn each_view_is_there_small_and_under_the_policy() {
    let devnet = devnet(|options| options.max_instructions = Some(u64::MAX)).await;
    let who = devnet.accounts()[0].address;
    let token = hostile_token(&devnet).await;
    let (hash, receipt) = send(&devnet, Some(token), hex!("a9059cbb").into()).await;
    let block = receipt["blockHash"].as_str().unwrap();
    call(
        &devnet,
        "rollup_deposit",
        json!([{ "receiver": who, "amount": "1000000" }]),
    )
    .await;
    let home = view(&devnet, "/").await;
    assert!(home.contains(">3</a>"), "{home}");
    let by_number = view(&devnet, "/block/2").await;
    assert!(by_number.contains(&hash), "{by_number}");
    assert_eq!(view(&devnet, &format!("/block/{block}")).await, by_number);
    let transaction = view(&devnet, &format!("/tx/{hash}")).await;
    for expected in [
        "It is done",
        "Transfer",
        "Who paid what",
        "evm-rollup prove transaction",
    ] {
        assert!(transaction.contains(expected), "{expected}: {transaction}");
    }
    for path in [
        format!("/address/{who}"),
        format!("/address/{token}"),
        format!("/address/{token}/code"),
        format!("/address/{token}/storage"),
        format!("/address/{token}/logs"),
        format!("/address/{who}/tokens"),
        format!("/address/{token}/contract"),
        format!("/address/{token}/contract?abi=ERC-20&f=name()"),
        "/address/0xff00000000000000000000000000000000000001/contract".to_owned(),
        "/address/0xff00000000000000000000000000000000000002/storage".to_owned(),
        "/bridge".to_owned(),
        "/control".to_owned(),
        "/waiting".to_owned(),
        "/block/2?failed=1".to_owned(),
        "/abis".to_owned(),
        "/selector/0xa9059cbb".to_owned(),
        format!("/event/{}", keccak256("Transfer(address,address,uint256)")),
        "/search?q=transfer".to_owned(),
        "/layer1/tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx".to_owned(),
        "/level/0".to_owned(),
    ] {
        view(&devnet, &path).await;
    }
    let newest = get(&devnet, "/level/newest").await;
    assert_eq!(newest.status, 303);
    let level = view(&devnet, &newest.location).await;
    for expected in ["from a contract of layer 1", "store_read", "Instructions"] {
        assert!(level.contains(expected), "{expected}: {level}");
    }
    let deposits = view(&devnet, "/bridge").await;
    assert!(deposits.contains("credited"), "{deposits}");
    // Levels that are linked are over.
    assert!(deposits.contains(&newest.location), "{deposits}");
    for link in deposits.split("href=\"/level/").skip(1) {
        let level = link.split('"').next().unwrap();
        assert!(
            [200, 303].contains(&get(&devnet, &format!("/level/{level}")).await.status),
            "level {level}"
        );
    }
    let rows = get(&devnet, "/rows").await.text;
    assert!(
        rows.contains("id=\"facts\"") && rows.contains("Newest block"),
        "{rows}"
    );
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contracts_and_abis_say_stays_text() {
    let devnet = devnet(|_| {}).await;
    let who = devnet.accounts()[0].address;
    let token = hostile_token(&devnet).await;
    let (hash, _) = send(&devnet, Some(token), hex!("a9059cbb").into()).await;
    let abi = |param: &str| {
        json!([
            { "type": "function", "name": "name", "inputs": [], "outputs": [{ "name": "", "type": "string" }], "stateMutability": "view" },
            { "type": "function", "name": "x", "inputs": [{ "name": param, "type": "uint256" }], "outputs": [], "stateMutability": "nonpayable" },
        ])
    };
    // What is no identifier is none in an ABI; a contract's name is any text.
    let params = Params::new(vec![abi(HOSTILE), json!("A")]);
    let refused = node::rpc::call(devnet.miner(), "rollup_addAbi", params).await;
    assert_eq!(refused.unwrap_err().code, -32602);
    let abi = abi("value");
    let named = call(&devnet, "rollup_addAbi", json!([abi, HOSTILE, token])).await;
    assert_eq!(named["functions"], 2);
    let mut error = keccak256("Error(string)")[..4].to_vec();
    error.extend(encoded(HOSTILE));
    let reverting = deploy(&devnet, contract(&[], &error, 0xfd)).await;
    let (failed, receipt) = send(&devnet, Some(reverting), Bytes::new()).await;
    assert_eq!(receipt["status"], "0x0");
    let shown = escaped(HOSTILE);
    for path in [
        format!("/address/{token}"),
        format!("/address/{token}/contract?f=name()"),
        format!("/tx/{failed}"),
        "/abis".to_owned(),
        "/search?q=script".to_owned(),
    ] {
        let text = view(&devnet, &path).await;
        assert!(text.contains(&shown), "{path}: {text}");
    }
    // Symbols are cut.
    let symbol: String = HOSTILE.chars().take(20).collect();
    for path in [format!("/tx/{hash}"), format!("/address/{who}/tokens")] {
        let text = view(&devnet, &path).await;
        assert!(text.contains(&escaped(&symbol)), "{path}: {text}");
    }
    let why = view(&devnet, &format!("/tx/{failed}")).await;
    assert!(why.contains("It failed") && why.contains("Error"), "{why}");
    // Who sent it is known, and the contract by its ABI's name.
    assert!(why.contains("account 0"), "{why}");
    let done = view(&devnet, &format!("/tx/{hash}")).await;
    let name: String = HOSTILE.chars().take(32).collect();
    assert!(done.contains(&escaped(&format!("{name}…"))), "{done}");
    let home = view(&devnet, "/").await;
    assert!(home.contains("(1 ✗"), "{home}");
    // What takes nothing is called at once; what is wrong stands beside its field.
    let now = view(&devnet, &format!("/address/{token}/contract")).await;
    assert!(
        now.contains("What it says of itself now") && now.contains(&shown),
        "{now}"
    );
    let wrong = view(
        &devnet,
        &format!("/address/{token}/contract?f=x(uint256)&a0=many&gas=-1"),
    )
    .await;
    for expected in ["✗ \"many\" is no uint256", "✗ \"-1\" is no amount of gas"] {
        assert!(wrong.contains(&escaped(expected)), "{expected}: {wrong}");
    }
    let call_of = format!("/address/{token}/contract?f=x(uint256)&a0=1,000&gas=21,000&encode=1");
    let encoded: Value = serde_json::from_str(&get(&devnet, &call_of).await.text).unwrap();
    assert_eq!(encoded["gas"], "0x5208", "{encoded}");
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_gets_the_words_for_what_a_call_reverted_with() {
    let devnet = devnet(|_| {}).await;
    let panicked = format!("/reverted?data=0x4e487b71{:064x}", 0x11);
    assert!(get(&devnet, &panicked).await.text.contains("overflow"));
    let unknown = get(&devnet, "/reverted?data=0x12345678").await;
    assert!(unknown.text.contains("no known error"), "{}", unknown.text);
    assert_eq!(get(&devnet, "/reverted?data=0xzz").await.status, 400);
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_call_with_money_is_tried_as_an_account_that_has_some() {
    let devnet = devnet(|_| {}).await;
    let link = "/address/0xff00000000000000000000000000000000000001/contract\
        ?f=withdraw_base58(string)&a0=tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN&value=5";
    let tried = view(&devnet, link).await;
    assert!(tried.contains("What it gives"), "{link}");
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_understood_is_a_page_that_says_so() {
    let devnet = devnet(|_| {}).await;
    let unknown = B256::repeat_byte(7);
    let missing = get(&devnet, "/block/99").await.text;
    assert!(
        missing.contains("There is no block 99; the newest is 0."),
        "{missing}"
    );
    for (path, status) in [
        ("/nothing".to_owned(), 404),
        ("/block/99".to_owned(), 404),
        (format!("/block/{unknown}"), 404),
        (format!("/tx/{unknown}"), 404),
        ("/tx/0x12".to_owned(), 400),
        ("/block/x".to_owned(), 400),
        ("/address/0x12".to_owned(), 400),
        ("/level/x".to_owned(), 400),
        ("/level/4000000000".to_owned(), 404),
        ("/selector/0x01020304".to_owned(), 404),
        ("/search?q=".to_owned(), 400),
        (
            "/search?q=%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
            404,
        ),
        ("/layer1/tz1nobody".to_owned(), 400),
        // A letter is another.
        (
            "/layer1/tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSy".to_owned(),
            400,
        ),
        (
            "/search?q=0xF39fd6e51aad88f6f4ce6ab8827279cfffb92266".to_owned(),
            400,
        ),
        (format!("/search?q={unknown}"), 404),
        (format!("/{}", "x".repeat(1_000)), 404),
        ("/%3Cscript%3E".to_owned(), 404),
    ] {
        let got = get(&devnet, &path).await;
        assert_eq!(got.status, status, "{path}: {}", got.text);
        check(&path, &got);
    }
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_lead_to_what_was_meant_and_never_elsewhere() {
    let devnet = devnet(|_| {}).await;
    let who = devnet.accounts()[0].address;
    let (hash, receipt) = send(&devnet, Some(who), Bytes::new()).await;
    let block = receipt["blockHash"].as_str().unwrap();
    for (text, expected) in [
        ("1".to_owned(), "/block/1".to_owned()),
        ("level%201".to_owned(), "/level/1".to_owned()),
        (hash.clone(), format!("/tx/{hash}")),
        (block.to_owned(), format!("/block/{block}")),
        (hash[2..].to_owned(), format!("/tx/{hash}")),
        (format!("{who:#x}"), format!("/address/{who:#x}")),
        ("Account%200".to_owned(), format!("/address/{who}")),
        (
            "outbox".to_owned(),
            format!(
                "/address/{}",
                address!("0xff00000000000000000000000000000000000003")
            ),
        ),
        ("0xa9059cbb".to_owned(), "/selector/0xa9059cbb".to_owned()),
        (
            "tz1//evil.example".to_owned(),
            "/layer1/tz1%2F%2Fevil.example".to_owned(),
        ),
    ] {
        let got = get(&devnet, &format!("/search?q={text}")).await;
        assert_eq!((got.status, got.location), (303, expected), "{text}");
    }
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_pages_there_is_one_line_and_no_other_file() {
    let devnet = devnet(|options| options.site = None).await;
    let got = get(&devnet, "/").await;
    assert!(got.text.contains("send JSON-RPC by POST"), "{}", got.text);
    assert_eq!(get(&devnet, "/page.js").await.text, got.text);
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_here_from_elsewhere_gets_no_page_and_changes_nothing() {
    let devnet = devnet(|options| options.cors = "http://localhost:3000".into()).await;
    let url = devnet.url();
    let asked = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mine = r#"{"jsonrpc":"2.0","id":1,"method":"evm_mine","params":[]}"#;
        let rebound = agent
            .get(&url)
            .header("host", "evil.example")
            .call()
            .unwrap();
        let post = |origin: &str| {
            let request = agent.post(&url).header("content-type", "application/json");
            request
                .header("origin", origin)
                .send(mine)
                .unwrap()
                .status()
                .as_u16()
        };
        let foreign = post("http://evil.example");
        let own = post(&url);
        (rebound.status().as_u16(), foreign, own)
    });
    assert_eq!(asked.await.unwrap(), (403, 403, 200));
    assert_eq!(call(&devnet, "eth_blockNumber", json!([])).await, "0x1");
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_logs_and_slots_come_page_by_page() {
    let devnet = devnet(|_| {}).await;
    let who = devnet.accounts()[0].address;
    let token = hostile_token(&devnet).await;
    for _ in 0..60 {
        send(&devnet, Some(token), Bytes::new()).await;
    }
    let mut seen = Vec::new();
    let mut before = Value::Null;
    loop {
        let page = call(
            &devnet,
            "rollup_getTransactionsOf",
            json!([token, before, 25]),
        )
        .await;
        let entries = page["transactions"].as_array().unwrap();
        assert!(entries.len() <= 25);
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["hash"].as_str().unwrap().to_owned()),
        );
        before = page["next"].clone();
        if before.is_null() {
            break;
        }
    }
    let mut distinct = seen.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((seen.len(), distinct.len()), (61, 61));
    let first = view(&devnet, &format!("/address/{token}/logs")).await;
    assert_eq!(first.matches("<li><p>Block").count(), 50);
    let next = first.split("logs?before=").nth(1).unwrap();
    let next = next.split('"').next().unwrap();
    let second = view(&devnet, &format!("/address/{token}/logs?before={next}")).await;
    assert_eq!(second.matches("<li><p>Block").count(), 10);
    let slot = |number: u64| format!("{:#066x}", U256::from(number));
    for number in 1..=60 {
        let params = json!([who, slot(number), slot(number)]);
        call(&devnet, "anvil_setStorageAt", params).await;
    }
    let page = call(&devnet, "rollup_getSlots", json!([who, null, 50])).await;
    assert_eq!(page["slots"].as_array().unwrap().len(), 50);
    let rest = call(&devnet, "rollup_getSlots", json!([who, page["next"], 50])).await;
    assert_eq!(
        rest["slots"][0],
        json!({ "slot": slot(51), "value": slot(51) })
    );
    assert_eq!(
        (rest["slots"].as_array().unwrap().len(), &rest["next"]),
        (10, &Value::Null)
    );
    devnet.stop();
}

/// ECRECOVER in a loop: the work that a transaction may do ends before its gas.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_without_work_is_not_told_to_be_out_of_gas() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let initcode = |runtime: &[u8]| {
        let length = u8::try_from(runtime.len()).unwrap();
        [&[0x60, length][..], &hex!("80600b6000396000f3"), runtime].concat()
    };
    let recovers = deploy(
        &devnet,
        initcode(&hex!("5b602060006080600060015afa50600056")).into(),
    )
    .await;
    let loops = deploy(&devnet, initcode(&hex!("5b600056")).into()).await;
    for (to, gas, is_work) in [(recovers, "0xfffff0", true), (loops, "0x10000", false)] {
        let request = json!([{ "from": from, "to": to, "gas": gas }]);
        let hash = call(&devnet, "eth_sendTransaction", request).await;
        let told = call(&devnet, "rollup_getCalls", json!([hash])).await;
        assert_eq!(told["failure"]["outOfWork"] == true, is_work, "{told}");
        let text = view(&devnet, &format!("/tx/{}", hash.as_str().unwrap())).await;
        assert_eq!(text.contains("out of work"), is_work, "{text}");
        assert_eq!(
            text.contains("It ran <strong>out of gas"),
            !is_work,
            "{text}"
        );
    }
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_with_more_logs_than_a_query_gives_is_shown_by_pages() {
    let devnet = devnet(|_| {}).await;
    let who = Address::repeat_byte(0x77);
    let topic = keccak256("Transfer(address,address,uint256)");
    // Logs that they got a token, as long as there is gas.
    let runtime = [
        &hex!("5b73")[..],
        who.as_slice(),
        &hex!("807f"),
        topic.as_slice(),
        &hex!("60006000a35a61271010600057"),
        &[0],
    ]
    .concat();
    let length = u8::try_from(runtime.len()).unwrap();
    let initcode = [&[0x60, length][..], &hex!("80600b6000396000f3"), &runtime].concat();
    let spammer = deploy(&devnet, initcode.into()).await;
    let from = devnet.accounts()[0].address;
    let spam = json!([{ "from": from, "to": spammer, "gas": "0xfffff0" }]);
    let hash = call(&devnet, "eth_sendTransaction", spam).await;
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    let count = receipt["logs"].as_array().unwrap().len();
    assert!(count > 10_000);
    // A query of this block alone has all, since nobody can ask for less.
    let block = &receipt["blockNumber"];
    let query = json!([{ "fromBlock": block, "toBlock": block, "topics": [topic] }]);
    let logs = call(&devnet, "eth_getLogs", query).await;
    assert_eq!(logs.as_array().unwrap().len(), count);
    let tokens = view(&devnet, &format!("/address/{who}/tokens")).await;
    assert!(tokens.contains("There may be more"), "{tokens}");
    for path in [
        format!("/address/{spammer}/logs"),
        format!("/event/{topic}"),
    ] {
        let newest = view(&devnet, &path).await;
        let (_, older) = newest.split_once("?before=").unwrap();
        let (older, _) = older.split_once('"').unwrap();
        let text = view(&devnet, &format!("{path}?before={older}")).await;
        for (page, text) in [("newest", newest), ("older", text)] {
            assert!(
                text.contains("<ol class=\"logs\"><li>"),
                "{page}, {path}: {text}"
            );
        }
    }
    // Its own page has all of them, by pages.
    let hash = hash.as_str().unwrap();
    let first = view(&devnet, &format!("/tx/{hash}")).await;
    assert!(
        first.contains("/tokens?from=200\"") && first.contains("#logs\" rel=\"next\""),
        "{first}"
    );
    let last = receipt["logs"].as_array().unwrap().len() - 1;
    let text = view(&devnet, &format!("/tx/{hash}?logs={last}")).await;
    assert!(
        text.contains(&format!("#</span>{last}")) || text.contains(&format!("#{last}<")),
        "{text}"
    );
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_lead_to_one_place_make_no_page_without_end() {
    let devnet = devnet(|_| {}).await;
    let abi = json!([{ "type": "function", "name": "f", "stateMutability": "view", "outputs": [],
        "inputs": [{ "name": "x", "type": "uint256[][][][][][]" }] }]);
    call(&devnet, "rollup_addAbi", json!([abi, "Bomb"])).await;
    let mut data = keccak256("f(uint256[][][][][][])")[..4].to_vec();
    let word = |number: usize| U256::from(number).to_be_bytes::<32>();
    data.extend(word(32));
    for level in 0..6 {
        data.extend(word(13));
        for _ in 0..13 {
            data.extend(word(if level == 5 { 0 } else { 13 * 32 }));
        }
    }
    let (hash, _) = send(&devnet, Some(Address::repeat_byte(0x66)), data.into()).await;
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    assert!(text.contains("0x"), "{text}");
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_the_chain_that_a_fork_goes_on_from_does_not_wait() {
    let other = devnet(|_| {}).await;
    let (hash, _) = send(&other, Some(Address::repeat_byte(0x66)), Bytes::new()).await;
    let fork = devnet(|options| {
        options.fork = Some(node::ForkOptions::new(other.url()));
    })
    .await;
    let text = view(&fork, &format!("/tx/{hash}")).await;
    assert!(
        text.contains("goes on from") && !text.contains("data-waits"),
        "{text}"
    );
    fork.stop();
    other.stop();
}
