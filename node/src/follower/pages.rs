//! Preimage pages that are not in the folder yet, from an endpoint as the rollup node's
//! `--pre-images-endpoint`: a page at `URL/HASH`.

use crate::tls;
use pvm::reveal::{self, MAX_PREIMAGE};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// The most pages that are fetched at once: 40 MB.
const MOST: usize = 10_000;

/// The bytes of a page before its hashes: tag and length.
const HEADER: usize = 5;

/// The tag of a page of hashes.
const HASHES: u8 = 1;

/// The server of pages, and the folder that keeps them.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    agent: ureq::Agent,
    url: String,
    folder: PathBuf,
}

impl Pages {
    /// Pages from below a URL, which are kept in a folder.
    pub(super) fn new(url: &str, folder: PathBuf, patience: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .tls_config(tls::config())
            .timeout_global(Some(patience))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            url: url.trim_end_matches('/').to_owned(),
            folder,
        }
    }

    /// Fetches a page, by the hex of its hash, with those that it names: kernels reveal trees
    /// of pages. Only the page itself has to be there.
    ///
    /// # Errors
    /// Why the page is not there.
    pub(super) fn fetch(&self, name: &str) -> Result<(), String> {
        let hash = hex::decode(name).map_err(|error| error.to_string())?;
        let mut open = self.named(&self.page(&hash)?);
        let mut fetched = 1;
        while let Some(hash) = open.pop() {
            if fetched >= MOST {
                break;
            }
            if self.folder.join(hex::encode(&hash)).is_file() {
                continue;
            }
            // The kernel asks for it, if it is one.
            let Ok(page) = self.page(&hash) else { break };
            fetched += 1;
            open.extend(self.named(&page));
        }
        tracing::info!("fetched {fetched} preimage pages from the endpoint");
        Ok(())
    }

    /// Fetches a page and keeps it.
    fn page(&self, hash: &[u8]) -> Result<Vec<u8>, String> {
        let name = hex::encode(hash);
        let answer = self.agent.get(format!("{}/{name}", self.url)).call();
        let mut answer = answer
            .map_err(|error| format!("the endpoint does not answer: {}", tls::explained(&error)))?;
        if answer.status() != 200 {
            return Err(format!(
                "the endpoint answers with status {}",
                answer.status().as_u16()
            ));
        }
        let body = answer
            .body_mut()
            .with_config()
            .limit(MAX_PREIMAGE as u64 + 1);
        let page = body.read_to_vec();
        let page = page.map_err(|error| format!("the endpoint's answer is not a page: {error}"))?;
        if page.len() > MAX_PREIMAGE || reveal::hash(&page) != hash {
            return Err("the endpoint's answer has another hash".into());
        }
        self.keep(&name, &page)
            .map_err(|error| format!("it cannot be kept in {}: {error}", self.folder.display()))?;
        Ok(page)
    }

    /// Writes a page in one move.
    fn keep(&self, name: &str, page: &[u8]) -> std::io::Result<()> {
        pvm::files::replace(&self.folder.join(name), |out| out.write_all(page))
    }

    /// The hashes in a page of hashes.
    fn named(&self, page: &[u8]) -> Vec<Vec<u8>> {
        match page.split_at_checked(HEADER) {
            Some(([HASHES, ..], hashes)) => {
                let hashes = hashes.chunks_exact(reveal::hash(b"").len());
                hashes
                    .filter(|hash| hash[0] == 0)
                    .map(<[u8]>::to_vec)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}
