//! A node in front of a rollup: followed, verified, served and posted to by way of a double of
//! the rollup node of Octez, with the compiled kernel on both sides.

mod faults;
mod following;
mod pages;
mod reorganisations;
mod stored;
mod strangers;
