//! Pages of what is as large as it may be: ABIs, call data, calls and changes of the state, each of
//! which is on some page, none of which is longer than a page may be.

use crate::support::*;
use alloy_primitives::{Address, Bytes, U256, hex, keccak256};
use node::Handle;
use serde_json::{Value, json};

/// Sends a call with as much gas as a block has, about.
async fn send_all(devnet: &Handle, to: Address, data: Bytes) -> String {
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "to": to, "data": data, "gas": "0xb71b00" }]);
    let hash = call(devnet, "eth_sendTransaction", request).await;
    hash.as_str().unwrap().to_owned()
}

/// A contract of these instructions.
async fn contract_of(devnet: &Handle, code: &[u8]) -> Address {
    let length = u8::try_from(code.len()).unwrap();
    let initcode = [&[0x60, length][..], &hex!("80600b6000396000f3"), code].concat();
    deploy(devnet, initcode.into()).await
}

/// The link to the page behind, of the list with a label.
fn next(text: &str, list: &str) -> Option<String> {
    let (_, bar) = text.split_once(&format!("<nav class=\"pager\" aria-label=\"{list}\">"))?;
    let (bar, _) = bar.split_once("</nav>")?;
    let (before, _) = bar.split_once("\" rel=\"next\"")?;
    let (_, link) = before.rsplit_once("href=\"")?;
    Some(link.split('#').next().unwrap().replace("&amp;", "&"))
}

