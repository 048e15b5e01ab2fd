//! What is found in long lists and on the way to a block: over HTTP, of a devnet on the compiled
//! kernel.

use crate::support::*;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use node::Handle;
use node::payment::Payment;
use node::rpc::params::Params;
use serde_json::{Value, json};

/// Sends so many transfers, which one block has; gives their hashes and the block's number.
async fn block_of(devnet: &Handle, count: u64) -> (Vec<String>, u64) {
    let from = devnet.accounts()[0].address;
    let nonce = call(devnet, "eth_getTransactionCount", json!([from, "latest"])).await;
    let nonce: U256 = nonce.as_str().unwrap().parse().unwrap();
    call(devnet, "evm_setAutomine", json!([false])).await;
    let mut hashes = Vec::new();
    for number in 0..count {
        let request = json!([{ "from": from, "to": Address::repeat_byte(5), "value": "0x1", "gas": "0x5208",
            "gasPrice": "0x174876e800", "nonce": format!("{:#x}", nonce + U256::from(number)) }]);
        let hash = call(devnet, "eth_sendTransaction", request).await;
        hashes.push(hash.as_str().unwrap().to_owned());
    }
    call(devnet, "evm_mine", json!([])).await;
    call(devnet, "evm_setAutomine", json!([true])).await;
    let receipt = call(devnet, "eth_getTransactionReceipt", json!([hashes[0]])).await;
    let number: U256 = receipt["blockNumber"].as_str().unwrap().parse().unwrap();
    (hashes, number.to())
}

/// The link to the next page.
fn next(text: &str) -> Option<String> {
    let (before, _) = text
        .split_once("\" rel=\"next\">later")
        .or_else(|| text.split_once("\" rel=\"next\">older"))?;
    let (_, link) = before.rsplit_once("href=\"")?;
    Some(link.split('#').next().unwrap().replace("&amp;", "&"))
}

#[tokio::test(flavor = "multi_thread")]
async fn all_transactions_of_a_block_and_of_its_message_are_on_their_pages() {
    let devnet = devnet(|_| {}).await;
    let (hashes, number) = block_of(&devnet, 60).await;
    let mut found = Vec::new();
    let mut path = Some(format!("/block/{number}"));
    while let Some(here) = path {
        let text = view(&devnet, &here).await;
        let of = hashes
            .iter()
            .filter(|hash| text.contains(&format!("/tx/{hash}")));
        found.extend(of.cloned());
        path = next(&text);
        assert!(found.len() <= 60, "{here}");
    }
    found.sort_unstable();
    let mut sorted = hashes.clone();
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    // The block's work stands beside its gas.
    let block = view(&devnet, &format!("/block/{number}")).await;
    assert!(block.contains("units for its transactions"), "{block}");
    let figures = call(
        &devnet,
        "rollup_getBlockFigures",
        json!([format!("{number:#x}")]),
    )
    .await;
    let work = figures["work"].as_u64().unwrap();
    // At least 1.5 units for each unit of gas.
    assert!(work >= 60 * 21_000, "{figures}");
    assert!(work <= figures["levelBudget"].as_u64().unwrap());
    // They came in one batch, which is taken apart.
    let level = call(&devnet, "rollup_getLevelOf", json!(["latest"])).await;
    let text = view(&devnet, &format!("/level/{level}")).await;
    // As many as a message has room for.
    let inbox = call(&devnet, "rollup_inbox", json!([level])).await;
    let counts = inbox["messages"].as_array().unwrap().iter();
    let counts: Vec<u64> = counts
        .filter_map(|message| message["transactions"].as_u64())
        .collect();
    assert!(
        counts[0] > 50 && counts.iter().sum::<u64>() == 60,
        "{counts:?}"
    );
    assert!(
        text.contains(&format!("{} transactions", counts[0])),
        "{text}"
    );
    let (_, link) = text.split_once("batch of <a href=\"").unwrap();
    let message = link.split('"').next().unwrap();
    let text = view(&devnet, message).await;
    let title = format!("Transactions in it ({})", counts[0]);
    assert!(text.contains(&title) && text.contains(&hashes[0]), "{text}");
    let rest = view(&devnet, &next(&text).unwrap()).await;
    assert!(
        rest.contains(&hashes[50]) && !rest.contains(&hashes[0]),
        "{rest}"
    );
    let missing = get(&devnet, &format!("/level/{level}/message/9999")).await;
    assert_eq!(missing.status, 404);
    devnet.stop();
}

