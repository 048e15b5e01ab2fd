//! The one reader of modules: the parts that rules, reports and the call graph speak of.

mod known;
mod names;

use crate::features::features;
use crate::opcodes::{self, Refusal};
use known::{has, is_constant, is_extern, null, section_name};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use wasmparser::{
    BlockType, CompositeInnerType, ConstExpr, DataKind, DataSectionReader, Element, ElementItems,
    ElementKind, ElementSectionReader, ExternalKind, FuncType, FunctionBody, Import as RawImport,
    Operator, Parser, Payload, Result, TypeRef, TypeSectionReader, ValType,
};

/// The parts of a module. Functions have one numbering, the imported ones first.
#[derive(Debug, Default)]
pub struct Outline<'w> {
    /// The types; `None` for one that is not a function's.
    pub types: Vec<Option<FuncType>>,
    /// The imports, in order.
    pub imports: Vec<Import<'w>>,
    /// The number of imports that are functions.
    pub imported_functions: u32,
    /// The type of each function.
    pub functions: Vec<u32>,
    /// The exports of the module.
    pub exports: Vec<Export<'w>>,
    /// The smallest size of each memory of its own, in pages.
    pub memories: Vec<u64>,
    /// The smallest size of each table of its own.
    pub tables: Vec<u64>,
    /// The number of globals.
    pub globals: u32,
    /// The start function, and where it is named.
    pub start: Option<(u32, usize)>,
    /// The functions that have code.
    pub bodies: Vec<Body>,
    /// The functions that a table, or a reference, may lead to.
    pub referenced: BTreeSet<u32>,
    /// The places of active segments when the module is instantiated.
    pub segments: Vec<Segment>,
    /// The number of data segments that the module announces before its code.
    pub data_count: Option<u32>,
    /// Names of functions, as they are written.
    pub names: BTreeMap<u32, &'w str>,
    /// The bytes of each kind of section.
    pub sections: BTreeMap<String, usize>,
    /// The numbers of the sections that are not custom, in their order.
    pub order: Vec<u8>,
    /// Types and instructions that the machine's decoder refuses.
    pub refused: Vec<Refused>,
    /// What the fast path refuses of that which the decoder takes: types, blocks of a type that has a number,
    /// constants that are computed.
    pub unfit: Vec<Refused>,
    /// True if references to things of the host occur, which only ever are null.
    pub has_extern_references: bool,
}

/// An import.
#[derive(Clone, Copy, Debug)]
pub struct Import<'w> {
    /// The module that it comes from.
    pub module: &'w str,
    /// Its name there.
    pub name: &'w str,
    /// The type of a function; `None` for anything else.
    pub function: Option<u32>,
    /// True if it is a memory.
    pub is_memory: bool,
    /// The section's place in the module.
    pub offset: usize,
}

/// An export.
#[derive(Clone, Copy, Debug)]
pub struct Export<'w> {
    /// Its name.
    pub name: &'w str,
    /// Its kind.
    pub kind: ExternalKind,
    /// Which one of its kind.
    pub index: u32,
    /// Its place in the module.
    pub offset: usize,
}

/// The facts about a function's code.
#[derive(Debug, Default)]
pub struct Body {
    /// Its range in the module.
    pub range: Range<usize>,
    /// The functions that it calls.
    pub calls: BTreeSet<u32>,
    /// The types that it calls through a table.
    pub indirect: BTreeSet<u32>,
    /// The number of its locals without parameters.
    pub locals: u32,
    /// True if it uses data segments by their numbers.
    pub uses_data: bool,
}

/// An active segment with a constant place.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// True if it is data for a memory, or else elements of a table.
    pub is_data: bool,
    /// Which memory or table.
    pub target: u32,
    /// Its first byte or element there.
    pub start: u32,
    /// Their number.
    pub len: u64,
    /// Its place in the module.
    pub offset: usize,
}

/// A type or an instruction that the machine's decoder refuses.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// Its place in the module.
    pub offset: usize,
    /// The function that it is in.
    pub function: Option<u32>,
    /// Its description.
    pub what: String,
}

impl<'w> Outline<'w> {
    /// Reads a module. Bodies are decoded, nothing is checked against anything else.
    ///
    /// # Errors
    /// If the bytes do not decode.
    pub fn read(wasm: &'w [u8]) -> Result<Self> {
        Self::parsed(wasm, Parser::new(0))
    }

    /// The same, of a module that is written as one without extensions that kernels may not use.
    ///
    /// # Errors
    /// As [`Outline::read`].
    pub fn read_strictly(wasm: &'w [u8]) -> Result<Self> {
        let mut parser = Parser::new(0);
        parser.set_features(features());
        Self::parsed(wasm, parser)
    }

    fn parsed(wasm: &'w [u8], parser: Parser) -> Result<Self> {
        let mut outline = Self::default();
        for payload in parser.parse_all(wasm) {
            outline.payload(payload?)?;
        }
        Ok(outline)
    }