/// How often all pages of a list, from one on, have a text.
async fn count(devnet: &Handle, path: &str, list: &str, what: &str) -> usize {
    let (mut path, mut found, mut pages) = (Some(path.to_owned()), 0, 0);
    while let Some(here) = path {
        let text = view(devnet, &here).await;
        found += text.matches(what).count();
        path = next(&text, list);
        pages += 1;
        assert!(pages < 100, "{here}");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_and_changes_of_a_transaction_are_on_its_pages() {
    let devnet = devnet(|_| {}).await;
    // Calls 0x77 five hundred times.
    let caller = contract_of(
        &devnet,
        &hex!("6101f45b5f5f5f5f60775afa50600190038060035700"),
    )
    .await;
    let hash = send_all(&devnet, caller, Bytes::new()).await;
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    assert!(text.contains(&format!("/tx/{hash}/calls?from=")), "{text}");
    let path = format!("/tx/{hash}/calls");
    assert_eq!(count(&devnet, &path, "Calls", "<li id=\"c").await, 501);
    // Writes slots 1 to 300.
    let writer = contract_of(&devnet, &hex!("61012c5b808055600190038060035700")).await;
    let hash = send_all(&devnet, writer, Bytes::new()).await;
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    assert!(
        text.contains("It is done") && text.contains(&format!("/tx/{hash}/changes?from=")),
        "{text}"
    );
    let path = format!("/tx/{hash}/changes");
    assert_eq!(count(&devnet, &path, "Changes", ">slot ").await, 300);
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_as_deep_as_gas_allows_are_on_the_pages_of_a_transaction() {
    let devnet = devnet(|_| {}).await;
    // Calls itself as long as there is gas, and goes on or fails as the call did.
    for (code, failed) in [
        ("5f5f5f5f5f305af100", false),
        ("5f5f5f5f5f305af15f5ffd", true),
    ] {
        let contract = contract_of(&devnet, &hex::decode(code).unwrap()).await;
        let hash = send_all(&devnet, contract, Bytes::new()).await;
        let text = view(&devnet, &format!("/tx/{hash}")).await;
        assert!(!text.contains("No trace"), "{text}");
        assert!(text.contains(&format!("/tx/{hash}/calls?from=")), "{text}");
        assert_eq!(
            text.contains(" deep:") && text.contains(" more</a>"),
            failed,
            "{text}"
        );
        let path = format!("/tx/{hash}/calls");
        let all = count(&devnet, &path, "Calls", "<li id=\"c").await;
        assert!(all > 400, "{all}");
        assert_eq!(
            count(&devnet, &path, "Calls", &format!("depth {},", all - 1)).await,
            1
        );
        view(&devnet, &format!("/tx/{hash}/data/call-{}-input", all - 1)).await;
        let behind = get(&devnet, &format!("/tx/{hash}/data/call-{all}-input")).await;
        assert_eq!(behind.status, 404);
    }
    devnet.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_with_more_bytes_than_an_answer_has_are_on_pages() {
    let devnet = devnet(|_| {}).await;
    // Gives 0x77 eight kilobytes, a thousand times: 16 MB as JSON.
    let caller = contract_of(
        &devnet,
        &hex!("6103e85b5f5f6120005f60775afa50600190038060035700"),
    )
    .await;
    let hash = send_all(&devnet, caller, Bytes::new()).await;
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    assert!(text.contains(&format!("/tx/{hash}/calls?from=")), "{text}");
    assert!(text.contains("8,192 bytes"), "{text}");
    let path = format!("/tx/{hash}/calls");
    assert_eq!(count(&devnet, &path, "Calls", "<li id=\"c").await, 1_001);
    let text = view(&devnet, &format!("/tx/{hash}/data/call-700-input")).await;
    assert!(text.contains("Bytes (8,192)"), "{text}");
    devnet.stop();
}

/// An ABI with names as long as they may be, under a name that wants to be more.
fn abi() -> Value {
    let long = |number: usize| format!("{}{number}", "n".repeat(990));
    let functions = (0..600).map(|number| {
        let inputs: Vec<Value> = (0..3).map(|_| json!({ "name": long(number), "type": "uint256[][]" })).collect();
        json!({ "type": "function", "name": format!("f{number}"), "stateMutability": if number % 2 == 0 { "view" } else { "payable" }, "inputs": inputs, "outputs": [] })
    });
    let errors =
        (0..200).map(|number| json!({ "type": "error", "name": long(number), "inputs": [] }));
    let events = (0..200).map(
        |number| json!({ "type": "event", "name": long(number), "anonymous": false, "inputs": [] }),
    );
    functions.chain(errors).chain(events).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_abi_and_call_data_make_pages_that_go_on() {
    let devnet = devnet(|_| {}).await;
    let token = hostile_token(&devnet).await;
    call(&devnet, "rollup_addAbi", json!([abi(), HOSTILE, token])).await;
    let name: String = HOSTILE.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let path = format!("/abis?name={name}");
    for (what, expected) in [
        ("<li>function ", 600),
        ("<li>error ", 200),
        ("<li>event ", 200),
    ] {
        assert_eq!(
            count(&devnet, &path, "What it has", what).await,
            expected,
            "{what}"
        );
    }
    let path = format!("/address/{token}/contract");
    assert_eq!(
        count(&devnet, &path, "Functions", "<details class=\"function\"").await,
        600
    );
    // The form of one that is far behind is on the page that its address leads to.
    let text = view(
        &devnet,
        &format!("{path}?f=f599(uint256[][],uint256[][],uint256[][])"),
    )
    .await;
    assert!(text.contains("open><summary><code>f599("), "{text}");
    view(&devnet, "/abis").await;
    view(&devnet, "/search?q=f7").await;
    // A list of lists, as much as fits.
    let mut data = keccak256("f1(uint256[][],uint256[][],uint256[][])")[..4].to_vec();
    let word = |number: usize| U256::from(number).to_be_bytes::<32>();
    // Two empty lists, and one of 40 with 30 numbers each.
    data.extend([word(96), word(96), word(128), word(0), word(40)].concat());
    (0..40).for_each(|at| data.extend(word(40 * 32 + at * 31 * 32)));
    for _ in 0..40 {
        data.extend(word(30));
        (0..30).for_each(|number| data.extend(word(number)));
    }
    let hash = send_all(&devnet, token, data.into()).await;
    let text = view(&devnet, &format!("/tx/{hash}")).await;
    let path = format!("/tx/{hash}/data/input");
    assert!(text.contains(&format!("href=\"{path}\"")), "{text}");
    // Two that are empty, and all numbers.
    assert_eq!(
        count(&devnet, &path, "Values", "<td class=\"number\">").await,
        2 + 40 * 30
    );
    devnet.stop();
}
