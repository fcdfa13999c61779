//! `toolgatectl man`

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

pub(super) fn run(folder: Option<&Path>, output: &Output) -> Result<Exit, Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        io::stdout().lock().write_all(&page)?;
        return Ok(Exit::Done);
    };
    let failed = |source| Failure::File {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    let pages = fs::read_dir(folder).map_err(failed)?.count() as u64;
    let report = serde_json::json!({ "directory": folder, "pages": pages });
    output.one(&report, |_| {
        format!(
            "Wrote {} to {}\n",
            super::count(pages, "page"),
            folder.display()
        )
    })?;
    Ok(Exit::Done)
}
