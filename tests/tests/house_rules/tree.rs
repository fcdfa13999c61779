//! The files of the project.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Source of what is shipped, tests inside the files not counted.
pub(crate) fn product_files() -> Vec<PathBuf> {
    let (crates, bins) = (root().join("crates"), root().join("bins"));
    let found = [files(&crates, &["rs"]), files(&bins, &["rs"])].concat();
    let shipped = |file: &PathBuf| {
        let inside = |folder: &str| file.components().any(|part| part.as_os_str() == folder);
        inside("src") && !inside("toolgate-testkit") && !inside("toolgate-demo")
    };
    found.into_iter().filter(shipped).collect()
}

/// The text before the tests of a file.
pub(crate) fn read_code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

pub(crate) fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests/ lies in the checkout")
        .to_owned()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// Every file of these extensions (or names) that belongs to the project, none that was built or installed.
pub(crate) fn files(folder: &Path, wanted: &[&str]) -> Vec<PathBuf> {
    const NOT_OURS: &[&str] = &[
        "target",
        ".git",
        "node_modules",
        ".venv",
        "out",
        "artifacts",
        "corpus",
        "coverage",
        "__pycache__",
    ];
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .expect("the checkout can be read")
        .flatten()
    {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_ref()) {
                found.extend(files(&path, wanted));
            }
        } else if wanted.contains(&name.rsplit('.').next().unwrap_or_default()) {
            found.push(path);
        }
    }
    found
}
