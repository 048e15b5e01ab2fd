//! Keys that everybody has: those of Tezos' sandboxes, which examples use.

use michelson::{Type, encoding};

/// The first five accounts of a sandbox ("bootstrap"), with their public keys. Their secret keys are
/// in Octez' sources.
const SANDBOX: [(&str, &str); 5] = [
    (
        "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx",
        "edpkuBknW28nW72KG6RoHtYW7p12T6GKc7nAbwYX5m8Wd9sDVC9yav",
    ),
    (
        "tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN",
        "edpktzNbDAUjUk697W7gYg2CRuBQjyPxbEg8dLccYYwKSKvkPvjtV9",
    ),
    (
        "tz1faswCTDciRzE4oJ9jn2Vm2dvjeyA9fUzU",
        "edpkuTXkJDGcFd5nh6VvMz8phXxU3Bi7h6hqgywNFi1vZTfQNnS1RV",
    ),
    (
        "tz1b7tUupMgCNw2cCLpKTkSD1NZzB5TkP2sv",
        "edpkuFrRoDSEbJYgxRtLx2ps82UdaYc1WwfS9sE11yhauZt5DgCHbU",
    ),
    (
        "tz1ddb9NMYHZi5UzPdzTZMYQQZoMub195zgv",
        "edpkv8EUUH68jmo3f7Um5PezmfGrRF24gnfLpH3sVNwJnV5bVCxL2n",
    ),
];

/// A warning if everybody can sign for the deployer or for a key of governance.
pub(super) fn warnings(deployer: &str, keys: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    if SANDBOX.iter().any(|(account, _)| *account == deployer) {
        warnings.push(format!(
            "--deployer {deployer} is an account of Tezos' sandboxes: everybody has its key, and can \
             wire the contracts to another rollup. Name an account of your own"
        ));
    }
    for key in keys.iter().filter(|key| is_public(key)) {
        warnings.push(format!(
            "--governance-key {key} is of Tezos' sandboxes or of the devnet: everybody can sign with \
             it. Name a key of your own"
        ));
    }
    warnings
}

/// Returns `true` if the secret key is published.
fn is_public(key: &str) -> bool {
    let devnet = || {
        let bytes = encoding::from_base58(key, &Type::Key).unwrap_or_default();
        let mut governors = layer1::devnet::governors().into_iter();
        governors.any(|pair| bytes.ends_with(pair.pk.as_slice()))
    };
    SANDBOX.iter().any(|(_, known)| *known == key) || devnet()
}

#[cfg(test)]
mod tests {
    use super::{SANDBOX, warnings};
    use messages::hash::blake2b_160;
    use michelson::{Type, encoding};

    #[test]
    fn each_account_is_the_hash_of_its_key() {
        for (account, key) in SANDBOX {
            let hash = encoding::from_base58(account, &Type::KeyHash).unwrap();
            let key = encoding::from_base58(key, &Type::Key).unwrap();
            // Both begin with the tag of Ed25519.
            assert_eq!((hash[0], key[0]), (0, 0));
            assert_eq!(hash[1..], blake2b_160(&key[1..]));
        }
    }

    #[test]
    fn keys_that_everybody_has_are_warned_of() {
        let own = "edpkthKSgqEffKMjuAqPfuAEJinqwC16RQMjyyqttLkFDQaShXBLak";
        let (account, key) = SANDBOX[1];
        assert_eq!(warnings(account, &[key.to_owned()]).len(), 2);
        let account = "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU";
        assert_eq!(warnings(account, &[own.to_owned()]), Vec::<String>::new());
    }
}