async fn of(devnet: &Handle, who: Address) -> Vec<Value> {
    let found = call(devnet, "rollup_getTransactionsOf", json!([who])).await;
    assert_eq!(found["next"], Value::Null, "{found}");
    found["transactions"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_is_among_its_receivers_transactions_until_its_block_goes() {
    let devnet = devnet(|_| {}).await;
    let who = Address::repeat_byte(0x42);
    let snapshot = call(&devnet, "evm_snapshot", json!([])).await;
    assert!(of(&devnet, who).await.is_empty());
    let deposit = json!([{ "receiver": who, "amount": "1000000" }]);
    call(&devnet, "rollup_deposit", deposit).await;
    call(&devnet, "anvil_mine", json!(["0x400"])).await;
    let found = of(&devnet, who).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let hash = found[0]["hash"].as_str().unwrap();
    let text = view(&devnet, &format!("/address/{who}")).await;
    assert!(text.contains(&format!("/tx/{hash}")), "{text}");
    call(&devnet, "evm_revert", json!([snapshot])).await;
    assert!(of(&devnet, who).await.is_empty());
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_is_told_with_its_reason() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let send = |nonce: &str, price: &str| json!([{ "from": from, "to": Address::repeat_byte(5), "gas": "0x5208", "gasPrice": price, "nonce": nonce }]);
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let parked = call(&devnet, "eth_sendTransaction", send("0x9", "0x174876e800")).await;
    call(&devnet, "anvil_dropTransaction", json!([parked])).await;
    let cheap = call(&devnet, "eth_sendTransaction", send("0x0", "0x174876e800")).await;
    let dear = call(&devnet, "eth_sendTransaction", send("0x0", "0x2e90edd000")).await;
    call(&devnet, "evm_mine", json!([])).await;
    // The kernel drops one that came by layer 1, and says why.
    let signed = call(
        &devnet,
        "eth_signTransaction",
        send("0x3e7", "0x174876e800"),
    )
    .await;
    let raw = signed["raw"].as_str().unwrap();
    let foreign = keccak256(raw.parse::<Bytes>().unwrap()).to_string();
    call(&devnet, "rollup_sendDelayed", json!([raw])).await;
    call(&devnet, "evm_mine", json!([])).await;
    for (hash, words) in [
        (parked.as_str().unwrap(), "dropped on request"),
        (cheap.as_str().unwrap(), "replaced by another one"),
        (&foreign, "dropped by the kernel, which said: <strong>"),
    ] {
        let text = view(&devnet, &format!("/tx/{hash}")).await;
        assert!(
            text.contains("It is in no block") && text.contains(words),
            "{words}: {text}"
        );
        let all = view(&devnet, "/dropped").await;
        assert!(all.contains(&format!("/tx/{hash}")), "{all}");
        let search = get(&devnet, &format!("/search?q={hash}")).await;
        assert_eq!(
            (search.status, search.location),
            (303, format!("/tx/{hash}"))
        );
    }
    let text = view(&devnet, &format!("/tx/{foreign}")).await;
    assert!(
        text.contains("forced it in, by <a href=\"/level/")
            && text.contains("account 0")
            && !text.contains("left the pool"),
        "{text}"
    );
    let done = call(&devnet, "rollup_getDropped", json!([dear])).await;
    assert_eq!(done, Value::Null);
    assert_eq!(
        call(&devnet, "rollup_getDropped", json!([B256::ZERO])).await,
        Value::Null
    );
    devnet.stop();
}

/// What a file of the pages has.
async fn file(devnet: &Handle, path: &str) -> (String, Vec<u8>) {
    let url = format!("{}{path}", devnet.url());
    let asked = tokio::task::spawn_blocking(move || {
        let mut answer = ureq::get(url).call().unwrap();
        let how = answer.headers().get("content-disposition").unwrap();
        let how = how.to_str().unwrap().to_owned();
        (how, answer.body_mut().read_to_vec().unwrap())
    });
    asked.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_files_that_prove() {
    let devnet = devnet(|_| {}).await;
    let token = hostile_token(&devnet).await;
    let (hash, _) = send(&devnet, Some(token), Bytes::new()).await;
    send(&devnet, Some(token), Bytes::new()).await;
    let (how, bytes) = file(&devnet, &format!("/tx/{hash}/witness")).await;
    assert_eq!(how, format!("attachment; filename=\"{hash}.witness\""));
    let payment = Payment::decode(&bytes).unwrap();
    assert_eq!(payment.transaction.to_string(), hash);
    let kernel = std::fs::read(kernel()).unwrap();
    let proven = payment.check(&kernel, &pvm::Options::default()).unwrap();
    assert!(proven.included().receipt.success);
    assert_eq!(proven.included().receipt.logs[0].address, token);
    // One that nobody signed is in no message: nothing proves it.
    let someone = Address::repeat_byte(0x31);
    call(
        &devnet,
        "anvil_setBalance",
        json!([someone, "0xde0b6b3a7640000"]),
    )
    .await;
    call(&devnet, "anvil_impersonateAccount", json!([someone])).await;
    let request = json!([{ "from": someone, "to": token, "gas": "0x30d40" }]);
    let unsigned = call(&devnet, "eth_sendTransaction", request).await;
    let refused = get(
        &devnet,
        &format!("/tx/{}/witness", unsigned.as_str().unwrap()),
    )
    .await;
    assert!(
        refused.status >= 400 && refused.text.contains("The node says no"),
        "{}",
        refused.text
    );
    let (how, bytes) = file(&devnet, &format!("/address/{token}/proof?slots=0x0,0x1")).await;
    assert!(how.ends_with(".proof.json\""), "{how}");
    let proof: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        proof["storageProof"].as_array().unwrap().len(),
        2,
        "{proof}"
    );
    let missing = get(&devnet, &format!("/tx/{}/witness", B256::ZERO)).await;
    assert!(missing.status >= 400);
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_shown_as_text_with_the_contract_that_has_their_code() {
    let devnet = devnet(|_| {}).await;
    let token = hostile_token(&devnet).await;
    let none = get(&devnet, &format!("/address/{token}/source")).await;
    assert_eq!(none.status, 404);
    let artefact = json!({
        "abi": [{ "type": "error", "name": "Late", "inputs": [] }],
        "sources": { "a/A.sol": format!("// {HOSTILE}\ncontract A {{}}"), "lib/B.sol": "contract B {}" },
    });
    let added = call(&devnet, "rollup_addAbi", json!([artefact, "A", token])).await;
    assert_eq!(
        (&added["sources"], &added["code"]),
        (&json!(2), &Value::Null)
    );
    // Nothing says that they are its own.
    let source = format!("/address/{token}/source");
    let text = view(&devnet, &source).await;
    assert!(
        text.contains("are not shown") && text.contains("has no code"),
        "{text}"
    );
    assert!(!text.contains("contract A {}"), "{text}");
    let account = view(&devnet, &format!("/address/{token}")).await;
    assert!(!account.contains("/source\""), "{account}");
    let code = call(&devnet, "eth_getCode", json!([token, "latest"])).await;
    let code = code.as_str().unwrap();
    let mut artefact = artefact;
    artefact["deployedBytecode"] = json!(format!("{code}00"));
    call(&devnet, "rollup_addAbi", json!([artefact, "A", token])).await;
    let text = view(&devnet, &source).await;
    assert!(text.contains("is another than the code"), "{text}");
    // With another hash of sources behind it: as solc writes it, and the account has none.
    let metadata = format!(
        "a264697066735822{}64736f6c634300081c0033",
        "1220".to_owned() + &"ab".repeat(32)
    );
    artefact["deployedBytecode"] = json!({ "object": format!("{code}{metadata}") });
    call(&devnet, "rollup_addAbi", json!([artefact, "A", token])).await;
    let text = view(&devnet, &source).await;
    assert!(
        text.contains("matches but for metadata") && text.contains("    2  contract A {}"),
        "{text}"
    );
    artefact["deployedBytecode"] = json!(code);
    let added = call(&devnet, "rollup_addAbi", json!([artefact, "A", token])).await;
    assert_eq!(added["code"], json!((code.len() - 2) / 2));
    let text = view(&devnet, &source).await;
    assert!(
        text.contains("its code matches<")
            && text.contains(&escaped(HOSTILE))
            && text.contains("    2  contract A {}"),
        "{text}"
    );
    // The same contract elsewhere is known by its code.
    let twin = hostile_token(&devnet).await;
    assert_ne!(twin, token);
    let text = view(&devnet, &format!("/address/{twin}/source")).await;
    assert!(text.contains("    2  contract A {}"), "{text}");
    let text = view(&devnet, &format!("/address/{twin}")).await;
    assert!(text.contains("Contract <q>A</q>"), "{text}");
    let other = view(
        &devnet,
        &format!("/address/{token}/source?file=lib%2FB.sol"),
    )
    .await;
    assert!(other.contains("    1  contract B {}"), "{other}");
    let gone = get(&devnet, &format!("/address/{token}/source?file=C.sol")).await;
    assert_eq!(gone.status, 404);
    // Build information has more than one contract: each is given by itself.
    let info = json!({ "output": { "contracts": { "a": { "A": { "abi": artefact["abi"] }, "B": { "abi": artefact["abi"] } } } } });
    let refused = node::rpc::call(devnet.miner(), "rollup_addAbi", Params::new(vec![info])).await;
    assert_eq!(refused.unwrap_err().code, -32602);
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_share_one_text_for_a_moment_and_then_have_the_newest() {
    let devnet = devnet(|_| {}).await;
    let rows = get(&devnet, "/rows").await.text;
    assert!(rows.contains("data-newest=\"0\""), "{rows}");
    call(&devnet, "evm_mine", json!([])).await;
    tokio::time::sleep(std::time::Duration::from_millis(350)).await;
    let rows = get(&devnet, "/rows").await.text;
    assert!(rows.contains("data-newest=\"1\""), "{rows}");
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_come_in_their_order_from_any_place_on() {
    let devnet = devnet(|_| {}).await;
    let who = Address::repeat_byte(0x51);
    // Their names in durable storage have another order: base64url.
    let mut slots: Vec<U256> = (0..120_u64)
        .map(|number| U256::from_be_bytes(keccak256(number.to_be_bytes()).0))
        .collect();
    slots.extend([U256::ZERO, U256::from(1), U256::MAX]);
    for slot in &slots {
        let slot = format!("{slot:#066x}");
        let value = format!("{:#066x}", U256::from(7));
        call(&devnet, "anvil_setStorageAt", json!([who, slot, value])).await;
    }
    slots.sort_unstable();
    let mut found: Vec<U256> = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = call(&devnet, "rollup_getSlots", json!([who, after, 50])).await;
        let of_page = page["slots"].as_array().unwrap().iter();
        found.extend(of_page.map(|slot| slot["slot"].as_str().unwrap().parse::<U256>().unwrap()));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(found, slots);
    let between = slots[60] - U256::from(1);
    let page = call(
        &devnet,
        "rollup_getSlots",
        json!([who, format!("{between:#x}"), 1]),
    )
    .await;
    assert_eq!(
        page["slots"][0]["slot"]
            .as_str()
            .unwrap()
            .parse::<U256>()
            .unwrap(),
        slots[60]
    );
    devnet.stop();
}

/// A long transaction comes in pieces, one by layer 1 as it is: both are found in their messages.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_of_a_transaction_leads_to_all_of_its_messages() {
    let devnet = devnet(|_| {}).await;
    let from = devnet.accounts()[0].address;
    let data = Bytes::from(vec![7; 9_000]);
    let request =
        json!([{ "from": from, "to": Address::repeat_byte(5), "data": data, "gas": "0x100000" }]);
    let hash = call(&devnet, "eth_sendTransaction", request).await;
    let hash = hash.as_str().unwrap();
    let way = call(&devnet, "rollup_getMessageOf", json!([hash])).await;
    assert_eq!(way["kind"], "pieces", "{way}");
    let pieces = way["pieces"].as_array().unwrap();
    assert_eq!(pieces.len(), 3, "{way}");
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    for place in std::iter::once(&way).chain(pieces) {
        let path = format!("/level/{}/message/{}", place["level"], place["id"]);
        assert!(text.contains(&format!("href=\"{path}\"")), "{path}: {text}");
        let message = view(&devnet, &path).await;
        assert!(message.contains(&format!("/tx/{hash}")), "{message}");
    }
    assert!(text.contains("piece 3 of 3"), "{text}");
    // All of its call data, by pages.
    let mut path = Some(format!("/tx/{hash}/data/input"));
    let mut shown = 0;
    while let Some(here) = path {
        let text = view(&devnet, &here).await;
        shown += text.matches(&"07".repeat(8)).count();
        path = next(&text).filter(|next| next != &here);
        assert!(shown <= 9_000, "{here}");
    }
    assert_eq!(shown, 9_000 / 8);
    let nonce = call(&devnet, "eth_getTransactionCount", json!([from, "latest"])).await;
    let request = json!([{ "from": from, "to": Address::repeat_byte(6), "gas": "0x5208", "gasPrice": "0x174876e800", "nonce": nonce }]);
    let signed = call(&devnet, "eth_signTransaction", request).await;
    let raw = signed["raw"].as_str().unwrap();
    call(&devnet, "rollup_sendDelayed", json!([raw])).await;
    let hash = keccak256(raw.parse::<Bytes>().unwrap());
    let way = call(&devnet, "rollup_getMessageOf", json!([hash])).await;
    assert_eq!(way["kind"], "delayed", "{way}");
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    assert!(text.contains("nobody can keep it out"), "{text}");
    let level = view(&devnet, &format!("/level/{}", way["level"])).await;
    let link = format!("/tx/{hash}");
    assert!(
        level.contains("forced transaction <a") && level.contains(&link),
        "{level}"
    );
    let message = format!("/level/{}/message/{}", way["level"], way["id"]);
    let message = view(&devnet, &message).await;
    assert!(
        message.contains("Transactions in it (1)") && message.contains(&link),
        "{message}"
    );
    // A level says which block its messages made.
    let receipt = call(&devnet, "eth_getTransactionReceipt", json!([hash])).await;
    let number: U256 = receipt["blockNumber"].as_str().unwrap().parse().unwrap();
    let (plain, _) = send(&devnet, Some(from), Bytes::new()).await;
    let way = call(&devnet, "rollup_getMessageOf", json!([plain])).await;
    assert_eq!(way["kind"], "whole", "{way}");
    let level = view(&devnet, &format!("/level/{}", way["level"])).await;
    let block = number + U256::from(1);
    assert!(
        level.contains(&format!("<td><a href=\"/block/{block}\"")),
        "{level}"
    );
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn why_transactions_were_dropped_survives_a_restart() {
    let folder = std::env::temp_dir().join(format!("page-dropped-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let start = async || devnet(|options| options.data_dir = Some(folder.clone())).await;
    let devnet = start().await;
    let from = devnet.accounts()[0].address;
    let send = |nonce: &str| json!([{ "from": from, "to": Address::repeat_byte(5), "gas": "0x5208", "gasPrice": "0x174876e800", "nonce": nonce }]);
    let signed = call(&devnet, "eth_signTransaction", send("0x3e7")).await;
    let raw = signed["raw"].as_str().unwrap();
    let named = keccak256(raw.parse::<Bytes>().unwrap()).to_string();
    call(&devnet, "rollup_sendDelayed", json!([raw])).await;
    call(&devnet, "evm_mine", json!([])).await;
    call(&devnet, "evm_setAutomine", json!([false])).await;
    let parked = call(&devnet, "eth_sendTransaction", send("0x9")).await;
    // After the last block: it is written when the devnet ends.
    call(&devnet, "anvil_dropTransaction", json!([parked])).await;
    let before = call(&devnet, "rollup_getDropped", json!([])).await;
    assert_eq!(before.as_array().unwrap().len(), 2, "{before}");
    devnet.stop();
    let devnet = start().await;
    let after = call(&devnet, "rollup_getDropped", json!([])).await;
    assert_eq!(after, before);
    for (hash, words) in [
        (parked.as_str().unwrap(), "dropped on request"),
        (&named, "dropped by the kernel, which said: <strong>"),
    ] {
        let search = get(&devnet, &format!("/search?q={hash}")).await;
        assert_eq!(search.location, format!("/tx/{hash}"));
        let text = view(&devnet, &format!("/tx/{hash}")).await;
        assert!(text.contains(words), "{words}: {text}");
    }
    // The transaction itself is there, too.
    let text = view(&devnet, &format!("/tx/{}", parked.as_str().unwrap())).await;
    assert!(
        text.contains("account 0") && text.contains("Gas limit"),
        "{text}"
    );
    // By pages.
    let one = call(&devnet, "rollup_getDropped", json!([null, 1, 1])).await;
    assert_eq!(one[0], before[1]);
    devnet.stop();
    std::fs::remove_dir_all(&folder).unwrap();
}
