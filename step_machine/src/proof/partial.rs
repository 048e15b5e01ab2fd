//! Checks proofs: the same step, on what a proof has of the state.

use crate::backing::{Backing, Region};
use crate::registers::{Registers, WORDS};
use crate::step::{Event, step};
use crate::tree::{HEIGHT, Hash, LEAF, LEAF_BITS, leaf, pair, state, zero};

/// The most bytes of a proof: what layer 1 takes.
pub const MAX_PROOF: usize = 30_000;

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is longer than layer 1 takes.
    #[error("the proof has more than {MAX_PROOF} bytes")]
    TooLong,
    /// It does not decode.
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    /// It is of another state.
    #[error("the proof is of another state")]
    OtherState,
    /// The step looks at something that it leaves out.
    #[error("the proof leaves out what the step looks at")]
    Missing,
    /// The step is a call of the host, of which this part of the state does not tell.
    #[error("the step is a call of the host")]
    HostCall,
    /// The step leads to another state.
    #[error("the step leads to another state")]
    OtherResult,
}

/// A proof's parts of a state.
#[derive(Clone, Debug)]
pub struct Partial {
    registers: Registers,
    regions: Parts,
}

/// Parts of the first regions, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Parts(Vec<Part>);

/// A part of a region, as far as a proof has it.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Zeros,
    Elsewhere(Hash),
    Leaf([u64; LEAF]),
    Pair(Box<[Part; 2]>),
}

impl Partial {
    /// Decodes a proof; whatever follows is given back.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn decode(proof: &[u8]) -> Result<(Self, &[u8]), ProofError> {
        let mut from = Reader(proof);
        let bytes: [u8; 8 * WORDS] = from.array()?;
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let registers = Registers::of(words);
        let registers = registers.ok_or(ProofError::Malformed("no such registers"))?;
        let regions = from.parts(Region::ALL.len())?;
        Ok((Self { registers, regions }, from.0))
    }

    /// The hash of the state.
    #[must_use]
    pub fn root(&self) -> Hash {
        state(&self.registers, &self.regions.roots())
    }
}

/// Checks that a step leads from one state to another. It must not be a call of the host.
///
/// # Errors
/// If it does not, or the proof does not show it.
pub fn check(proof: &[u8], before: &Hash, after: &Hash) -> Result<(), ProofError> {
    if proof.len() > MAX_PROOF {
        return Err(ProofError::TooLong);
    }
    let (mut partial, rest) = Partial::decode(proof)?;
    if !rest.is_empty() {
        return Err(ProofError::Malformed("something follows it"));
    }
    if partial.root() != *before {
        return Err(ProofError::OtherState);
    }
    if let Event::Call(_) = step(&mut partial)? {
        return Err(ProofError::HostCall);
    }
    if partial.root() != *after {
        return Err(ProofError::OtherResult);
    }
    Ok(())
}

impl Backing for Partial {
    type Missing = ProofError;

    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn get(&mut self, region: Region, at: u32) -> Result<u64, ProofError> {
        self.regions.get(region, at)
    }

    fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), ProofError> {
        self.regions.set(region, at, word)
    }
}

impl Parts {
    pub(crate) fn get(&self, region: Region, at: u32) -> Result<u64, ProofError> {
        let part = self.0.get(region as usize);
        part.ok_or(ProofError::Missing)?.get(HEIGHT, at)
    }

    pub(crate) fn set(&mut self, region: Region, at: u32, word: u64) -> Result<(), ProofError> {
        let part = self.0.get_mut(region as usize);
        part.ok_or(ProofError::Missing)?.set(HEIGHT, at, word)
    }

    /// The roots of as many regions; one without a part has zeros alone.
    pub(crate) fn roots<const COUNT: usize>(&self) -> [Hash; COUNT] {
        let mut roots = [zero(HEIGHT); COUNT];
        for (root, part) in roots.iter_mut().zip(&self.0) {
            *root = part.hash(HEIGHT);
        }
        roots
    }
}

impl Part {
    fn get(&self, height: u32, at: u32) -> Result<u64, ProofError> {
        match self {
            Self::Zeros => Ok(0),
            Self::Elsewhere(_) => Err(ProofError::Missing),
            Self::Leaf(words) => Ok(words[at as usize % LEAF]),
            Self::Pair(sides) => sides[side(height, at)].get(height - 1, at),
        }
    }

    fn set(&mut self, height: u32, at: u32, word: u64) -> Result<(), ProofError> {
        if let Self::Zeros = self {
            *self = match height {
                0 => Self::Leaf([0; LEAF]),
                _ => Self::Pair(Box::new([Self::Zeros, Self::Zeros])),
            };
        }
        match self {
            Self::Leaf(words) => words[at as usize % LEAF] = word,
            Self::Pair(sides) => return sides[side(height, at)].set(height - 1, at, word),
            Self::Zeros | Self::Elsewhere(_) => return Err(ProofError::Missing),
        }
        Ok(())
    }

    pub(crate) fn hash(&self, height: u32) -> Hash {
        match self {
            Self::Zeros => zero(height),
            Self::Elsewhere(hash) => *hash,
            Self::Leaf(words) => leaf(words),
            Self::Pair(sides) => {
                let [left, right] = &**sides;
                pair(&left.hash(height - 1), &right.hash(height - 1))
            }
        }
    }
}

/// The side of a pair of some height that a word is on.
const fn side(height: u32, at: u32) -> usize {
    (at >> (height + LEAF_BITS - 1) & 1) as usize
}

/// Reads proofs.
pub(crate) struct Reader<'b>(pub(crate) &'b [u8]);

const SHORT: ProofError = ProofError::Malformed("it ends too early");

impl Reader<'_> {
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], ProofError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*array)
    }

    /// The parts of so many regions.
    pub(crate) fn parts(&mut self, count: usize) -> Result<Parts, ProofError> {
        let parts = (0..count).map(|_| self.part(HEIGHT));
        Ok(Parts(parts.collect::<Result<_, _>>()?))
    }

    /// No deeper than a region is high. Each part has one form alone.
    fn part(&mut self, height: u32) -> Result<Part, ProofError> {
        let [tag] = self.array()?;
        match tag {
            0 => Ok(Part::Zeros),
            1 => {
                let hash = self.array()?;
                if hash == zero(height) {
                    return Err(ProofError::Malformed("zeros have no hash"));
                }
                Ok(Part::Elsewhere(hash))
            }
            2 if height == 0 => self.leaf(),
            3 if height > 0 => {
                let left = self.part(height - 1)?;
                let right = self.part(height - 1)?;
                Ok(Part::Pair(Box::new([left, right])))
            }
            _ => Err(ProofError::Malformed("no such part")),
        }
    }

    fn leaf(&mut self) -> Result<Part, ProofError> {
        let [len] = self.array()?;
        let mut bytes = [0; 8 * LEAF];
        let target = bytes.get_mut(..len.into());
        let target = target.ok_or(ProofError::Malformed("a leaf that is too long"))?;
        let (from, rest) = self.0.split_at_checked(len.into()).ok_or(SHORT)?;
        self.0 = rest;
        target.copy_from_slice(from);
        if from.last() == Some(&0) {
            return Err(ProofError::Malformed("a leaf with zeros at its end"));
        }
        let mut words = [0; LEAF];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(Part::Leaf(words))
    }
}
