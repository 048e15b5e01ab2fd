//! Lets somebody look into a run, by rewriting the module that counts ([`crate::metering`]).
//!
//! Three imports are added. [`ENTER`] is told each function of the module where it begins, and
//! [`LEAVE`] if it ends; [`REACHED`] is told that the count of instructions has reached a mark,
//! and each time right before a function of the host is called. All three are given the instructions
//! so far and answer with the next mark, so that a run stops where somebody wants to look, and goes
//! on. The counts themselves are those of the module without them.
//!
//! A run that ends by a trap leaves its functions without telling.

use crate::Version;
use crate::additions::{AddedImports, begin_block, result_of};
use crate::check::KernelFacts;
use crate::globals::{AddedGlobals, Number};
use crate::imports::{Import, ValType as Type};
use crate::metering::{self, Error};
use crate::outline::Outline;
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, Function, GlobalSection, ImportSection, InstructionSink, Module,
    SectionId, TypeSection,
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

/// The added imports, in this order.
const ADDED: [Import; 3] = [ENTER, LEAVE, REACHED];

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
    let own = outline.imported_functions..outline.functions.len() as u32;
    let mut rewrite = Rewrite {
        added: AddedImports::new(&outline, MODULE, &ADDED),
        results: own.map(|own| result_of(&outline, own)).collect(),
        body: 0,
        instructions: metering::instructions_global(facts),
        mark: outline.globals,
        marks: AddedGlobals::new(vec![Number::I64(0)]),
    };
    let mut module = Module::new();
    rewrite.parse_core_module(&mut module, Parser::new(0), metered)?;
    Ok(module.finish())
}

struct Rewrite {
    added: AddedImports,
    /// The result type of each function.
    results: Vec<Option<wasmparser::ValType>>,
    /// The body that comes next.
    body: u32,
    /// The global with the count of instructions, and the one with the next mark.
    instructions: u32,
    mark: u32,
    marks: AddedGlobals,
}

impl Rewrite {
    fn enter(&self, body: u32, mut code: InstructionSink<'_>) {
        code.i32_const(self.added.own(body).cast_signed())
            .global_get(self.instructions)
            .call(self.added.function(0))
            .global_set(self.mark);
    }

    fn leave(&self, mut code: InstructionSink<'_>) {
        code.global_get(self.instructions)
            .call(self.added.function(1))
            .global_set(self.mark);
    }

    fn reached(&self, mut code: InstructionSink<'_>) {
        code.global_get(self.instructions)
            .call(self.added.function(2))
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

    fn is_host(&self, operator: &Operator<'_>) -> bool {
        matches!(operator, Operator::Call { function_index } if self.added.is_imported(*function_index))
    }
}

impl Reencode for Rewrite {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error> {
        Ok(self.added.moved(function))
    }

    fn parse_type_section(
        &mut self,
        types: &mut TypeSection,
        section: TypeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_type_section(self, types, section)?;
        self.added.add_types(types);
        Ok(())
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_import_section(self, imports, section)?;
        self.added.add(imports);
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<(), Error> {
        self.added.add_section(module, before);
        self.marks.add_section(module, before);
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        self.marks.add(globals);
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
        // Branches out of the function tell, too.
        begin_block(self, &mut function, result)?;
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
