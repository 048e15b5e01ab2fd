//! Inspectors for which a transaction may end early, since they would keep too much.

use revm::context_interface::either::Either;

/// The most bytes that a tracer keeps of a transaction, what its result is made of included.
/// An answer that is not too large takes less.
pub(super) const MOST: usize = 256 << 20;

/// Why a trace ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overdrawn {
    /// It takes more than a trace may.
    #[error("trace too large: the tracer would need more than {} MiB for this transaction", MOST >> 20)]
    One,
    /// All traces together take more than they may.
    #[error("too many large traces at once: try again later")]
    All,
}

/// An inspector of a transaction that may end early for what the inspector keeps.
pub trait Watched {
    /// Why it ended early, if it did.
    fn overdrawn(&self) -> Option<Overdrawn>;
}

impl<L: Watched, R: Watched> Watched for Either<L, R> {
    fn overdrawn(&self) -> Option<Overdrawn> {
        match self {
            Self::Left(left) => left.overdrawn(),
            Self::Right(right) => right.overdrawn(),
        }
    }
}
