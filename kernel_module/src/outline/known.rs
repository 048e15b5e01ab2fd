//! Types, constants and sections that the reader of modules knows.

use wasmparser::{HeapType, Operator, RefType, ValType};

/// True for a null that stands for a thing of the host.
pub(super) fn is_extern(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::RefNull { hty } if *hty == HeapType::EXTERN)
}

/// The name of a kind of section.
pub(super) const fn section_name(id: u8) -> &'static str {
    match id {
        1 => "type",
        2 => "import",
        3 => "function",
        4 => "table",
        5 => "memory",
        6 => "global",
        7 => "export",
        8 => "start",
        9 => "element",
        10 => "code",
        11 => "data",
        12 => "data count",
        _ => "other",
    }
}

/// True for the types of values that the machine has, floats included.
pub(super) fn has(ty: ValType) -> bool {
    match ty {
        ValType::Ref(ty) => ty == RefType::FUNCREF || ty == RefType::EXTERNREF,
        _ => true,
    }
}

/// The type of a null.
pub(super) fn null(ty: HeapType) -> Option<ValType> {
    RefType::new(true, ty).map(ValType::Ref)
}

/// True for constants of which one makes up a constant expression of the machine's fast path, which has no
/// imported globals.
pub(super) const fn is_constant(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::V128Const { .. }
            | Operator::RefNull { .. }
            | Operator::RefFunc { .. }
    )
}
