//! UTF-8 across the borders of chunks.

/// Checks text in chunks; a character may lie across two of them.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// The begin of a character whose rest has not come.
    begun: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// Whether a character is unfinished.
    pub(super) fn is_open(&self) -> bool {
        self.length > 0
    }

    /// Takes a chunk in; fails with the place of the first bad byte, which may lie before the chunk.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), usize> {
        let mut rest = chunk;
        while self.is_open() {
            let Some((&byte, behind)) = rest.split_first() else {
                return Ok(());
            };
            rest = behind;
            self.begun[self.length] = byte;
            self.length += 1;
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                // Four bytes are a character or an error.
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(0),
            }
        }
        let before = chunk.len() - rest.len();
        match simdutf8::compat::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_none() => {
                let begun = &rest[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.length = begun.len();
                Ok(())
            }
            Err(error) => Err(before + error.valid_up_to()),
        }
    }
}
