//! Solidity sources, pinned compiler output and typed handles.
