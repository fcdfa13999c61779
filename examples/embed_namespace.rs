//! Tool names made public and taken back, with nothing but `toolgate-namespace`.
//!
//! `cargo run -p toolgate-examples --example embed_namespace`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use toolgate_namespace::{ServerId, ServerSlug, TOOL_NAME_MAX, ToolName, ToolTable};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let github = ServerSlug::try_from("github")?;
    let files = ServerSlug::try_from("files")?;
    let github_tools = [
        ToolName::try_from("create_issue")?,
        ToolName::try_from("search/code")?,
    ];
    let long = "read_the_file_at_the_given_path_and_return_its_text_with_line_numbers";
    let file_tools = [ToolName::try_from("read")?, ToolName::try_from(long)?];

    let table = ToolTable::build(
        [
            (
                ServerId::from_random([1; 16]),
                Some(&github),
                &github_tools[..],
            ),
            (
                ServerId::from_random([2; 16]),
                Some(&files),
                &file_tools[..],
            ),
        ],
        TOOL_NAME_MAX,
    );
    for target in &table {
        println!("{:66} → {}", target.exposed.as_str(), target.tool.as_str());
        assert_eq!(table.find(target.exposed.as_str()), Some(target));
        assert!(target.exposed.as_str().len() <= TOOL_NAME_MAX);
    }
    // What was shortened stays callable by its full name.
    let full = format!("files__{long}");
    assert_eq!(
        table.find(&full).map(|target| target.tool.as_str()),
        Some(long)
    );
    Ok(())
}
