//! Tells what each instruction of the language costs that a kernel interprets, by rewriting the
//! module that counts ([`crate::metering`]).
//!
//! Such an interpreter has a dispatch: one `br_table` with an arm for each instruction, as a `match`
//! over an opcode becomes. Before it stands a call of an added import ([`MARK`]) that is told the
//! arm and the instructions so far, and where the dispatch's function ends another one, which is told
//! [`OUTSIDE`]. So what is counted between two marks belongs to the first, the sum is exact, and the
//! counts themselves are those of the module without marks.

use crate::Version;
use crate::additions::{AddedImports, begin_block, result_of};
use crate::check::KernelFacts;
use crate::imports::Import;
use crate::metering::{self, Error};
use crate::outline::Outline;
use std::convert::Infallible;
use wasm_encoder::reencode::{Reencode, utils};
use wasm_encoder::{CodeSection, Function, ImportSection, InstructionSink, Module, TypeSection};
use wasmparser::{FunctionBody, ImportSectionReader, Operator, Parser, Payload, TypeSectionReader};

/// The module of [`MARK`], which no kernel can import from.
pub const MODULE: &str = "evm-rollup";

/// The function that is told where a dispatch goes, and how many instructions were executed before.
pub const MARK: Import = Import {
    call: None,
    name: "mark",
    params: &[crate::imports::ValType::I32, crate::imports::ValType::I64],
    result: None,
    since: Version::V0,
};

/// The number for code outside of the dispatch.
pub const OUTSIDE: i32 = -1;

/// The fewest arms of a dispatch.
const ARMS: u32 = 128;

/// The module with marks; `metered` is that of [`metering::instrument`]. `None` if there is no
/// dispatch, or more than one.
///
/// # Errors
/// If the module cannot be read.
pub fn instrument(metered: &[u8], facts: &KernelFacts) -> Result<Option<Vec<u8>>, Error> {
    let scratch = metering::scratch_global(facts);
    let (Some(dispatch), true) = (dispatch(metered, scratch)?, facts.imported_functions > 0) else {
        return Ok(None);
    };
    let outline = Outline::read(metered).map_err(Error::ParseError)?;
    let mut rewrite = Rewrite {
        added: AddedImports::new(&outline, MODULE, &[MARK]),
        dispatch,
        result: result_of(&outline, outline.imported_functions + dispatch),
        body: 0,
        instructions: metering::instructions_global(facts),
        scratch,
    };
    let mut module = Module::new();
    rewrite.parse_core_module(&mut module, Parser::new(0), metered)?;
    Ok(Some(module.finish()))
}

/// The body with the one dispatch.
fn dispatch(wasm: &[u8], scratch: u32) -> Result<Option<u32>, Error> {
    let mut found = None;
    let mut body = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let Payload::CodeSectionEntry(code) = payload? else {
            continue;
        };
        let mut last = Operator::Nop;
        for operator in code.get_operators_reader()? {
            let operator = operator?;
            if is_dispatch(&operator, &last, scratch) && found.replace(body).is_some() {
                return Ok(None);
            }
            last = operator;
        }
        body += 1;
    }
    Ok(found)
}

/// True if it is one of the kernel's: those that were added to count take their number from a
/// global.
fn is_dispatch(operator: &Operator<'_>, last: &Operator<'_>, scratch: u32) -> bool {
    let added = matches!(last, Operator::GlobalGet { global_index } if *global_index == scratch);
    !added && matches!(operator, Operator::BrTable { targets } if targets.len() >= ARMS)
}

struct Rewrite {
    added: AddedImports,
    /// The body to mark.
    dispatch: u32,
    /// The result type of its function.
    result: Option<wasmparser::ValType>,
    /// The body that comes next.
    body: u32,
    /// The global with the count of instructions, and one for a moment.
    instructions: u32,
    scratch: u32,
}

impl Rewrite {
    fn leave(&self, mut code: InstructionSink<'_>) {
        code.i32_const(OUTSIDE)
            .global_get(self.instructions)
            .call(self.added.function(0));
    }

    fn mark(&self, mut code: InstructionSink<'_>) {
        code.global_set(self.scratch)
            .global_get(self.scratch)
            .global_get(self.scratch)
            .global_get(self.instructions)
            .call(self.added.function(0));
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

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let marked = self.body == self.dispatch;
        self.body += 1;
        if !marked {
            return utils::parse_function_body(self, code, body);
        }
        let mut function: Function = self.new_function_with_parsed_locals(&body)?;
        // Branches out of the function end at a mark, too.
        let result = self.result;
        begin_block(self, &mut function, result)?;
        let mut last = Operator::Nop;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            match operator {
                Operator::Return => self.leave(function.instructions()),
                _ if is_dispatch(&operator, &last, self.scratch) => {
                    self.mark(function.instructions());
                }
                _ => {}
            }
            function.instruction(&self.instruction(operator.clone())?);
            last = operator;
        }
        self.leave(function.instructions());
        function.instructions().end();
        code.function(&function);
        Ok(())
    }
}
