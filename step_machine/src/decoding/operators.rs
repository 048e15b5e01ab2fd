//! Instructions: their rules, and what they become.

use super::arrays::pair;
use super::entries::reference;
use super::signatures::{Signature, bulk, plain, simd};
use super::stacks::{BLOCK, IF, LOOP, is_reference};
use super::types::{ANY, FUNC, I32, cells, kind};
use super::{Arrays, Decoder, Done, Source, Stop};
use crate::backing::Region;
use crate::decode::{lane, memarg, small};
use crate::op::{self, FREE, high, low};
use kernel_module::opcodes::refusal;
use wasmparser::{BlockType, Operator, OperatorsReader};

impl<A: Arrays, S: Source> Decoder<'_, A, S> {
    /// An instruction that is none of those with which blocks end.
    pub(super) fn instruction(&mut self, bytes: &[u8]) -> Done<A> {
        let mut operators = OperatorsReader::new(super::arrays::reader(bytes));
        let operator = operators.read()?;
        if refusal(&operator).is_some() {
            return Err(Stop::Refused);
        }
        let types = self.types_of(&operator)?;
        self.forward(operators.get_binary_reader().current_position());
        if self.state().ill == 0 {
            match self.checked(&operator, types, bytes) {
                Err(Stop::Ill) => self.state().ill = 1,
                done => return done,
            }
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.open_ill(bytes[0])
            }
            _ => Ok(()),
        }
    }

    /// The type that an instruction names, if it does; one that kernels may not have is refused wherever it
    /// stands.
    fn types_of(&mut self, operator: &Operator<'_>) -> Done<A, u8> {
        match *operator {
            Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => {
                match blockty {
                    BlockType::Empty => Ok(ANY),
                    BlockType::Type(ty) => kind(ty),
                    BlockType::FuncType(_) => Err(Stop::Refused),
                }
            }
            Operator::TypedSelect { ty } => kind(ty),
            Operator::TypedSelectMulti { .. } => Err(Stop::Refused),
            Operator::RefNull { hty } => reference(hty),
            Operator::MemoryInit { .. } | Operator::DataDrop { .. }
                if self.state().data_count == 0 =>
            {
                Err(Stop::Refused)
            }
            _ => Ok(ANY),
        }
    }

    /// The rule of an instruction, and what it becomes.
    fn checked(&mut self, operator: &Operator<'_>, ty: u8, bytes: &[u8]) -> Done<A> {
        match *operator {
            Operator::Unreachable => {
                if self.live() {
                    self.emit(op::UNREACHABLE | FREE, 0, 0)?;
                }
                self.unreached();
                Ok(())
            }
            Operator::Nop => Ok(()),
            Operator::Block { .. } => self.open(BLOCK, ty),
            Operator::Loop { .. } => self.open(LOOP, ty),
            Operator::If { .. } => self.open(IF, ty),
            Operator::Br { relative_depth } => self.br(relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(relative_depth),
            Operator::Return => self.give_back_early(),
            Operator::Call { function_index } => self.call(function_index),
            Operator::CallIndirect {
                type_index,
                table_index,
            } => self.call_indirect(type_index, table_index),
            Operator::Drop => {
                let found = self.pop(ANY)?;
                self.emit_live(op::DROP | FREE, cells(found) as u16, 0)
            }
            Operator::Select => self.select(),
            Operator::TypedSelect { .. } => {
                self.pop_all(&[ty, ty, I32])?;
                self.emit_live(op::SELECT, cells(ty) as u16, 0)?;
                self.push(ty)
            }
            Operator::LocalGet { local_index } => {
                let (cell, ty) = self.local(local_index)?;
                self.emit_of(ty, [op::LOCAL_GET, op::LOCAL_GET_PAIR], cell)?;
                self.push(ty)
            }
            Operator::LocalSet { local_index } => {
                let (cell, ty) = self.local(local_index)?;
                self.pop(ty)?;
                self.emit_of(ty, [op::LOCAL_SET, op::LOCAL_SET_PAIR], cell)
            }
            Operator::LocalTee { local_index } => {
                let (cell, ty) = self.local(local_index)?;
                self.pop(ty)?;
                self.emit_of(ty, [op::LOCAL_TEE, op::LOCAL_TEE_PAIR], cell)?;
                self.push(ty)
            }
            _ => self.checked_more(operator, ty, bytes),
        }
    }

    fn checked_more(&mut self, operator: &Operator<'_>, ty: u8, bytes: &[u8]) -> Done<A> {
        match *operator {
            Operator::GlobalGet { global_index } => {
                let (cell, ty, _) = self.known_global(global_index)?;
                self.emit_of(ty, [op::GLOBAL_GET, op::GLOBAL_GET_PAIR], cell)?;
                self.push(ty)
            }
            Operator::GlobalSet { global_index } => {
                let (cell, ty, mutable) = self.known_global(global_index)?;
                if !mutable {
                    return Err(Stop::Ill);
                }
                self.pop(ty)?;
                self.emit_of(ty, [op::GLOBAL_SET, op::GLOBAL_SET_PAIR], cell)
            }
            Operator::RefNull { .. } => {
                self.emit_live(op::I64_CONST_SHORT, 0, 0)?;
                self.push(ty)
            }
            Operator::RefIsNull => {
                let found = self.pop(ANY)?;
                if found != ANY && !is_reference(found) {
                    return Err(Stop::Ill);
                }
                self.emit_live(op::REF_IS_NULL, 0, 0)?;
                self.push(I32)
            }
            Operator::RefFunc { function_index } => {
                if function_index >= self.state().functions {
                    return Err(Stop::Ill);
                }
                let declared = self.get(Region::Declared, pair(function_index))?;
                if high(declared) & 1 == 0 {
                    return Err(Stop::Ill);
                }
                self.long(i64::from(function_index) + 1)?;
                self.push(FUNC)
            }
            Operator::I64Const { value } => {
                self.long(value)?;
                self.push(super::types::I64)
            }
            Operator::TableGet { table } => {
                let ty = self.known_table(table)?;
                self.simple(&[I32], ty, (op::TABLE_GET, 0, table))
            }
            Operator::TableSet { table } => {
                let ty = self.known_table(table)?;
                self.simple(&[I32, ty], ANY, (op::TABLE_SET, 0, table))
            }
            Operator::TableGrow { table } => {
                let ty = self.known_table(table)?;
                self.simple(&[ty, I32], I32, (op::TABLE_GROW, 0, table))
            }
            Operator::TableFill { table } => {
                let ty = self.known_table(table)?;
                self.simple(&[I32, ty, I32], ANY, (op::TABLE_FILL, 0, table))
            }
            _ => self.by_opcode(operator, bytes),
        }
    }

    fn select(&mut self) -> Done<A> {
        self.pop(I32)?;
        let first = self.pop(ANY)?;
        let second = self.pop(ANY)?;
        let differ = first != ANY && second != ANY && first != second;
        if is_reference(first) || is_reference(second) || differ {
            return Err(Stop::Ill);
        }
        self.emit_live(op::SELECT, cells(second) as u16, 0)?;
        self.push(if first == ANY { second } else { first })
    }

    fn live(&mut self) -> bool {
        self.state().dead == 0
    }

    /// Appends an instruction, where code is not left out.
    fn emit_live(&mut self, op: u16, short: u16, operand: u32) -> Done<A> {
        if self.live() {
            self.emit(op, short, operand)?;
        }
        Ok(())
    }

    fn emit_of(&mut self, ty: u8, [single, pair]: [u16; 2], operand: u32) -> Done<A> {
        let op = if cells(ty) == 2 { pair } else { single };
        self.emit_live(op, 0, operand)
    }

    fn long(&mut self, value: i64) -> Done<A> {
        match i32::try_from(value) {
            Ok(value) => self.emit_live(op::I64_CONST_SHORT, 0, value.cast_unsigned()),
            Err(_) if self.live() => {
                self.emit(op::I64_CONST, 0, 0)?;
                self.emit_literal(value.cast_unsigned())?;
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    fn simple(
        &mut self,
        takes: &[u8],
        gives: u8,
        (op, short, operand): (u16, u16, u32),
    ) -> Done<A> {
        self.pop_all(takes)?;
        self.emit_live(op, short, operand)?;
        self.push_result(gives)
    }

    /// The first cell of a global, its type, and whether it may change.
    fn known_global(&mut self, global: u32) -> Done<A, (u32, u8, bool)> {
        if global >= self.state().globals {
            return Err(Stop::Ill);
        }
        let word = self.get(Region::GlobalTypes, global)?;
        Ok((low(word), high(word) as u8, high(word) >> 8 != 0))
    }

    /// The type of a table's elements.
    fn known_table(&mut self, table: u32) -> Done<A, u8> {
        if table >= self.state().tables {
            return Err(Stop::Ill);
        }
        Ok(self.get(Region::TableTypes, table)? as u8)
    }

    fn known_elements(&mut self, segment: u32) -> Done<A, u8> {
        if segment >= self.state().elements {
            return Err(Stop::Ill);
        }
        Ok(self.get(Region::ElementTypes, segment)? as u8)
    }

    /// Instructions that have the opcode of WebAssembly.
    fn by_opcode(&mut self, operator: &Operator<'_>, bytes: &[u8]) -> Done<A> {
        let opcode = bytes[0];
        let number = small(bytes.get(1..).unwrap_or_default());
        let signature = match opcode {
            0xfc => bulk(number.into()),
            0xfd => simd(number.into()),
            opcode => plain(opcode),
        };
        let (takes, gives): Signature = signature.ok_or(Stop::Refused)?;
        let mut offset = 0;
        if let Some(memarg) = memarg(operator) {
            if self.state().memories == 0 || memarg.align > memarg.max_align {
                return Err(Stop::Ill);
            }
            offset = memarg.offset as u32;
        }
        let (op, short, operand) = match (opcode, operator) {
            (0xfc, operator) => self.bulk(operator)?,
            (0xfd, operator) => {
                let lane = lane(operator).unwrap_or_default();
                if u32::from(lane) >= lanes(number) {
                    return Err(Stop::Ill);
                }
                (op::SIMD + number, lane.into(), offset)
            }
            (0x3f | 0x40, _) if self.state().memories == 0 => return Err(Stop::Ill),
            (_, Operator::I32Const { value }) => (op::I32_CONST, 0, value.cast_unsigned()),
            (opcode, _) => (opcode.into(), 0, offset),
        };
        let constant = match operator {
            Operator::V128Const { value } => Some(*value.bytes()),
            Operator::I8x16Shuffle { lanes } => Some(*lanes),
            _ => None,
        };
        self.simple(takes, gives, (op, short, operand))?;
        match (operator, constant) {
            (Operator::I8x16Shuffle { lanes }, _) if lanes.iter().any(|lane| *lane >= 32) => {
                Err(Stop::Ill)
            }
            (_, Some(bytes)) if self.live() => {
                let value = u128::from_le_bytes(bytes);
                self.emit_literal(value as u64)?;
                self.emit_literal((value >> 64) as u64)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `fc n`, what it names.
    fn bulk(&mut self, operator: &Operator<'_>) -> Done<A, (u16, u16, u32)> {
        let announced = self.state().data_count.wrapping_sub(1);
        let first_data = self.state().elements;
        let memories = self.state().memories;
        let known = |memory: u32| memory < memories;
        let (holds, op) = match *operator {
            Operator::MemoryInit { data_index, mem } => (
                data_index < announced && known(mem),
                (op::MEMORY_INIT, 0, first_data.wrapping_add(data_index)),
            ),
            Operator::DataDrop { data_index } => (
                data_index < announced,
                (op::DATA_DROP, 0, first_data.wrapping_add(data_index)),
            ),
            Operator::MemoryCopy { dst_mem, src_mem } => {
                (known(dst_mem) && known(src_mem), (op::MEMORY_COPY, 0, 0))
            }
            Operator::MemoryFill { mem } => (known(mem), (op::MEMORY_FILL, 0, 0)),
            Operator::TableInit { elem_index, table } => (
                self.known_table(table)? == self.known_elements(elem_index)?,
                (op::TABLE_INIT, table as u16, elem_index),
            ),
            Operator::ElemDrop { elem_index } => {
                self.known_elements(elem_index)?;
                (true, (op::ELEM_DROP, 0, elem_index))
            }
            Operator::TableCopy {
                dst_table,
                src_table,
            } => (
                self.known_table(dst_table)? == self.known_table(src_table)?,
                (op::TABLE_COPY, dst_table as u16, src_table),
            ),
            Operator::TableSize { table } => {
                self.known_table(table)?;
                (true, (op::TABLE_SIZE, 0, table))
            }
            // What takes floats stands where nothing is reached.
            _ => (true, (op::UNREACHABLE, 0, 0)),
        };
        match holds {
            true => Ok(op),
            false => Err(Stop::Ill),
        }
    }
}

/// The lanes of which an instruction names one.
const fn lanes(number: u16) -> u32 {
    match number {
        0x15..=0x17 | 0x54 | 0x58 => 16,
        0x18..=0x1a | 0x55 | 0x59 => 8,
        0x1b | 0x1c | 0x56 | 0x5a => 4,
        0x1d | 0x1e | 0x57 | 0x5b => 2,
        _ => 256,
    }
}
