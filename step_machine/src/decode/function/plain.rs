//! Instructions that are not about blocks.

use super::Code;
use crate::decode::{DecodeError, Result, cells_of};
use crate::op::{self, FREE};
use wasmparser::{MemArg, Operator};

impl Code<'_, '_> {
    pub(super) fn plain(&mut self, operator: &Operator<'_>, offset: usize) -> Result<()> {
        match *operator {
            Operator::Nop => {}
            Operator::Call { function_index } => self.call(function_index),
            Operator::CallIndirect {
                type_index,
                table_index,
            } => {
                let ty = self.decoder.type_number(type_index)?;
                self.emit(op::CALL_INDIRECT, table_index as u16, ty);
            }
            Operator::Drop => self.emit(op::DROP | FREE, self.cells_at(0), 0),
            Operator::Select | Operator::TypedSelect { .. } => {
                self.emit(op::SELECT, self.cells_at(1), 0);
            }
            Operator::LocalGet { local_index } => {
                self.local(local_index, [op::LOCAL_GET, op::LOCAL_GET_PAIR]);
            }
            Operator::LocalSet { local_index } => {
                self.local(local_index, [op::LOCAL_SET, op::LOCAL_SET_PAIR]);
            }
            Operator::LocalTee { local_index } => {
                self.local(local_index, [op::LOCAL_TEE, op::LOCAL_TEE_PAIR]);
            }
            Operator::GlobalGet { global_index } => {
                self.global(global_index, [op::GLOBAL_GET, op::GLOBAL_GET_PAIR]);
            }
            Operator::GlobalSet { global_index } => {
                self.global(global_index, [op::GLOBAL_SET, op::GLOBAL_SET_PAIR]);
            }
            Operator::TableGet { table } => self.emit(op::TABLE_GET, 0, table),
            Operator::TableSet { table } => self.emit(op::TABLE_SET, 0, table),
            Operator::MemorySize { .. } => self.emit(op::MEMORY_SIZE, 0, 0),
            Operator::MemoryGrow { .. } => self.emit(op::MEMORY_GROW, 0, 0),
            Operator::I32Const { value } => self.emit(op::I32_CONST, 0, value.cast_unsigned()),
            Operator::I64Const { value } => self.long(value),
            Operator::RefNull { .. } => self.emit(op::I64_CONST_SHORT, 0, 0),
            Operator::RefFunc { function_index } => self.long(i64::from(function_index) + 1),
            Operator::RefIsNull => self.emit(op::REF_IS_NULL, 0, 0),
            _ => return self.by_opcode(operator, offset),
        }
        Ok(())
    }

    fn emit(&mut self, op: u16, short: u16, operand: u32) {
        self.decoder.emit(op, short, operand);
    }

    fn long(&mut self, value: i64) {
        match i32::try_from(value) {
            Ok(value) => self.emit(op::I64_CONST_SHORT, 0, value.cast_unsigned()),
            Err(_) => {
                self.emit(op::I64_CONST, 0, 0);
                self.decoder.emit_literal(value.cast_unsigned());
            }
        }
    }

    fn call(&mut self, function: u32) {
        let outline = self.decoder.outline;
        if function < outline.imported_functions {
            let ty = outline.function_type(function);
            let (params, results) =
                ty.map_or((0, 0), |ty| (cells_of(ty.params()), cells_of(ty.results())));
            let call = self.decoder.emit(op::HOST, results as u16, function);
            self.decoder.image.host_calls.push(call);
            self.decoder.emit_literal(params.into());
            return;
        }
        let call = self.decoder.emit(op::CALL, 0, function);
        self.decoder.calls.push(call as usize);
    }

    fn local(&mut self, index: u32, [single, pair]: [u16; 2]) {
        let (first, cells) = self.locals.get(index as usize).copied().unwrap_or_default();
        self.emit(if cells == 2 { pair } else { single }, 0, first);
    }

    fn global(&mut self, index: u32, [single, pair]: [u16; 2]) {
        let globals = &self.decoder.globals;
        let (first, cells) = globals.get(index as usize).copied().unwrap_or_default();
        self.emit(if cells == 2 { pair } else { single }, 0, first);
    }

    /// Instructions that have the opcode of WebAssembly.
    fn by_opcode(&mut self, operator: &Operator<'_>, offset: usize) -> Result<()> {
        let opcode = self.decoder.wasm.get(offset).copied().unwrap_or_default();
        match opcode {
            0x28..=0x3e => self.access(opcode.into(), operator),
            0x45..=0xc4 => self.emit(opcode.into(), 0, 0),
            0xfc => return self.bulk(operator),
            0xfd => {
                let bytes = self.decoder.wasm.get(offset + 1..).unwrap_or_default();
                return self.simd(op::SIMD + small(bytes), operator);
            }
            _ => return Err(DecodeError::Unknown("instruction of this kind")),
        }
        Ok(())
    }

    /// A load or a store at an offset.
    fn access(&mut self, op: u16, operator: &Operator<'_>) {
        let offset = offset(operator).unwrap_or_default();
        self.emit(op, 0, offset);
    }

