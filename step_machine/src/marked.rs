//! Words in memory, of which it is known where they changed.

/// Words, of which it is known where they changed.
#[derive(Clone, Debug)]
pub(crate) struct Marked {
    pub(crate) words: Vec<u64>,
    /// By blocks.
    changed: Vec<bool>,
}

/// The words of a block that is hashed as a whole, as a power of 2: 4 KiB.
pub(crate) const BLOCK_BITS: u32 = 9;

impl Marked {
    /// Zeros, which take no room until they are written.
    pub(crate) fn zeros(words: u32) -> Self {
        Self {
            words: vec![0; words as usize],
            changed: vec![false; (words as usize >> BLOCK_BITS) + 1],
        }
    }

    /// These words, none of them changed.
    pub(crate) fn unchanged(words: Vec<u64>) -> Self {
        let changed = vec![false; (words.len() >> BLOCK_BITS) + 1];
        Self { words, changed }
    }

    /// These words.
    pub(crate) fn new(words: &[u64]) -> Self {
        Self {
            words: words.to_vec(),
            changed: vec![true; (words.len() >> BLOCK_BITS) + 1],
        }
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize, word: u64) {
        if let Some(place) = self.words.get_mut(at) {
            *place = word;
            self.changed[at >> BLOCK_BITS] = true;
        }
    }

    /// Makes room for a word behind the end.
    pub(crate) fn grow(&mut self, at: usize) {
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
            self.changed.resize((at >> BLOCK_BITS) + 1, true);
        }
    }

    /// The blocks that changed since the last time.
    pub(crate) fn take_changed(&mut self) -> Vec<usize> {
        take(&mut self.changed)
    }
}

/// The marked blocks, which are so no longer.
pub(crate) fn take(changed: &mut [bool]) -> Vec<usize> {
    let all = changed.iter_mut().enumerate();
    let marked = all.filter_map(|(block, changed)| std::mem::take(changed).then_some(block));
    marked.collect()
}
