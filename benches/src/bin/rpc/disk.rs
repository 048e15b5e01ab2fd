//! A devnet with a store: how long a client waits for a receipt, beside what the disk takes to
//! keep a page.

use crate::latency::{ALONE, alone};
use crate::time;
use e2e_tests::folder::Folder;
use std::error::Error;
use std::fs::File;
use std::io::{Seek, Write};
use tokio::net::TcpStream;

/// The bytes of a page of the store.
const PAGE: usize = 4_096;

pub(crate) async fn measure() -> Result<(), Box<dyn Error>> {
    let folder = Folder::new("bench of a disk");
    let mut file = File::create(folder.0.join("page"))?;
    let page = [7; PAGE];
    file.write_all(&page.repeat(256))?;
    file.sync_all()?;
    let keep = async || -> std::io::Result<()> {
        let mut file = &file;
        file.rewind()?;
        file.write_all(&page)?;
        file.sync_data()
    };
    time("the disk: a page written, and fsync", ALONE, keep).await;
    let mut options = crate::options();
    options.data_dir = Some(folder.0.join("store"));
    let devnet = node::devnet(options).await?;
    let stream = TcpStream::connect(devnet.address()).await?;
    println!("with a store:");
    alone(&devnet, stream).await?;
    devnet.stop();
    Ok(())
}
