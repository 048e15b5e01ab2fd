//! Who may call whom in a module.

use std::collections::BTreeSet;
use wasmparser::Result;
use wasmparser::{
    CompositeInnerType, ConstExpr, ElementItems, ExternalKind, FuncType, FunctionBody, Operator,
    Parser, Payload, TypeRef,
};

/// The functions of a module by their indices, the imported ones first.
#[derive(Debug, Default)]
pub struct CallGraph {
    /// How many functions are imported.
    pub imported: u32,
    /// How many globals there are.
    pub globals: u32,
    types: Vec<Option<FuncType>>,
    /// The type of each function.
    functions: Vec<u32>,
    /// The functions that a table, or a reference, may lead to.
    referenced: BTreeSet<u32>,
    bodies: Vec<Body>,
    exports: Vec<(String, u32)>,
    /// The functions that each may call.
    called: Vec<Vec<u32>>,
}

/// What matters of a function's code.
#[derive(Debug, Default)]
struct Body {
    calls: BTreeSet<u32>,
    /// The types that it calls through a table.
    indirect: BTreeSet<u32>,
    locals: u32,
}

impl CallGraph {
    /// The call graph of a module.
    ///
    /// # Errors
    /// If the bytes are not a module.
    pub fn of(wasm: &[u8]) -> Result<Self> {
        let mut graph = Self::default();
        for payload in Parser::new(0).parse_all(wasm) {
            graph.payload(payload?)?;
        }
        graph.called = graph.functions().map(|one| graph.calls_of(one)).collect();
        Ok(graph)
    }

    fn payload(&mut self, payload: Payload<'_>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    for ty in group?.into_types() {
                        self.types.push(match ty.composite_type.inner {
                            CompositeInnerType::Func(ty) => Some(ty),
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    if let TypeRef::Func(ty) = import?.ty {
                        self.functions.push(ty);
                        self.imported += 1;
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                for ty in functions {
                    self.functions.push(ty?);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.kind == ExternalKind::Func {
                        self.exports.push((export.name.to_owned(), export.index));
                    }
                }
            }
            Payload::GlobalSection(globals) => {
                self.globals = globals.count();
                for global in globals {
                    self.references(&global?.init_expr)?;
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                self.referenced.insert(function?);
                            }
                        }
                        ElementItems::Expressions(_, expressions) => {
                            for expression in expressions {
                                self.references(&expression?)?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let body = self.body(&body)?;
                self.bodies.push(body);
            }
            _ => {}
        }
        Ok(())
    }

    fn references(&mut self, expression: &ConstExpr<'_>) -> Result<()> {
        for operator in expression.get_operators_reader() {
            self.reference(&operator?);
        }
        Ok(())
    }

    fn reference(&mut self, operator: &Operator<'_>) {
        if let Operator::RefFunc { function_index } = operator {
            self.referenced.insert(*function_index);
        }
    }

    fn body(&mut self, code: &FunctionBody<'_>) -> Result<Body> {
        let mut body = Body::default();
        for locals in code.get_locals_reader()? {
            body.locals += locals?.0;
        }
        for operator in code.get_operators_reader()? {
            let operator = operator?;
            self.reference(&operator);
            match operator {
                Operator::Call { function_index } => {
                    body.calls.insert(function_index);
                }
                Operator::CallIndirect { type_index, .. } => {
                    body.indirect.insert(type_index);
                }
                _ => {}
            }
        }
        Ok(body)
    }

    /// All functions.
    pub fn functions(&self) -> std::ops::Range<u32> {
        0..self.functions.len() as u32
    }

    /// The exported function called `name`.
    pub fn export(&self, name: &str) -> Option<u32> {
        let found = self.exports.iter().find(|(export, _)| export == name);
        found.map(|(_, function)| *function)
    }

    /// The functions that `function` may call.
    pub fn called(&self, function: u32) -> &[u32] {
        let called = self.called.get(function as usize);
        called.map(Vec::as_slice).unwrap_or_default()
    }

    /// Parameters and locals of a function.
    pub fn locals(&self, function: u32) -> u32 {
        let params = self.ty(function).map_or(0, |ty| ty.params().len() as u32);
        params + self.body_of(function).map_or(0, |body| body.locals)
    }

    /// The type of a function.
    pub fn ty(&self, function: u32) -> Option<&FuncType> {
        let ty = *self.functions.get(function as usize)?;
        self.types.get(ty as usize)?.as_ref()
    }

    fn calls_of(&self, function: u32) -> Vec<u32> {
        let Some(body) = self.body_of(function) else {
            return Vec::new();
        };
        let indirect = body.indirect.iter().flat_map(|ty| self.behind(*ty));
        let all: BTreeSet<u32> = body.calls.iter().copied().chain(indirect).collect();
        all.into_iter().collect()
    }

    /// The functions that a call through a table with this type may reach.
    fn behind(&self, ty: u32) -> impl Iterator<Item = u32> + '_ {
        let sought = self.types.get(ty as usize).and_then(Option::as_ref);
        let referenced = self.referenced.iter().copied();
        referenced.filter(move |function| self.ty(*function) == sought)
    }

    fn body_of(&self, function: u32) -> Option<&Body> {
        let index = function.checked_sub(self.imported)?;
        self.bodies.get(index as usize)
    }

    /// The parts of `within` in which every function can call itself again by
    /// way of every other.
    pub fn cycles(&self, within: &BTreeSet<u32>) -> Vec<BTreeSet<u32>> {
        let count = self.functions.len();
        let mut inside = vec![false; count];
        let mut back = vec![Vec::new(); count];
        for from in within {
            inside[*from as usize] = true;
        }
        for from in within {
            for to in self.called(*from) {
                back[*to as usize].push(*from);
            }
        }
        // Kosaraju: the order in which searches end, then searches backwards.
        let (mut order, mut unseen) = (Vec::new(), inside.clone());
        for function in within {
            finish(*function, &self.called, &mut unseen, &mut order);
        }
        let (mut parts, mut unseen) = (Vec::new(), inside);
        for function in order.iter().rev() {
            let mut part = Vec::new();
            finish(*function, &back, &mut unseen, &mut part);
            let calls_itself = |one: &u32| self.called(*one).contains(one);
            if part.len() > 1 || part.first().is_some_and(calls_itself) {
                parts.push(part.into_iter().collect());
            }
        }
        parts
    }
}

/// Adds what can be reached from `function` and is unseen to `order`, what is
/// reached last first.
fn finish(function: u32, edges: &[Vec<u32>], unseen: &mut [bool], order: &mut Vec<u32>) {
    if !std::mem::take(&mut unseen[function as usize]) {
        return;
    }
    let mut open = vec![(function, edges[function as usize].iter())];
    while let Some((function, rest)) = open.last_mut() {
        match rest.find(|to| std::mem::take(&mut unseen[**to as usize])) {
            Some(to) => open.push((*to, edges[*to as usize].iter())),
            None => {
                order.push(*function);
                open.pop();
            }
        }
    }
}
