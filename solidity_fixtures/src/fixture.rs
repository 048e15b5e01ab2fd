//! A compiled contract.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes, keccak256};
use serde_json::Value;

use crate::abi;

/// What the compiler made of one contract.
#[derive(Debug)]
pub struct Fixture {
    /// The contract's name in its source.
    pub name: String,
    /// The contract's interface, as the compiler prints it.
    pub abi: Value,
    /// Runs once and returns [`Self::deployed_code`]; constructor arguments follow it.
    pub creation_code: Bytes,
    /// The code at the contract's address; immutables are zero in it.
    pub deployed_code: Bytes,
    /// The compiler's full version.
    pub compiler: String,
}

/// A fixture that is read when first used.
pub(crate) type Lazy = LazyLock<Fixture>;

/// `artifact!(NAME, name, "Contract")`: the compiled contract, as a static and as a function.
macro_rules! artifact {
    ($fixture:ident, $function:ident, $contract:literal) => {
        static $fixture: $crate::fixture::Lazy = $crate::fixture::Lazy::new(|| {
            $crate::Fixture::read(include_str!(concat!("../artifacts/", $contract, ".json")))
        });

        #[doc = concat!("The compiled contract `", $contract, "`.")]
        #[must_use]
        pub fn $function() -> &'static $crate::Fixture {
            &$fixture
        }
    };
}
pub(crate) use artifact;

impl Fixture {
    /// Reads a committed artefact; one that is not what `build.mjs` writes is a mistake of ours.
    pub(crate) fn read(artifact: &str) -> Self {
        let artifact: Value = serde_json::from_str(artifact).expect("artefacts are JSON");
        let text = |key: &str| {
            artifact[key]
                .as_str()
                .expect("artefacts are complete")
                .to_owned()
        };
        let code = |key: &str| text(key).parse().expect("code is hex");
        Self {
            name: text("contract"),
            abi: artifact["abi"].clone(),
            creation_code: code("bytecode"),
            deployed_code: code("deployedBytecode"),
            compiler: text("compiler"),
        }
    }

    /// Creation code with the constructor's arguments: the data of a deploying transaction.
    #[must_use]
    pub fn deploy(&self, arguments: &[B256]) -> Bytes {
        self.deploy_with(arguments, &[])
    }

    /// [`Self::deploy`] with `bytes` or `string` arguments behind the others.
    #[must_use]
    pub fn deploy_with(&self, arguments: &[B256], dynamic: &[&[u8]]) -> Bytes {
        [&self.creation_code[..], &abi::arguments(arguments, dynamic)]
            .concat()
            .into()
    }

    /// Signatures (`name(type,…)`) of the interface's entries of one kind: `function`, `event`, `error`.
    #[must_use]
    pub fn signatures(&self, kind: &str) -> Vec<String> {
        let entries = self.abi.as_array().into_iter().flatten();
        entries
            .filter(|entry| entry["type"] == kind)
            .map(|entry| {
                let inputs = entry["inputs"].as_array().into_iter().flatten();
                let types: Vec<_> = inputs.map(type_name).collect();
                format!(
                    "{}({})",
                    entry["name"].as_str().unwrap_or_default(),
                    types.join(",")
                )
            })
            .collect()
    }

    /// Calldata for a function of the interface.
    ///
    /// # Panics
    /// When the interface has no such function: a typo in a test should not become a revert.
    pub(crate) fn call(&self, signature: &str, arguments: &[B256]) -> Bytes {
        self.call_with(signature, arguments, &[])
    }

    /// [`Self::call`] with `bytes` or `string` arguments behind the others.
    ///
    /// # Panics
    /// As [`Self::call`].
    pub(crate) fn call_with(
        &self,
        signature: &str,
        arguments: &[B256],
        dynamic: &[&[u8]],
    ) -> Bytes {
        self.expect("function", signature);
        abi::call_with(signature, arguments, dynamic)
    }

    /// [`Self::call`] with arguments of any kind in any order.
    ///
    /// # Panics
    /// As [`Self::call`].
    pub(crate) fn call_mixed(&self, signature: &str, arguments: &[abi::Argument<'_>]) -> Bytes {
        self.expect("function", signature);
        [&abi::selector(signature)[..], &abi::mixed(arguments)]
            .concat()
            .into()
    }

    /// The first topic of an event of the interface.
    ///
    /// # Panics
    /// When the interface has no such event.
    pub(crate) fn topic(&self, signature: &str) -> B256 {
        self.expect("event", signature);
        keccak256(signature)
    }

    /// The revert data of an error of the interface.
    ///
    /// # Panics
    /// When the interface has no such error.
    pub(crate) fn error(&self, signature: &str, arguments: &[B256]) -> Bytes {
        self.error_with(signature, arguments, &[])
    }

    /// [`Self::error`] with `bytes` or `string` arguments behind the others.
    ///
    /// # Panics
    /// As [`Self::error`].
    pub(crate) fn error_with(
        &self,
        signature: &str,
        arguments: &[B256],
        dynamic: &[&[u8]],
    ) -> Bytes {
        self.expect("error", signature);
        abi::call_with(signature, arguments, dynamic)
    }

    fn expect(&self, kind: &str, signature: &str) {
        let found = self.signatures(kind).iter().any(|known| known == signature);
        assert!(found, "{} has no {kind} {signature}", self.name);
    }
}

/// A parameter's type, a struct as the list of its members' types.
fn type_name(input: &Value) -> String {
    let name = input["type"].as_str().unwrap_or_default();
    match name.strip_prefix("tuple") {
        Some(dimensions) => {
            let members = input["components"].as_array().into_iter().flatten();
            let members: Vec<_> = members.map(type_name).collect();
            format!("({}){dimensions}", members.join(","))
        }
        None => name.to_owned(),
    }
}
