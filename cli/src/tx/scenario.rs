//! Deposits and batches of a scenario, as bytes.

use anyhow::{Context, anyhow, bail};
use messages::address::{self, Kind};
use messages::contract::Contract;
use messages::external;
use messages::inbox::{Message, Transfer};
use messages::micheline::{Node, write};
use messages::outbox::Entrypoint;
use serde_json::{Value, json};
use tx_kernel::encoding::{Content, Signer, StringTicket, Tz4, put, string_ticket};
use tx_kernel::inbox::Framing;
use tx_kernel::wallet::{self, Key};

/// The most bytes of an inbox message, its tag included.
const MOST: usize = 4096;

/// Keys by the names of their files.
pub(crate) struct Wallet {
    keys: Vec<(String, Key)>,
}

impl Wallet {
    pub(crate) fn new(keys: Vec<(String, Key)>) -> Self {
        Self { keys }
    }

    /// The name of an address, where a key has it.
    pub(crate) fn name(&self, address: &Tz4) -> Option<&str> {
        let mut keys = self.keys.iter();
        let found = keys.find(|(_, key)| key.address() == *address);
        found.map(|(name, _)| name.as_str())
    }

    /// The address that `text` is or names.
    fn address(&self, text: &str) -> anyhow::Result<Tz4> {
        if let Some((_, key)) = self.keys.iter().find(|(name, _)| name == text) {
            return Ok(key.address());
        }
        let hash = address::parse(Kind::Tz4, text);
        let hash = hash.with_context(|| {
            format!("{text:?} is neither a tz4 address nor the name of a --key file")
        })?;
        hash.try_into().map_err(|_| anyhow!("{text} is too long"))
    }

    /// The key of whom `text` names.
    fn key(&self, text: &str) -> anyhow::Result<&Key> {
        let address = self.address(text)?;
        let mut keys = self.keys.iter().map(|(_, key)| key);
        let key = keys.find(|key| key.address() == address);
        key.with_context(|| format!("no --key FILE for {text}"))
    }
}

/// An array of levels as the messages that `run` takes.
pub(crate) fn inputs(
    levels: &Value,
    wallet: &Wallet,
    rollup: &[u8; 20],
    framing: Framing,
) -> anyhow::Result<Value> {
    let item = |item: &Value| {
        if let Some(fields) = item.get("deposit") {
            let message = deposit(fields, wallet, rollup).context("\"deposit\"")?;
            Ok(json!({ "serialized": hex::encode(message) }))
        } else if let Some(transactions) = item.get("batch") {
            let message = batch(transactions, wallet, rollup, framing).context("\"batch\"")?;
            Ok(json!({ "external": hex::encode(message) }))
        } else {
            bail!("neither {{\"deposit\": …}} nor {{\"batch\": …}}: {item}")
        }
    };
    let levels = each(levels, "an array of levels")?.map(|(index, level)| {
        let items = each(level, "an array of deposits and batches")
            .with_context(|| format!("level {index}"))?;
        let items = items.map(|(number, one)| {
            item(one).with_context(|| format!("level {index}, item {number}"))
        });
        items.collect::<anyhow::Result<Value>>()
    });
    levels.collect()
}

/// A contract's call that brings tickets.
fn deposit(fields: &Value, wallet: &Wallet, rollup: &[u8; 20]) -> anyhow::Result<Vec<u8>> {
    let receiver = wallet.address(text(fields, "to")?)?;
    let node = ticket(fields)?;
    let mut payload = Vec::new();
    write::pair(
        &mut payload,
        |out| write::string(out, &super::print(Kind::Tz4, &receiver)),
        |out| out.extend(node),
    );
    // Whoever brings them is as good as another.
    let call = Transfer {
        payload: &payload,
        sender: &[0; 20],
        source: &[0; 21],
        destination: rollup,
    };
    Ok(Message::Transfer(call).encode())
}

