//! Measures the size of the state after many transfers between the same accounts, through
//! the compiled kernel: `growth [TRANSFERS]`, a million without.
//!
//! A thousand of them come one in a block, the rest 500 in a block, then as many
//! blocks with one as are kept. The state must be as large as after the first thousand.

use e2e_tests::growth::{Growth, Size};
use std::error::Error;
use std::process::ExitCode;

/// The blocks that are kept, the fewest that can be.
const KEPT: u64 = storage::config::MIN_KEPT_BLOCKS;
/// The transfers that come one in a block.
const FEW: u64 = 1_000;
/// As many as leave the base fee where it is.
const MANY: usize = 500;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let asked = std::env::args().nth(1);
    let transfers = asked.map_or(Ok(1_000_000), |text| text.parse())?;
    let mut growth = Growth::new(KEPT);
    one_by_one(&mut growth, FEW);
    let few = said(&growth);
    let mut most = few.bytes;
    while growth.transfers + KEPT < transfers {
        growth.level(MANY);
        if growth.rollup.head().number.is_multiple_of(100) {
            most = most.max(said(&growth).bytes);
        }
    }
    one_by_one(&mut growth, KEPT);
    let many = said(&growth);
    println!("the most on the way: {most} bytes");
    if many.is_as_large_as(&few) {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("error: the state has grown");
    Ok(ExitCode::FAILURE)
}

fn one_by_one(growth: &mut Growth, transfers: u64) {
    for _ in 0..transfers {
        growth.level(1);
    }
}

/// Prints what there is now, and gives it.
fn said(growth: &Growth) -> Size {
    let size = growth.size();
    println!(
        "{:>9} transfers, {:>6} blocks: {:>6} values, {:>9} bytes",
        growth.transfers,
        growth.rollup.head().number,
        size.values,
        size.bytes
    );
    size
}
