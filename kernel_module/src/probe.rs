//! Lets somebody look into a run, by rewriting the module that counts ([`crate::metering`]).
//!
//! Three imports are added. [`ENTER`] is told each function of the module where it begins, and
//! [`LEAVE`] where it ends; [`REACHED`] is told that the count of instructions has reached a mark,
//! and each time right before a function of the host is called. All three are given the instructions
//! so far and answer with the next mark, so that a run stops where somebody wants to look, and goes
//! on. The counts themselves are those of the module without them.
//!
//! A run that ends by a trap leaves its functions without telling.

use crate::Version;
use crate::check::KernelFacts;
use crate::imports::{Import, ValType as Type};
use crate::metering::{self, Error};
use crate::outline::Outline;
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, EntityType, Function, GlobalSection, GlobalType,
    ImportSection, InstructionSink, Module, SectionId, TypeSection, ValType,
};
use wasmparser::{
    FunctionBody, GlobalSectionReader, ImportSectionReader, Operator, Parser, TypeSectionReader,
};

pub use crate::profile::MODULE;

/// The place of a function in the module, and the instructions before it; gives the next mark.
pub const ENTER: Import = added("enter", &[Type::I32, Type::I64]);

/// The instructions so far; gives the next mark.
pub const LEAVE: Import = added("leave", &[Type::I64]);

/// The instructions so far; gives the next mark.
pub const REACHED: Import = added("reached", &[Type::I64]);

/// How many functions are added.
const ADDED: u32 = 3;

const fn added(name: &'static str, params: &'static [Type]) -> Import {
    Import {
        call: None,
        name,
        params,
        result: Some(Type::I64),
        since: Version::V0,
    }
}

/// The module that tells; `metered` is that of [`metering::instrument`].
///
/// # Errors
/// If the module cannot be read.
pub fn instrument(metered: &[u8], facts: &KernelFacts) -> Result<Vec<u8>, Error> {
    let outline = Outline::read(metered).map_err(Error::ParseError)?;
    let own = outline
        .functions
        .iter()
        .skip(outline.imported_functions as usize);
    let results = own.map(|ty| {
        let ty = outline.types.get(*ty as usize)?.as_ref()?;
        ty.results().first().copied()
    });
    let mut rewrite = Rewrite {
        imported: outline.imported_functions,
        types: outline.types.len() as u32,
        results: results.collect(),
        body: 0,
        imports: false,
        instructions: metering::instructions_global(facts),
        mark: outline.globals,
    };
    let mut module = Module::new();
    rewrite.parse_core_module(&mut module, Parser::new(0), metered)?;
    Ok(module.finish())
}

struct Rewrite {
    /// How many functions are imported without ours.
    imported: u32,
    /// How many types there are without ours.
    types: u32,
    /// What each function of the module gives.
    results: Vec<Option<wasmparser::ValType>>,
    /// The body that comes next.
    body: u32,
    /// Whether ours are among the imports.
    imports: bool,
    /// The global with the count of instructions, and the one with the next mark.
    instructions: u32,
    mark: u32,
}

impl Rewrite {
    const fn enter_function(&self) -> u32 {
        self.imported
    }

    const fn leave_function(&self) -> u32 {
        self.imported + 1
    }

    const fn reached_function(&self) -> u32 {
        self.imported + 2
    }

    fn enter(&self, body: u32, mut code: InstructionSink<'_>) {
        code.i32_const((self.imported + body).cast_signed())
            .global_get(self.instructions)
            .call(self.enter_function())
            .global_set(self.mark);
    }

    fn leave(&self, mut code: InstructionSink<'_>) {
        code.global_get(self.instructions)
            .call(self.leave_function())
            .global_set(self.mark);
    }

    fn reached(&self, mut code: InstructionSink<'_>) {
        code.global_get(self.instructions)
            .call(self.reached_function())
            .global_set(self.mark);
    }

    /// Behind each change of the count.
    fn check(&self, mut code: InstructionSink<'_>) {
        code.global_get(self.instructions)
            .global_get(self.mark)
            .i64_ge_u()
            .if_(BlockType::Empty);
        self.reached(code);
    }

    /// The mark is asked for again at the next count.
    fn forget(&self, mut code: InstructionSink<'_>) {
        code.i64_const(0).global_set(self.mark);
    }

    fn import(&mut self, imports: &mut ImportSection) {
        let (entering, counting) = (self.types, self.types + 1);
        imports.import(MODULE, ENTER.name, EntityType::Function(entering));
        imports.import(MODULE, LEAVE.name, EntityType::Function(counting));
        imports.import(MODULE, REACHED.name, EntityType::Function(counting));
        self.imports = true;
    }

    fn is_host(&self, operator: &Operator<'_>) -> bool {
        matches!(operator, Operator::Call { function_index } if *function_index < self.imported)
    }
}

impl Reencode for Rewrite {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        Ok(if function >= self.imported {
            function + ADDED
        } else {
            function
        })
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        types
            .ty()
            .function([ValType::I32, ValType::I64], [ValType::I64]);
        types.ty().function([ValType::I64], [ValType::I64]);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_import_section(self, imports, section)?;
        self.import(imports);
        Ok(())
    }

    /// A module that imports nothing gets a section for it; functions stand right behind.
    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        if before == Some(SectionId::Function) && !self.imports {
            let mut imports = ImportSection::new();
            self.import(&mut imports);
            module.section(&imports);
        }
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        let ty = GlobalType {
            val_type: ValType::I64,
            mutable: true,
            shared: false,
        };
        globals.global(ty, &ConstExpr::i64_const(0));
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let number = self.body;
        self.body += 1;
        let result = self.results.get(number as usize).copied().flatten();
        let mut function: Function = self.new_function_with_parsed_locals(&body)?;
        self.enter(number, function.instructions());
        // A block around the whole, so that branches out of the function tell, too.
        let block = match result {
            Some(result) => BlockType::Result(self.val_type(result)?),
            None => BlockType::Empty,
        };
        function.instructions().block(block);
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let host = self.is_host(&operator);
            if host {
                self.reached(function.instructions());
            }
            if matches!(operator, Operator::Return) {
                self.leave(function.instructions());
            }
            let counts = matches!(&operator, Operator::GlobalSet { global_index }
                if *global_index == self.instructions);
            function.instruction(&self.instruction(operator)?);
            if counts {
                self.check(function.instructions());
                function.instructions().end();
            }
            if host {
                self.forget(function.instructions());
            }
        }
        self.leave(function.instructions());
        function.instructions().end();
        code.function(&function);
        Ok(())
    }
}
