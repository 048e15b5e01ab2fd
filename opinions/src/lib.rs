//! Second opinions on `messages`, as tests alone: what the packages that kernels of
//! Tezos read and write with make of the same bytes (`make opinions`).
