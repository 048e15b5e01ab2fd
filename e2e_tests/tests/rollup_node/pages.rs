//! Pages of an upgrade that come late: the node waits, and serves.

use e2e_tests::folder::Folder;
use e2e_tests::followed::{Lab, call, ill, level_with, number, settle, well};
use pvm::preimages::page_tree;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;

/// Serves the files of a folder over HTTP; gives the URL.
fn endpoint(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/pages/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = String::new();
            let mut lines = BufReader::new(&stream);
            lines.read_line(&mut request).unwrap();
            let mut line = String::from("?");
            while !line.trim().is_empty() {
                line.clear();
                lines.read_line(&mut line).unwrap();
            }
            let path = request.split(' ').nth(1).unwrap_or_default();
            let name = path.strip_prefix("/pages/").unwrap_or("none");
            let page = std::fs::read(folder.join(name));
            let status = if page.is_ok() {
                "200 OK"
            } else {
                "404 Not Found"
            };
            let body = page.unwrap_or_default();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream
                .write_all(&[head.as_bytes(), &body].concat())
                .unwrap();
        }
    });
    url
}

/// A decision for a kernel with this root hash, at once.
fn upgrade(root: &[u8; 33]) -> Vec<u8> {
    [&[0xeb, 0xa1], &root[..], &[0x88], &0_i64.to_le_bytes()].concat()
}

/// The shipped kernel with other bytes.
fn new_kernel() -> Vec<u8> {
    [&e2e_tests::kernel()[..], &[0, 6, 5], b"other"].concat()
}

/// The files of a folder, in another one.
fn copy(from: &Folder, name: &str) -> Folder {
    let to = Folder::new(name);
    for page in std::fs::read_dir(&from.0).unwrap() {
        let page = page.unwrap();
        std::fs::copy(page.path(), to.0.join(page.file_name())).unwrap();
    }
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_waits_for_its_pages_and_the_node_serves() {
    let mut lab = Lab::new("late pages", 1, |_| {}).await;
    let own = copy(&lab.originated.pages, "late pages here");
    let mut options = lab.options();
    options.preimages = Some(own.0.clone());
    let node = lab.node_with(options).await;
    level_with(&node, &lab.double).await;
    // The rollup node has the pages, this node not.
    let new = new_kernel();
    let root = lab.originated.pages.publish(&new);
    lab.double.govern(upgrade(&root)).unwrap();
    lab.double.levels(3).unwrap();
    ill(&node, "waits: the preimage").await;
    let (hash, raw) = lab.transfer(0);
    let sent = call(&node, "eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(sent, json!(hash), "it takes transactions, too");
    // A page with other bytes is none.
    let tree = page_tree(&new);
    let (first, page) = &tree.pages[0];
    own.put(first, &page[1..]);
    ill(&node, "waits").await;
    for (hash, page) in &tree.pages {
        own.put(hash, page);
    }
    level_with(&node, &lab.double).await;
    well(&node).await;
    settle(&lab, &node, &[hash]).await;
    let latest = node.node().latest().unwrap();
    let state = latest.state.as_ref().unwrap();
    let kernel = state.get("/kernel/boot.wasm").unwrap().unwrap();
    assert!(kernel.bytes() == new, "the new kernel runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_from_an_endpoint_and_are_kept() {
    let lab = Lab::new("endpoint", 1, |_| {}).await;
    let own = Folder::new("endpoint here");
    let public = copy(&lab.originated.pages, "endpoint there");
    let mut options = lab.options();
    options.preimages = Some(own.0.clone());
    options.preimages_endpoint = Some(endpoint(public.0.clone()));
    // Not one page is in the folder.
    let node = lab.node_with(options).await;
    level_with(&node, &lab.double).await;
    let count = |folder: &Folder| std::fs::read_dir(&folder.0).unwrap().count();
    assert_eq!(count(&own), count(&public));
    // An upgrade whose pages the endpoint does not have yet, and then one of them wrong.
    let new = new_kernel();
    let root = lab.originated.pages.publish(&new);
    lab.double.govern(upgrade(&root)).unwrap();
    lab.double.levels(2).unwrap();
    ill(&node, "the endpoint answers with status 404").await;
    public.put(&root, b"another page");
    ill(&node, "the endpoint's answer has another hash").await;
    assert_eq!(number(&node, "eth_blockNumber", json!([])).await, 0);
    let _ = public.publish(&new);
    level_with(&node, &lab.double).await;
    well(&node).await;
    assert_eq!(count(&own), count(&public));
}
