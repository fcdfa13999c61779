use std::io::IoSlice;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

/// Slices in order as one buffer, so that all of them leave in one write and none is copied.
#[derive(Debug, Default)]
pub(super) struct Slices {
    // A message in its envelope is three.
    all: SmallVec<[Bytes; 3]>,
    /// The first that is not gone.
    next: usize,
    left: usize,
}

impl Slices {
    /// Takes the next one out, whole or what is left of it.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let slice = std::mem::take(self.all.get_mut(self.next)?);
        self.next += 1;
        self.left -= slice.len();
        Some(slice)
    }
}

impl FromIterator<Bytes> for Slices {
    /// Empty slices are left out.
    fn from_iter<I: IntoIterator<Item = Bytes>>(slices: I) -> Self {
        let slices = slices.into_iter().filter(|slice| !slice.is_empty());
        let all: SmallVec<[Bytes; 3]> = slices.collect();
        Self {
            left: all.iter().map(Bytes::len).sum(),
            all,
            next: 0,
        }
    }
}

impl From<Bytes> for Slices {
    fn from(slice: Bytes) -> Self {
        Self::from_iter([slice])
    }
}

impl Buf for Slices {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.all.get(self.next).map_or(&[], |slice| slice)
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let left = self.all.get(self.next..).unwrap_or_default();
        for (place, slice) in into.iter_mut().zip(left) {
            *place = IoSlice::new(slice);
        }
        left.len().min(into.len())
    }

    fn advance(&mut self, mut count: usize) {
        assert!(
            count <= self.left,
            "advancing by {count} of {} bytes",
            self.left
        );
        self.left -= count;
        while count > 0 {
            let slice = &mut self.all[self.next];
            let gone = count.min(slice.len());
            slice.advance(gone);
            count -= gone;
            self.next += usize::from(slice.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_are_the_bytes_in_them_however_they_are_taken(
            slices in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..7),
            steps in prop::collection::vec(0_usize..9, 0..30),
            room in 1_usize..5,
        ) {
            let mut expected = slices.concat();
            let mut taken: Slices = slices.into_iter().map(Bytes::from).collect();
            for step in steps {
                prop_assert_eq!(taken.remaining(), expected.len());
                let mut shown = vec![IoSlice::new(&[]); room];
                let filled = taken.chunks_vectored(&mut shown);
                let shown: Vec<u8> = shown[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                prop_assert!(expected.starts_with(&shown));
                prop_assert!(expected.starts_with(taken.chunk()));
                prop_assert_eq!(taken.chunk().is_empty(), expected.is_empty());
                prop_assert_eq!(shown.is_empty(), expected.is_empty());
                let step = step.min(expected.len());
                taken.advance(step);
                expected.drain(..step);
            }
            while let Some(slice) = taken.pop() {
                prop_assert!(!slice.is_empty());
                prop_assert_eq!(&slice[..], &expected[..slice.len()]);
                expected.drain(..slice.len());
                prop_assert_eq!(taken.remaining(), expected.len());
            }
            prop_assert!(expected.is_empty());
        }
    }
}
