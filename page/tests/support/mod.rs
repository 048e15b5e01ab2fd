//! A devnet with pages, asked over HTTP, and contracts that say what is hostile.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use node::rpc::params::Params;
use node::{Handle, Options};
use page::Pages;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes of a view.
pub(crate) const MOST: usize = 100_000;

/// What nobody may get into a page.
pub(crate) const HOSTILE: &str = "\"><script src=/x>hacked()</script><img src=x onerror=hacked()>";

/// The compiled kernel.
pub(crate) fn kernel() -> PathBuf {
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    assert!(
        kernel.is_file(),
        "no kernel at {}; `make kernel` builds it",
        kernel.display()
    );
    kernel
}

pub(crate) async fn devnet(change: impl FnOnce(&mut Options)) -> Handle {
    let mut options = Options::new(kernel());
    options.site = Some(Arc::new(Pages::default()));
    change(&mut options);
    node::devnet(options).await.expect("the devnet starts")
}

pub(crate) async fn call(devnet: &Handle, method: &str, params: Value) -> Value {
    let Value::Array(list) = params.clone() else {
        panic!("params are a list")
    };
    match node::rpc::call(devnet.miner(), method, Params::new(list)).await {
        Ok(result) => result,
        Err(error) => panic!("{method} {params}: {error:?}"),
    }
}

/// An answer of the node's port.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) policy: String,
    pub(crate) location: String,
    pub(crate) text: String,
}

pub(crate) async fn get(devnet: &Handle, path: &str) -> Got {
    let url = format!("{}{path}", devnet.url());
    let asked = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        let mut answer = agent.get(url).call().unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        let (policy, location) = (header("content-security-policy"), header("location"));
        Got {
            status: answer.status().as_u16(),
            policy,
            location,
            text: answer.body_mut().read_to_string().unwrap(),
        }
    });
    asked.await.unwrap()
}

/// A view that is there: its text, with what holds for all of them.
pub(crate) async fn view(devnet: &Handle, path: &str) -> String {
    let got = get(devnet, path).await;
    assert_eq!(got.status, 200, "{path}: {}", got.text);
    check(path, &got);
    got.text
}

pub(crate) fn check(path: &str, got: &Got) {
    assert!(
        got.policy
            .starts_with("default-src 'none'; script-src 'self'"),
        "{path}: {}",
        got.policy
    );
    assert!(got.text.len() <= MOST, "{path}: {} bytes", got.text.len());
    assert!(got.text.contains("<main id=\"main\""), "{path}");
    assert!(got.text.contains("<h1>"), "{path}");
    // One script, which is ours; no element, attribute or link of a stranger's.
    assert_eq!(page::fuzzing::stranger(&got.text), None, "{path}");
    assert_eq!(got.text.matches("<script").count(), 1, "{path}");
    for bad in [
        "<img",
        " onerror=",
        " onload=",
        " style=",
        "<style",
        "javascript:",
    ] {
        let inside_text = got.text.replace(&escaped(HOSTILE), "");
        assert!(!inside_text.contains(bad), "{path}: {bad}");
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Text as a function gives it back.
pub(crate) fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = U256::from(32).to_be_bytes::<32>().to_vec();
    bytes.extend(U256::from(text.len()).to_be_bytes::<32>());
    bytes.extend(text.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes
}

/// Initcode of a contract that runs `head` and then ends with the bytes behind it: returned by 0xf3,
/// reverted with by 0xfd.
pub(crate) fn contract(head: &[u8], bytes: &[u8], end: u8) -> Bytes {
    // PUSH2 size, PUSH2 at, PUSH0, CODECOPY, head, PUSH2 size, PUSH0, end.
    let size = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let at = u16::try_from(8 + head.len() + 5).unwrap().to_be_bytes();
    let mut runtime = vec![0x61, size[0], size[1], 0x61, at[0], at[1], 0x5f, 0x39];
    runtime.extend(head);
    runtime.extend([0x61, size[0], size[1], 0x5f, end]);
    runtime.extend(bytes);
    let length = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    let mut init = vec![
        0x61, length[0], length[1], 0x80, 0x60, 12, 0x60, 0, 0x39, 0x60, 0, 0xf3,
    ];
    init.extend(runtime);
    init.into()
}

/// Sends a call, and gives its hash and receipt.
pub(crate) async fn send(devnet: &Handle, to: Option<Address>, data: Bytes) -> (String, Value) {
    let from = devnet.accounts()[0].address;
    let request = json!([{ "from": from, "to": to, "data": data, "gas": "0x7a120" }]);
    let hash = call(devnet, "eth_sendTransaction", request).await;
    let receipt = call(devnet, "eth_getTransactionReceipt", json!([hash])).await;
    (hash.as_str().unwrap().to_owned(), receipt)
}

pub(crate) async fn deploy(devnet: &Handle, initcode: Bytes) -> Address {
    let (_, receipt) = send(devnet, None, initcode).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    receipt["contractAddress"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// A token that says of itself what is hostile, and logs a transfer whenever it is called.
pub(crate) async fn hostile_token(devnet: &Handle) -> Address {
    let mut head = Vec::new();
    // LOG3 of 32 bytes: Transfer from this contract to the first account.
    head.push(0x73);
    head.extend(devnet.accounts()[0].address);
    head.push(0x30);
    head.push(0x7f);
    head.extend(keccak256("Transfer(address,address,uint256)"));
    head.extend([0x60, 0x20, 0x5f, 0xa3]);
    deploy(devnet, contract(&head, &encoded(HOSTILE), 0xf3)).await
}