    fn bulk(&mut self, operator: &Operator<'_>) -> Result<()> {
        let first_data = self.decoder.first_data;
        let (op, short, operand) = match *operator {
            Operator::MemoryInit { data_index, .. } => {
                (op::MEMORY_INIT, 0, first_data + data_index)
            }
            Operator::DataDrop { data_index } => (op::DATA_DROP, 0, first_data + data_index),
            Operator::MemoryCopy { .. } => (op::MEMORY_COPY, 0, 0),
            Operator::MemoryFill { .. } => (op::MEMORY_FILL, 0, 0),
            Operator::TableInit { elem_index, table } => (op::TABLE_INIT, table as u16, elem_index),
            Operator::ElemDrop { elem_index } => (op::ELEM_DROP, 0, elem_index),
            Operator::TableCopy {
                dst_table,
                src_table,
            } => (op::TABLE_COPY, dst_table as u16, src_table),
            Operator::TableGrow { table } => (op::TABLE_GROW, 0, table),
            Operator::TableSize { table } => (op::TABLE_SIZE, 0, table),
            Operator::TableFill { table } => (op::TABLE_FILL, 0, table),
            _ => return Err(DecodeError::Unknown("instruction of this kind")),
        };
        self.emit(op, short, operand);
        Ok(())
    }

    fn simd(&mut self, op: u16, operator: &Operator<'_>) -> Result<()> {
        let constant = match operator {
            Operator::V128Const { value } => Some(*value.bytes()),
            Operator::I8x16Shuffle { lanes } => Some(*lanes),
            _ => None,
        };
        if let Some(bytes) = constant {
            self.emit(op, 0, 0);
            let value = u128::from_le_bytes(bytes);
            self.decoder.emit_literal(value as u64);
            self.decoder.emit_literal((value >> 64) as u64);
            return Ok(());
        }
        if op > op::SIMD + 0xff {
            return Err(DecodeError::Unknown("instruction of this kind"));
        }
        let lane = lane(operator).unwrap_or_default();
        let offset = offset(operator).unwrap_or_default();
        self.emit(op, lane.into(), offset);
        Ok(())
    }
}

/// The LEB128 number of one or two bytes that begins here.
pub(crate) fn small(bytes: &[u8]) -> u16 {
    match *bytes {
        [first, ..] if first < 0x80 => first.into(),
        [first, second, ..] => u16::from(first & 0x7f) | u16::from(second & 0x7f) << 7,
        _ => 0,
    }
}

/// The offset of a load or a store.
fn offset(operator: &Operator<'_>) -> Option<u32> {
    memarg(operator).map(|memarg| memarg.offset as u32)
}

/// The address operand of a load or a store.
pub(crate) fn memarg(operator: &Operator<'_>) -> Option<MemArg> {
    use Operator as O;
    match operator {
        O::I32Load { memarg }
        | O::I64Load { memarg }
        | O::I32Load8S { memarg }
        | O::I32Load8U { memarg }
        | O::I32Load16S { memarg }
        | O::I32Load16U { memarg }
        | O::I64Load8S { memarg }
        | O::I64Load8U { memarg }
        | O::I64Load16S { memarg }
        | O::I64Load16U { memarg }
        | O::I64Load32S { memarg }
        | O::I64Load32U { memarg }
        | O::I32Store { memarg }
        | O::I64Store { memarg }
        | O::I32Store8 { memarg }
        | O::I32Store16 { memarg }
        | O::I64Store8 { memarg }
        | O::I64Store16 { memarg }
        | O::I64Store32 { memarg }
        | O::V128Load { memarg }
        | O::V128Load8x8S { memarg }
        | O::V128Load8x8U { memarg }
        | O::V128Load16x4S { memarg }
        | O::V128Load16x4U { memarg }
        | O::V128Load32x2S { memarg }
        | O::V128Load32x2U { memarg }
        | O::V128Load8Splat { memarg }
        | O::V128Load16Splat { memarg }
        | O::V128Load32Splat { memarg }
        | O::V128Load64Splat { memarg }
        | O::V128Load32Zero { memarg }
        | O::V128Load64Zero { memarg }
        | O::V128Store { memarg }
        | O::V128Load8Lane { memarg, .. }
        | O::V128Load16Lane { memarg, .. }
        | O::V128Load32Lane { memarg, .. }
        | O::V128Load64Lane { memarg, .. }
        | O::V128Store8Lane { memarg, .. }
        | O::V128Store16Lane { memarg, .. }
        | O::V128Store32Lane { memarg, .. }
        | O::V128Store64Lane { memarg, .. } => Some(*memarg),
        _ => None,
    }
}

/// The lane that an instruction names.
pub(crate) fn lane(operator: &Operator<'_>) -> Option<u8> {
    use Operator as O;
    match operator {
        O::I8x16ExtractLaneS { lane }
        | O::I8x16ExtractLaneU { lane }
        | O::I8x16ReplaceLane { lane }
        | O::I16x8ExtractLaneS { lane }
        | O::I16x8ExtractLaneU { lane }
        | O::I16x8ReplaceLane { lane }
        | O::I32x4ExtractLane { lane }
        | O::I32x4ReplaceLane { lane }
        | O::I64x2ExtractLane { lane }
        | O::I64x2ReplaceLane { lane }
        | O::V128Load8Lane { lane, .. }
        | O::V128Load16Lane { lane, .. }
        | O::V128Load32Lane { lane, .. }
        | O::V128Load64Lane { lane, .. }
        | O::V128Store8Lane { lane, .. }
        | O::V128Store16Lane { lane, .. }
        | O::V128Store32Lane { lane, .. }
        | O::V128Store64Lane { lane, .. } => Some(*lane),
        _ => None,
    }
}
