//! Which chain is gone on from, and how its node is asked.

use super::remote::Manner;
use std::path::PathBuf;

/// Which chain is gone on from, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkOptions {
    /// The URL of its node.
    pub url: String,
    /// The block; `None`: the newest.
    pub block: Option<u64>,
    /// Limits of requests.
    pub manner: Manner,
    /// The place of the cache.
    pub cache: CachePlace,
}

/// The place of a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CachePlace {
    /// In the user's folder of caches; in memory alone for a node on this machine, where
    /// chains come and go.
    #[default]
    Default,
    /// In a folder.
    Folder(PathBuf),
    /// In memory alone.
    Memory,
}

/// Why a text is no URL that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme.
    #[error("expected http://HOST:PORT or https://HOST:PORT (or HOST:PORT, for http)")]
    Scheme,
    /// There is no host.
    #[error("there is no host")]
    NoHost,
    /// A port that there is not.
    #[error("there is no port {0}")]
    Port(String),
    /// The part behind the `@` is no number.
    #[error("no block number {0}")]
    Block(String),
    /// It names a block, and so does something else.
    #[error("the URL names a block, {0}, and so does another option")]
    TwoBlocks(u64),
}

impl ForkOptions {
    /// The newest block of the chain that a node has.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            block: None,
            manner: Manner::default(),
            cache: CachePlace::default(),
        }
    }

    /// Reads `URL` or `URL@BLOCK`; `HOST:PORT` stands for `http://HOST:PORT`. `block` is what is
    /// known of the block besides.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse(text: &str, block: Option<u64>) -> Result<Self, UrlError> {
        let (url, named) = match text.rsplit_once('@') {
            Some((url, named)) if !named.contains(['/', ':', '.']) && is_host(url) => {
                let number = named.parse();
                let number: u64 = number.map_err(|_| UrlError::Block(named.into()))?;
                (url, Some(number))
            }
            _ => (text, None),
        };
        if let (Some(named), Some(_)) = (named, block) {
            return Err(UrlError::TwoBlocks(named));
        }
        let url = match url {
            url if url.contains("://") => url.to_owned(),
            // A word alone may be anything: a file, a network's name.
            url if url.is_empty() || url.contains(':') => format!("http://{url}"),
            _ => return Err(UrlError::Scheme),
        };
        check(&url)?;
        Ok(Self {
            block: block.or(named),
            ..Self::new(url)
        })
    }
}

/// True if a host is left before an `@`: else what follows it is the host.
fn is_host(before: &str) -> bool {
    let authority = before.split_once("://").map_or(before, |(_, rest)| rest);
    !authority.is_empty()
}

fn check(url: &str) -> Result<(), UrlError> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        let start = url.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &url[scheme.len()..])
    });
    let rest = rest.ok_or(UrlError::Scheme)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match place.rsplit_once(':') {
        // The colons of an address of IPv6 are in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (place, None),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(UrlError::NoHost);
    }
    match port.map(str::parse::<u16>) {
        None => Ok(()),
        Some(Ok(number)) if number != 0 => Ok(()),
        Some(_) => Err(UrlError::Port(port.unwrap_or_default().into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_a_scheme_a_host_a_port_and_perhaps_a_block() {
        for (text, url, block) in [
            (
                "https://eth.example/v2/key",
                "https://eth.example/v2/key",
                None,
            ),
            ("127.0.0.1:8545@7", "http://127.0.0.1:8545", Some(7)),
            ("http://[::1]:8545", "http://[::1]:8545", None),
            ("http://[::1]", "http://[::1]", None),
            (
                "http://user:word@localhost:1/",
                "http://user:word@localhost:1/",
                None,
            ),
            ("HTTP://eth.example@0", "HTTP://eth.example", Some(0)),
        ] {
            let options = ForkOptions::parse(text, None).unwrap();
            assert_eq!((options.url.as_str(), options.block), (url, block));
        }
        for (text, error) in [
            ("", UrlError::NoHost),
            ("http://", UrlError::NoHost),
            ("http://:80", UrlError::NoHost),
            ("ws://localhost", UrlError::Scheme),
            ("mainnet", UrlError::Scheme),
            ("eth.example/v2/key", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Scheme),
            ("http://localhost:99999", UrlError::Port("99999".into())),
            ("localhost:", UrlError::Port(String::new())),
            ("localhost:0", UrlError::Port("0".into())),
            ("http://localhost:1@x", UrlError::Block("x".into())),
        ] {
            assert_eq!(ForkOptions::parse(text, None), Err(error), "{text}");
        }
        let two = ForkOptions::parse("http://localhost@3", Some(5));
        assert_eq!(two, Err(UrlError::TwoBlocks(3)));
        let one = ForkOptions::parse("http://localhost", Some(5)).unwrap();
        assert_eq!(one.block, Some(5));
    }
}