/// A signed batch: an array of transactions, each an array of operations.
pub(crate) fn batch(
    transactions: &Value,
    wallet: &Wallet,
    rollup: &[u8; 20],
    framing: Framing,
) -> anyhow::Result<Vec<u8>> {
    let transactions =
        each(transactions, "an array of transactions")?.map(|(index, operations)| {
            let here = || format!("transaction {index}");
            let operations = each(operations, "an array of operations").with_context(here)?;
            let (mut bytes, mut signers) = (Vec::new(), Vec::new());
            for (number, fields) in operations {
                let operation = operation(fields, wallet);
                let (operation, signer) = operation
                    .with_context(|| format!("transaction {index}, operation {number}"))?;
                bytes.push(operation);
                signers.push(signer);
            }
            Ok((put::transaction(&bytes), signers))
        });
    let transactions = transactions.collect::<anyhow::Result<Vec<_>>>()?;
    let batch = wallet::batch(&transactions, framing.prefix(rollup));
    let batch = batch.map_err(|error| anyhow!("the batch has no signers ({error:?})"))?;
    let message = match framing {
        Framing::Optional => batch,
        Framing::Required => external::frame(rollup, &batch),
    };
    if message.len() >= MOST {
        bail!(
            "the message has {} bytes, but the inbox takes at most {}: split the batch",
            message.len(),
            MOST - 1
        );
    }
    Ok(message)
}

fn operation<'w>(fields: &Value, wallet: &'w Wallet) -> anyhow::Result<(Vec<u8>, &'w Key)> {
    let key = wallet.key(text(fields, "signer")?)?;
    let counter = fields["counter"].as_i64();
    let counter = counter
        .context("missing \"counter\": the number of operations that the signer has made")?;
    let reveal = fields["reveal"].as_bool().unwrap_or(counter == 0);
    let contents = each(&fields["contents"], "\"contents\", an array")?
        .map(|(_, fields)| content(fields, wallet))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let address = key.address();
    let signer = if reveal {
        Signer::PublicKey(key.public_key())
    } else {
        Signer::Address(&address)
    };
    Ok((put::operation(&signer, counter, &contents), key))
}

fn content(fields: &Value, wallet: &Wallet) -> anyhow::Result<Vec<u8>> {
    if let Some(fields) = fields.get("transfer") {
        let node = ticket(fields)?;
        return Ok(put::content(&Content::Transfer {
            destination: &wallet.address(text(fields, "to")?)?,
            ticket: StringTicket::from_node(Node::parse(&node)?)?,
        }));
    }
    let Some(fields) = fields.get("withdraw") else {
        bail!("neither {{\"transfer\": …}} nor {{\"withdraw\": …}}: {fields}");
    };
    let node = ticket(fields)?;
    let to = text(fields, "to")?;
    let contract = Contract::from_base58(to).with_context(|| to.to_owned())?;
    let entrypoint = fields["entrypoint"].as_str().unwrap_or_default();
    Ok(put::content(&Content::Withdrawal {
        destination: contract
            .originated()
            .context("only a KT1… contract can receive tickets")?,
        ticket: StringTicket::from_node(Node::parse(&node)?)?,
        entrypoint: Entrypoint::new(entrypoint).context("\"entrypoint\"")?,
    }))
}

/// The ticket of `{"ticketer": KT1…, "content": TEXT, "amount": NUMBER}`.
fn ticket(fields: &Value) -> anyhow::Result<Vec<u8>> {
    let ticketer = text(fields, "ticketer")?;
    let contract = Contract::from_base58(ticketer).with_context(|| ticketer.to_owned())?;
    let amount = fields["amount"].as_u64();
    let amount = amount.context("expected an \"amount\" of 0 to 2^64 - 1")?;
    Ok(string_ticket(&contract, text(fields, "content")?, amount))
}

fn text<'v>(fields: &'v Value, name: &str) -> anyhow::Result<&'v str> {
    let text = fields[name].as_str();
    text.with_context(|| format!("no text {name:?} in {fields}"))
}

fn each<'v>(
    value: &'v Value,
    what: &str,
) -> anyhow::Result<impl Iterator<Item = (usize, &'v Value)>> {
    let array = value
        .as_array()
        .with_context(|| format!("not {what}: {value}"));
    Ok(array?.iter().enumerate())
}
