//! Ethereum transactions, signatures, receipts, headers and roots.
