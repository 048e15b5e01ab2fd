//! Ethereum's state root after a block of 200 ERC-20 transfers, where a million
//! accounts exist and hold tokens.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use node::genesis::{Genesis, GenesisAccount};
use node::rpc::params::Params;
use node::{BlockTime, Handle, Options};
use serde_json::{Value, json};
use solidity_fixtures::erc20;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

const ACCOUNTS: u64 = 1_000_000;
const TRANSFERS: u64 = 200;
const BLOCKS: u64 = 11;
const TOKEN: Address = Address::repeat_byte(0xe2);

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/kernel/evm_kernel.wasm");
    let code = code(Options::new(&kernel)).await?;
    let mut options = Options::new(&kernel);
    options.accounts = TRANSFERS as u32;
    options.block_time = BlockTime::Manual;
    let senders = node::accounts::derive(options.accounts)?;
    let senders = senders.iter().map(|account| account.address);
    options.genesis = genesis(senders.chain((0..ACCOUNTS).map(holder)), code);
    let start = Instant::now();
    let devnet = node::devnet(options).await?;
    println!(
        "{ACCOUNTS} accounts with tokens: the devnet starts in {:.1?}",
        start.elapsed()
    );
    let start = Instant::now();
    root(&devnet)?;
    println!(
        "their first state root, from nothing: {:.1?}",
        start.elapsed()
    );
    let mut took = Vec::new();
    for block in 0..BLOCKS {
        for (index, account) in devnet.accounts().iter().enumerate() {
            let to = holder(ACCOUNTS / BLOCKS * block + 4_000 * index as u64);
            let data = erc20::transfer(to, U256::from(5));
            let transfer =
                json!({ "from": account.address, "to": TOKEN, "data": data, "gas": "0x20000" });
            call(&devnet, "eth_sendTransaction", json!([transfer])).await?;
        }
        call(&devnet, "evm_mine", json!([])).await?;
        let count = call(
            &devnet,
            "eth_getBlockTransactionCountByNumber",
            json!(["latest"]),
        )
        .await?;
        assert_eq!(count, format!("{TRANSFERS:#x}"));
        let start = Instant::now();
        root(&devnet)?;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    println!(
        "state root after {TRANSFERS} ERC-20 transfers: {:.2?} (median of {BLOCKS}), {:.2?} at worst",
        took[took.len() / 2],
        took[took.len() - 1]
    );
    devnet.stop();
    Ok(())
}

fn holder(index: u64) -> Address {
    Address::from_word(keccak256(index.to_be_bytes()))
}

/// The token's code, from a chain where it was deployed.
async fn code(options: Options) -> Result<Bytes, Box<dyn Error>> {
    let devnet = node::devnet(options).await?;
    let from = devnet.accounts()[0].address;
    let deploy = json!([{ "from": from, "data": erc20::deploy(U256::from(1)) }]);
    call(&devnet, "eth_sendTransaction", deploy).await?;
    let code = call(&devnet, "eth_getCode", json!([from.create(0), "latest"])).await?;
    devnet.stop();
    Ok(code.as_str().unwrap_or_default().parse()?)
}

/// Accounts with a unit and a million tokens each.
fn genesis(holders: impl Iterator<Item = Address>, code: Bytes) -> Genesis {
    let mut genesis = Genesis::default();
    let mut token = GenesisAccount {
        nonce: 1,
        code,
        ..GenesisAccount::default()
    };
    for address in holders {
        token
            .storage
            .insert(erc20::balance_slot(address), U256::from(1_000_000));
        let account = genesis.alloc.entry(address).or_default();
        account.balance = U256::from(10).pow(U256::from(18));
    }
    genesis.alloc.insert(TOKEN, token);
    genesis
}

fn root(devnet: &Handle) -> Result<(), Box<dyn Error>> {
    let latest = devnet.node().latest()?;
    devnet.node().proofs.root(latest.state()?)?;
    Ok(())
}

async fn call(devnet: &Handle, method: &str, params: Value) -> Result<Value, String> {
    let params = params.as_array().cloned().unwrap_or_default();
    let outcome = node::rpc::call(devnet.miner(), method, Params::new(params)).await;
    outcome.map_err(|error| error.message)
}
