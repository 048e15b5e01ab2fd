//! Bytes that keys sign for the governance contract (`contracts/layer1/governance.tz`), and the
//! call with their signatures.

use super::decision::time;
use crate::address::{Kt1, Sr1};
use anyhow::{Context, ensure};
use clap::Args;
use jiff::Timestamp;
use michelson::signature::is_signed;
use michelson::{Node, Type, Value, encoding};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

/// The options for a decision of a multisig.
#[derive(Args, Debug)]
pub(crate) struct Multisig {
    /// The governance contract: print what its keys sign
    #[arg(long, global = true, value_name = "KT1…")]
    multisig: Option<Kt1>,
    /// The chain of layer 1 (`octez-client rpc get /chains/main/chain_id`)
    #[arg(long, global = true, value_name = "Net…")]
    network: Option<String>,
    /// The contract's counter
    #[arg(long, global = true, value_name = "NUMBER")]
    nonce: Option<u32>,
    /// The time at which the signatures expire, such as 2026-12-24T12:00Z
    #[arg(long, global = true, value_name = "TIME")]
    expires: Option<String>,
    /// A key and its signature; with enough of them, the call is printed
    #[arg(long = "signature", global = true, value_name = "edpk…=edsig…")]
    signatures: Vec<String>,
}

/// Options for signing, or for calling.
#[derive(Debug)]
pub(super) struct Signing {
    contract: Kt1,
    /// The bytes to sign.
    bytes: Vec<u8>,
    /// The parameter, if there are signatures.
    parameter: Option<Node>,
}

impl Multisig {
    /// The bytes to sign for `payload`, if a contract is named: it sends the payload to `rollup`.
    pub(super) fn signing(
        &self,
        rollup: impl FnOnce() -> anyhow::Result<Sr1>,
        payload: &[u8],
    ) -> anyhow::Result<Option<Signing>> {
        let Some(contract) = self.multisig else {
            let lone = self.network.is_some() || self.nonce.is_some() || self.expires.is_some();
            ensure!(
                !lone && self.signatures.is_empty(),
                "--network, --nonce, --expires and --signature are for --multisig KT1…"
            );
            return Ok(None);
        };
        let Sr1(rollup) = rollup()?;
        let network = self
            .network
            .as_deref()
            .context("--network Net… is missing")?;
        let network = encoding::from_base58(network, &Type::ChainId)
            .map_err(|why| anyhow::anyhow!("--network {network}: {why}"))?;
        let nonce = self
            .nonce
            .context("--nonce is missing: the contract's counter")?;
        let expires = self.expires.as_deref().context("--expires is missing")?;
        let expires = time(expires)?;
        ensure!(
            expires > Timestamp::now().as_second(),
            "the signatures would have expired: --expires is past"
        );
        let send = Value::left(Value::pair(
            Value::Bytes([&[3], &rollup[..], &[0]].concat()),
            Value::Bytes(payload.to_vec()),
        ));
        let order = Value::pair(Value::Int(nonce.into()), Value::Int(expires.into()));
        let decision = Value::pair(order, send);
        let own = Value::Bytes([&[1], &contract.0[..], &[0]].concat());
        let place = Value::pair(Value::Bytes(network), own);
        let bytes = encoding::pack(&Value::pair(place, decision.clone()))?;
        let parameter = if self.signatures.is_empty() {
            None
        } else {
            let signatures = Value::Map(self.signatures(&bytes)?);
            Some(encoding::write(&Value::pair(decision, signatures)))
        };
        Ok(Some(Signing {
            contract,
            bytes,
            parameter,
        }))
    }

    /// The signatures by their keys, each of which is of `signed`: the contract refuses all
    /// for one that is not.
    fn signatures(&self, signed: &[u8]) -> anyhow::Result<BTreeMap<Value, Value>> {
        let mut signatures = BTreeMap::new();
        for text in &self.signatures {
            let (key, signature) = text
                .split_once('=')
                .with_context(|| format!("{text:?} is not KEY=SIGNATURE"))?;
            let bytes = |text: &str, ty: &Type| {
                let bytes = encoding::from_base58(text, ty);
                bytes.map_err(|why| anyhow::anyhow!("{text:?} is not a {ty}: {why}"))
            };
            let (by, made) = (bytes(key, &Type::Key)?, bytes(signature, &Type::Signature)?);
            ensure!(
                !key.starts_with("BLpk"),
                "{key}: signatures of keys of tz4 are not known here"
            );
            ensure!(
                is_signed(&by, &made, signed),
                "{signature} is not a signature of this decision by {key}: was it for another \
                 payload, --nonce, --expires, --network or --multisig?"
            );
            let twice = signatures.insert(Value::Bytes(by), Value::Bytes(made));
            ensure!(twice.is_none(), "{key} signs twice: it counts once");
        }
        Ok(signatures)
    }
}

impl Signing {
    /// For other signers.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "contract": self.contract.to_string(),
            "sign": format!("0x{}", hex::encode(&self.bytes)),
            "parameter": self.parameter.as_ref().map(Node::to_json),
        })
    }
}

/// Commands for `octez-client`.
impl fmt::Display for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = hex::encode(&self.bytes);
        writeln!(f, "sign       octez-client sign bytes 0x{bytes} for KEY")?;
        if let Some(parameter) = &self.parameter {
            writeln!(
                f,
                "call       octez-client call {} from SOURCE --arg '{parameter}' --burn-cap 1",
                self.contract
            )?;
        }
        Ok(())
    }
}
