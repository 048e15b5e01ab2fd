//! The part of the state of decoding that is not in an array.

use super::Verdict;

/// The kind of the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Head,
    Section,
    CustomName,
    Type,
    TypeTree,
    Import,
    Function,
    Table,
    Memory,
    Global,
    Export,
    ExportName,
    ExportKind,
    ExportTree,
    Element,
    ElementItem,
    Data,
    DataBytes,
    Body,
    Params,
    Locals,
    Operators,
    Targets,
    Reach,
    ReachCode,
    ReachTargets,
    Entry,
    Functions,
    Over(Verdict),
}

impl Stage {
    /// Those that are numbered from 0 on.
    const ALL: [Self; 28] = [
        Self::Head,
        Self::Section,
        Self::CustomName,
        Self::Type,
        Self::TypeTree,
        Self::Import,
        Self::Function,
        Self::Table,
        Self::Memory,
        Self::Global,
        Self::Export,
        Self::ExportName,
        Self::ExportKind,
        Self::ExportTree,
        Self::Element,
        Self::ElementItem,
        Self::Data,
        Self::DataBytes,
        Self::Body,
        Self::Params,
        Self::Locals,
        Self::Operators,
        Self::Targets,
        Self::Reach,
        Self::ReachCode,
        Self::ReachTargets,
        Self::Entry,
        Self::Functions,
    ];

    /// Verdicts have the numbers behind the others.
    fn number(self) -> u32 {
        match self {
            Self::Over(verdict) => Self::ALL.len() as u32 + verdict as u32,
            stage => {
                let place = Self::ALL.iter().position(|known| *known == stage);
                place.unwrap_or_default() as u32
            }
        }
    }

    fn of(number: u32) -> Option<Self> {
        match Self::ALL.get(number as usize) {
            Some(stage) => Some(*stage),
            None => {
                let verdict = Verdict::ALL.get(number as usize - Self::ALL.len())?;
                Some(Self::Over(*verdict))
            }
        }
    }
}

macro_rules! state {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The part of the state of decoding that is not in an array. Flags are 0 or 1; numbers that
        /// may be missing are one more, or 0.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct State {
            pub(super) stage: Stage,
            $($(#[$doc])* pub(super) $name: u32,)*
            /// A name or a type, as far as it is read.
            pub(super) hash: [u64; 4],
        }

        impl State {
            /// The words of the state, two numbers in each but for the hash.
            const NUMBERS: usize = 1 + [$(stringify!($name)),*].len();

            fn numbers(&self) -> [u32; Self::NUMBERS] {
                [self.stage.number(), $(self.$name),*]
            }

            fn of_numbers(numbers: [u32; Self::NUMBERS], hash: [u64; 4]) -> Option<Self> {
                let [stage, $($name),*] = numbers;
                Some(Self { stage: Stage::of(stage)?, $($name,)* hash })
            }
        }

        impl Default for State {
            fn default() -> Self {
                Self { stage: Stage::Head, $($name: 0,)* hash: [0; 4] }
            }
        }
    };
}

state! {
    /// The next byte of the module.
    pos,
    /// The end of the section.
    end,
    /// Entries of the section that follow.
    left,
    /// The rank of the last section that is not custom.
    order,
    /// Types, and bytes of their parameters and results.
    types,
    kinds,
    /// The number of types that functions or calls name.
    type_numbers,
    /// The limit of the sizes of what is imported and exported.
    type_size,
    /// Functions, those that are imported, and those whose body was read.
    functions,
    imported,
    bodies,
    tables,
    memories,
    /// The memory's size and its most, in pages.
    pages,
    max_pages,
    /// The memory is exported.
    memory_exported,
    globals,
    global_cells,
    exports,
    /// The functions of these names.
    entry,
    legacy_entry,
    /// The start function.
    start,
    /// Segments of elements, and words of elements.
    elements,
    element_words,
    /// Segments of both kinds.
    segments,
    /// The number of data segments that is announced; those that were read; words of data.
    data_count,
    datas,
    data_words,
    /// Code is not well-typed.
    ill,
    /// Words of code.
    code,
    /// The last jump that waits for a place, and the place.
    patch,
    target,
    /// A name: its length, what of it follows, which name it is.
    name_len,
    name_left,
    name_is,
    /// The node of a tree that is compared next, and its depth.
    node,
    depth,
    /// A segment: its kind, the type of its elements, whether they are expressions, the table, the next
    /// place there or in memory, its first word, how many elements or bytes follow.
    segment_kind,
    segment_type,
    segment_exprs,
    segment_table,
    segment_at,
    segment_first,
    segment_left,
    /// The body: its end, the type of the function, its result, where its code begins.
    body_end,
    body_type,
    body_result,
    body_begin,
    /// Parameters that were read; groups of locals that follow, that were read; locals, as declared and as
    /// defined, and their cells.
    params,
    locals_left,
    groups,
    declared,
    locals,
    local_cells,
    /// Values on the stack of the validator, blocks that are open, values when the innermost
    /// began, and whether what follows there is reached, for it.
    operands,
    frames,
    base,
    unreachable,
    /// The code that follows is never reached and left out.
    dead,
    /// Cells on the stack, and the most.
    height,
    highest,
    /// A `br_table`: its place in the code, targets that follow, values that the first of them takes and
    /// one.
    table_at,
    targets,
    arity,
    /// Functions that wait for it to be seen what they call, and those that were.
    waiting,
    reached,
}

/// The bytes of a state.
pub(crate) const LEN: usize = 4 * State::NUMBERS + 32;

impl State {
    /// The verdict, if it is there.
    #[must_use]
    pub const fn verdict(&self) -> Option<Verdict> {
        match self.stage {
            Stage::Over(verdict) => Some(verdict),
            _ => None,
        }
    }

    pub(super) const fn finish(&mut self, verdict: Verdict) {
        self.stage = Stage::Over(verdict);
    }

    /// Little-endian numbers.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let numbers = self.numbers().map(u32::to_le_bytes);
        let mut bytes = numbers.as_flattened().to_vec();
        bytes.extend(self.hash.map(u64::to_le_bytes).as_flattened());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; LEN]) -> Option<Self> {
        let (numbers, hash) = bytes.split_at(4 * Self::NUMBERS);
        let mut all = [0; Self::NUMBERS];
        for (number, bytes) in all.iter_mut().zip(numbers.as_chunks().0) {
            *number = u32::from_le_bytes(*bytes);
        }
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(hash.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Self::of_numbers(all, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_from_its_bytes() {
        let all = Stage::ALL.into_iter();
        let over = Verdict::ALL.map(Stage::Over);
        for stage in all.chain(over) {
            let state = State {
                stage,
                pos: 1,
                reached: 2,
                hash: [3, 4, 5, 6],
                ..State::default()
            };
            let bytes: [u8; LEN] = state.encode().try_into().unwrap();
            assert_eq!(State::decode(&bytes), Some(state));
        }
        let mut bytes: [u8; LEN] = State::default().encode().try_into().unwrap();
        bytes[0] = 32;
        assert_eq!(State::decode(&bytes), None);
    }
}