    /// The type of a function.
    #[must_use]
    pub fn function_type(&self, function: u32) -> Option<&FuncType> {
        self.type_at(*self.functions.get(function as usize)?)
    }

    /// The type with this number, if it is a function's.
    #[must_use]
    pub fn type_at(&self, index: u32) -> Option<&FuncType> {
        self.types.get(index as usize)?.as_ref()
    }

    /// The code of a function.
    #[must_use]
    pub fn body(&self, function: u32) -> Option<&Body> {
        let index = function.checked_sub(self.imported_functions)?;
        self.bodies.get(index as usize)
    }

    /// The exported function called `name`.
    #[must_use]
    pub fn exported_function(&self, name: &str) -> Option<&Export<'w>> {
        self.exports
            .iter()
            .find(|export| export.name == name && export.kind == ExternalKind::Func)
    }

    fn payload(&mut self, payload: Payload<'w>) -> Result<()> {
        self.section(&payload);
        match payload {
            Payload::TypeSection(types) => self.all_types(types)?,
            Payload::ImportSection(imports) => {
                let offset = imports.range().start;
                for import in imports.into_imports() {
                    self.import(&import?, offset);
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.into_iter_with_offsets() {
                    let (offset, table) = table?;
                    self.value(ValType::Ref(table.ty.element_type), offset, None, "a table");
                    self.tables.push(table.ty.initial);
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memories.push(memory?.initial);
                }
            }
            Payload::GlobalSection(globals) => {
                self.globals += globals.count();
                for global in globals.into_iter_with_offsets() {
                    let (offset, global) = global?;
                    self.value(global.ty.content_type, offset, None, "a global");
                    self.constant(&global.init_expr)?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.into_iter_with_offsets() {
                    let (offset, export) = export?;
                    self.exports.push(Export {
                        name: export.name,
                        kind: export.kind,
                        index: export.index,
                        offset,
                    });
                }
            }
            Payload::StartSection { func, range } => self.start = Some((func, range.start)),
            Payload::DataCountSection { count, .. } => self.data_count = Some(count),
            Payload::ElementSection(elements) => self.elements(elements)?,
            Payload::DataSection(data) => self.data(data)?,
            Payload::CodeSectionEntry(body) => {
                let body = self.code(&body)?;
                self.bodies.push(body);
            }
            Payload::CustomSection(section) => self.custom(&section),
            _ => {}
        }
        Ok(())
    }

    fn all_types(&mut self, types: TypeSectionReader<'_>) -> Result<()> {
        for group in types.into_iter_with_offsets() {
            let (offset, group) = group?;
            for ty in group.into_types() {
                let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                    self.types.push(None);
                    continue;
                };
                self.function_type_at(&ty, offset);
                self.types.push(Some(ty));
            }
        }
        Ok(())
    }

    fn section(&mut self, payload: &Payload<'_>) {
        let Some((id, range)) = payload.as_section() else {
            return;
        };
        let name = match payload {
            Payload::CustomSection(section) => format!("custom {:?}", section.name()),
            _ => section_name(id).to_owned(),
        };
        *self.sections.entry(name).or_default() += range.len();
        if id != 0 {
            self.order.push(id);
        }
    }

    fn import(&mut self, import: &RawImport<'w>, offset: usize) {
        let function = match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
                Some(ty)
            }
            TypeRef::Global(_) => {
                self.globals += 1;
                None
            }
            _ => None,
        };
        self.imports.push(Import {
            module: import.module,
            name: import.name,
            function,
            is_memory: matches!(import.ty, TypeRef::Memory(_)),
            offset,
        });
    }

    fn function_type_at(&mut self, ty: &FuncType, offset: usize) {
        for value in ty.params().iter().chain(ty.results()) {
            self.value(*value, offset, None, "a function type");
        }
        if ty.results().len() > 1 {
            let what = format!("a function type with {} results", ty.results().len());
            self.refuse(Refusal::SeveralValues, offset, None, what);
        }
    }

    fn refuse(&mut self, refusal: Refusal, offset: usize, function: Option<u32>, what: String) {
        self.refused.push(Refused {
            refusal,
            offset,
            function,
            what,
        });
    }

    fn value(&mut self, ty: ValType, offset: usize, function: Option<u32>, place: &str) {
        match ty {
            ValType::F32 | ValType::F64 => {
                self.refuse(Refusal::Float, offset, function, format!("{ty} in {place}"));
            }
            ty if !has(ty) => self.unfit(offset, function, format!("{ty} in {place}")),
            ValType::Ref(reference) if reference.is_extern_ref() => {
                self.has_extern_references = true;
            }
            _ => {}
        }
    }

    fn unfit(&mut self, offset: usize, function: Option<u32>, what: String) {
        self.unfit.push(Refused {
            refusal: Refusal::Unfit,
            offset,
            function,
            what,
        });
    }

    /// The value of a constant expression, if it is a plain i32.
    fn constant(&mut self, expression: &ConstExpr<'_>) -> Result<Option<u32>> {
        let mut value = None;
        let offset = expression.get_binary_reader().original_position();
        for (place, operator) in expression.get_operators_reader().into_iter().enumerate() {
            let operator = operator?;
            if place == 0 && !is_constant(&operator)
                || place == 1 && !matches!(operator, Operator::End)
            {
                let what = "a constant expression of more than a constant".to_owned();
                self.unfit(offset, None, what);
            }
            match operator {
                Operator::I32Const { value: number } => value = Some(number.cast_unsigned()),
                Operator::RefFunc { function_index } => {
                    self.referenced.insert(function_index);
                }
                Operator::End => {}
                _ => value = None,
            }
        }
        Ok(value)
    }

    fn elements(&mut self, elements: ElementSectionReader<'_>) -> Result<()> {
        for element in elements {
            let Element { kind, items, range } = element?;
            let len = match items {
                ElementItems::Functions(functions) => {
                    let len = functions.count();
                    for function in functions {
                        self.referenced.insert(function?);
                    }
                    len
                }
                ElementItems::Expressions(_, expressions) => {
                    let len = expressions.count();
                    for expression in expressions {
                        self.constant(&expression?)?;
                    }
                    len
                }
            };
            if let ElementKind::Active {
                table_index,
                offset_expr,
            } = kind
                && let Some(start) = self.constant(&offset_expr)?
            {
                self.segments.push(Segment {
                    is_data: false,
                    target: table_index.unwrap_or_default(),
                    start,
                    len: len.into(),
                    offset: range.start,
                });
            }
        }
        Ok(())
    }

    fn data(&mut self, segments: DataSectionReader<'_>) -> Result<()> {
        for data in segments {
            let data = data?;
            if let DataKind::Active {
                memory_index,
                offset_expr,
            } = data.kind
                && let Some(start) = self.constant(&offset_expr)?
            {
                self.segments.push(Segment {
                    is_data: true,
                    target: memory_index,
                    start,
                    len: data.data.len() as u64,
                    offset: data.range.start,
                });
            }
        }
        Ok(())
    }

    fn code(&mut self, code: &FunctionBody<'_>) -> Result<Body> {
        let index = self.imported_functions + self.bodies.len() as u32;
        let function = Some(index);
        let mut body = Body {
            range: code.range(),
            ..Body::default()
        };
        let mut locals = code.get_locals_reader()?;
        for _ in 0..locals.get_count() {
            let offset = locals.original_position();
            let (count, ty) = locals.read()?;
            body.locals = body.locals.saturating_add(count);
            self.value(ty, offset, function, "a local");
        }
        for operator in code.get_operators_reader()?.into_iter_with_offsets() {
            let (operator, offset) = operator?;
            if let Some((refusal, opcode)) = opcodes::refusal(&operator) {
                self.refuse(refusal, offset, function, opcode.to_owned());
            }
            match operator {
                Operator::Call { function_index } => {
                    body.calls.insert(function_index);
                }
                Operator::CallIndirect { type_index, .. } => {
                    body.indirect.insert(type_index);
                }
                Operator::RefFunc { function_index } => {
                    self.referenced.insert(function_index);
                }
                Operator::RefNull { hty } => {
                    self.has_extern_references |= is_extern(&operator);
                    if !null(hty).is_some_and(has) {
                        self.unfit(offset, function, "a null of another type".to_owned());
                    }
                }
                Operator::TypedSelect { ty } => self.value(ty, offset, function, "a select"),
                Operator::TypedSelectMulti { .. } => {
                    self.unfit(offset, function, "a select of several values".to_owned());
                }
                Operator::MemoryInit { .. } | Operator::DataDrop { .. } => body.uses_data = true,
                Operator::Block { blockty }
                | Operator::Loop { blockty }
                | Operator::If { blockty } => self.block(blockty, offset, index),
                _ => {}
            }
        }
        Ok(body)
    }

    fn block(&mut self, ty: BlockType, offset: usize, function: u32) {
        match ty {
            BlockType::Type(ty) => self.value(ty, offset, Some(function), "a block"),
            BlockType::FuncType(ty) => {
                let several = |ty: &FuncType| ty.results().len() > 1 || !ty.params().is_empty();
                if self.type_at(ty).is_some_and(several) {
                    let what = "a block that takes values, or gives more than one".to_owned();
                    self.refuse(Refusal::SeveralValues, offset, Some(function), what);
                } else {
                    let what = "a block whose type has a number".to_owned();
                    self.unfit(offset, Some(function), what);
                }
            }
            BlockType::Empty => {}
        }
    }
}
