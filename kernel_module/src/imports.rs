//! The host functions that a kernel may import: names, types, and since when.

use crate::Version;
use wasmparser::ValType::{I32, I64};

pub use wasmparser::ValType;

/// The module that kernels import from.
pub const MODULE: &str = "smart_rollup_core";
/// Its name in kernels of 2022.
pub const LEGACY_MODULE: &str = "rollup_safe_core";
/// The function that the machine calls.
pub const ENTRY: &str = "kernel_run";
/// Its name in kernels of 2022.
pub const LEGACY_ENTRY: &str = "kernel_next";

/// One host function.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// Which it is; `None` for those of the new durable storage (`nds_*`).
    pub call: Option<HostCall>,
    /// The name within the module.
    pub name: &'static str,
    /// The types of its parameters.
    pub params: &'static [ValType],
    /// The type of its result.
    pub result: Option<ValType>,
    /// The first version of the machine that knows it.
    pub since: Version,
}

/// All of them, in the order of the specification.
pub const IMPORTS: [Import; 30] = {
    use HostCall as Call;
    use Version::{V0, V1, V2, V3, V6};
    const fn import(
        call: HostCall,
        name: &'static str,
        params: &'static [ValType],
        result: Option<ValType>,
        since: Version,
    ) -> Import {
        Import {
            call: Some(call),
            name,
            params,
            result,
            since,
        }
    }
    const fn nds(name: &'static str, params: &'static [ValType]) -> Import {
        Import {
            call: None,
            name,
            params,
            result: INT,
            since: V6,
        }
    }
    const INT: Option<ValType> = Some(I32);
    const LONG: Option<ValType> = Some(I64);
    [
        import(Call::ReadInput, "read_input", &[I32, I32, I32], INT, V0),
        import(Call::WriteOutput, "write_output", &[I32, I32], INT, V0),
        import(Call::WriteDebug, "write_debug", &[I32, I32], None, V0),
        import(Call::StoreHas, "store_has", &[I32, I32], INT, V0),
        import(Call::StoreExists, "store_exists", &[I32, I32], INT, V2),
        import(Call::StoreDelete, "store_delete", &[I32, I32], INT, V0),
        import(
            Call::StoreDeleteValue,
            "store_delete_value",
            &[I32, I32],
            INT,
            V1,
        ),
        import(
            Call::StoreListSize,
            "store_list_size",
            &[I32, I32],
            LONG,
            V0,
        ),
        import(
            Call::StoreGetNthKey,
            "store_get_nth_key",
            &[I32, I32, I64, I32, I32],
            INT,
            V0,
        ),
        import(
            Call::StoreCopy,
            "store_copy",
            &[I32, I32, I32, I32],
            INT,
            V0,
        ),
        import(
            Call::StoreMove,
            "store_move",
            &[I32, I32, I32, I32],
            INT,
            V0,
        ),
        import(Call::StoreCreate, "store_create", &[I32, I32, I32], INT, V1),
        import(
            Call::StoreRead,
            "store_read",
            &[I32, I32, I32, I32, I32],
            INT,
            V0,
        ),
        import(
            Call::StoreWrite,
            "store_write",
            &[I32, I32, I32, I32, I32],
            INT,
            V0,
        ),
        import(
            Call::StoreValueSize,
            "store_value_size",
            &[I32, I32],
            INT,
            V0,
        ),
        import(
            Call::StoreGetHash,
            "__internal_store_get_hash",
            &[I32, I32, I32, I32],
            INT,
            V1,
        ),
        import(
            Call::RevealPreimage,
            "reveal_preimage",
            &[I32, I32, I32, I32],
            INT,
            V0,
        ),
        import(
            Call::RevealMetadata,
            "reveal_metadata",
            &[I32, I32],
            INT,
            V0,
        ),
        import(Call::Reveal, "reveal", &[I32, I32, I32, I32], INT, V3),
        nds("nds_registry_resize", &[I64]),
        nds("nds_registry_copy", &[I64, I64]),
        nds("nds_registry_move", &[I64, I64]),
        nds("nds_registry_clear", &[I64]),
        nds("nds_store_exists", &[I64, I32, I32]),
        nds("nds_store_read", &[I64, I32, I32, I64, I32, I32]),
        nds("nds_store_write", &[I64, I32, I32, I64, I32, I32]),
        nds("nds_store_set", &[I64, I32, I32, I32, I32]),
        nds("nds_store_delete", &[I64, I32, I32]),
        nds("nds_store_value_size", &[I64, I32, I32]),
        nds("nds_database_get_hash", &[I64, I32, I32]),
    ]
};

/// The host functions up to version r5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the function of the same name")]
pub enum HostCall {
    ReadInput,
    WriteOutput,
    WriteDebug,
    StoreHas,
    StoreExists,
    StoreDelete,
    StoreDeleteValue,
    StoreListSize,
    StoreGetNthKey,
    StoreCopy,
    StoreMove,
    StoreCreate,
    StoreRead,
    StoreWrite,
    StoreValueSize,
    StoreGetHash,
    RevealPreimage,
    RevealMetadata,
    Reveal,
}

/// The host function called `name`.
#[must_use]
pub fn import(name: &str) -> Option<&'static Import> {
    IMPORTS.iter().find(|import| import.name == name)
}
