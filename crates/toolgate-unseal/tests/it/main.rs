//! Opening, handles and masking through the public surface.

mod handles;
mod mask;
mod mask_json;
mod mask_spellings;
mod mask_stream;
mod opener;
mod support;
