//! Runs a kernel off chain as the virtual machine of the rollup would.
