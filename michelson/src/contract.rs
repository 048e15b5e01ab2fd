//! Whole contracts: a script that typechecks, its entrypoints, its calls.

use crate::check::{self, Scope};
use crate::encoding;
use crate::error::Error;
use crate::run::{Context, Evaluator, Failure, Stack, World};
use crate::syntax::Node;
use crate::ty::Type;
use crate::value::{Transfer, Value};

/// A script that typechecks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    script: Node,
    parameter: Node,
    parameter_type: Type,
    storage: Type,
    code: Node,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The calls that it emits, in order.
    pub transfers: Vec<Transfer>,
    /// The new storage.
    pub storage: Value,
}

impl Contract {
    /// Reads and typechecks a script.
    ///
    /// # Errors
    /// An error that names the fault.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let script = Node::parse(text)?;
        let Node::Sequence(sections) = &script else {
            return Err(Error::Sections);
        };
        let section = |wanted: &str| {
            let mut found = sections.iter().filter_map(|node| match node {
                Node::Prim { name, args, .. } if name == wanted => match &args[..] {
                    [inside] => Some(inside.clone()),
                    _ => None,
                },
                _ => None,
            });
            let only = found.next().ok_or(Error::Sections)?;
            if found.next().is_some() || sections.len() != 3 {
                return Err(Error::Sections);
            }
            Ok(only)
        };
        let (parameter, code) = (section("parameter")?, section("code")?);
        let (parameter_type, storage) = (
            Type::read_field(&parameter)?,
            Type::read(&section("storage")?)?,
        );
        let scope = Scope {
            parameter: &parameter,
        };
        let both = Type::Pair(Box::new(parameter_type.clone()), Box::new(storage.clone()));
        let operations = Type::List(Box::new(Type::Operation));
        let given = Type::Pair(Box::new(operations), Box::new(storage.clone()));
        match check::code(&code, vec![both], scope)? {
            Some(behind) if behind != [given.clone()] => Err(Error::Branches {
                instruction: Box::new(Node::prim("code", Vec::new())),
                left: behind,
                right: vec![given],
            }),
            _ => Ok(Self {
                script: script.clone(),
                parameter: parameter.clone(),
                parameter_type,
                storage,
                code,
            }),
        }
    }

    /// The script.
    #[must_use]
    pub const fn script(&self) -> &Node {
        &self.script
    }

    /// The type of its storage.
    #[must_use]
    pub const fn storage(&self) -> &Type {
        &self.storage
    }

    /// The type of an entrypoint.
    ///
    /// # Errors
    /// [`Error::NoEntrypoint`].
    pub fn entrypoint(&self, name: &str) -> Result<Type, Error> {
        check::entrypoint(&self.parameter, name).map(|(ty, _)| ty)
    }

    /// Runs an entrypoint.
    ///
    /// # Errors
    /// Why it fails; nothing has happened then.
    pub fn call(
        &self,
        (entrypoint, argument): (&str, Value),
        storage: Value,
        context: &Context,
        world: &dyn World,
    ) -> Result<Called, Failure> {
        let (ty, way) = check::entrypoint(&self.parameter, entrypoint)?;
        // The value is one of the type.
        encoding::read(&encoding::write(&argument), &ty)?;
        let parameter = way.iter().rev().fold(argument, |inside, is_right| {
            if *is_right {
                Value::right(inside)
            } else {
                Value::left(inside)
            }
        });
        let both = Type::Pair(
            Box::new(self.parameter_type.clone()),
            Box::new(self.storage.clone()),
        );
        let mut stack = Stack::of(Value::pair(parameter, storage), both);
        let evaluator = Evaluator {
            context,
            world,
            scope: Scope {
                parameter: &self.parameter,
            },
        };
        evaluator.run(&self.code, &mut stack)?;
        let unknown = || Failure::Unknown("code".to_owned());
        let Some(Value::Pair(operations, storage)) = stack.pop() else {
            return Err(unknown());
        };
        let Value::List(operations) = *operations else {
            return Err(unknown());
        };
        let transfers = operations.into_iter().map(|operation| match operation {
            Value::Operation(transfer) => Ok(*transfer),
            _ => Err(unknown()),
        });
        Ok(Called {
            transfers: transfers.collect::<Result<_, _>>()?,
            storage: *storage,
        })
    }
}
