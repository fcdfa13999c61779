//! `toolgatectl audit …`

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use toolgate_admin::{
    AuditListed, AuditQuery, AuditVerified, DataDir, GivenKeySources, existing_key, export_audit,
    verify_audit, verify_export,
};

use super::Context;
use crate::args::{AuditList, AuditVerify};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{maybe, plain, table, time};

pub(super) fn list(context: &Context<'_>, asked: AuditList) -> Result<Exit, Failure> {
    let workspace = asked.workspace.as_deref();
    let query = AuditQuery {
        workspace: workspace
            .map(|slug| context.admin.scope(slug))
            .transpose()?,
        since: asked.since,
        action: asked.action,
        actor: asked.actor,
        before: None,
        limit: asked.limit as usize,
    };
    let rows = context.admin.list_audit(&query)?;
    context.output.many(&rows, audit_table)?;
    Ok(Exit::Done)
}

/// Works on a store that does not open for anything else, which is when one asks.
pub(super) fn verify(
    dir: &DataDir,
    keys: GivenKeySources,
    sink: Option<&Path>,
    asked: &AuditVerify,
    output: &Output,
) -> Result<Exit, Failure> {
    let key = existing_key(dir, keys, asked.key_file.as_deref())?;
    let verified = match &asked.export {
        Some(export) => verify_export(dir, &key, sink, export)?,
        None => verify_audit(dir, &key, sink)?,
    };
    output.one(&verified, verified_text)?;
    Ok(if verified.ok {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn verified_text(verified: &AuditVerified) -> String {
    let mut text = format!(
        "{}, {} checkpoints compared\n",
        verified.message, verified.checkpoints
    );
    for line in &verified.unreadable {
        let _ = writeln!(text, "{line} is no checkpoint");
    }
    text
}

/// One JSON object a line, whether or not `--json` was given: an export is for programs.
pub(super) fn export(dir: &DataDir) -> Result<Exit, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let exported = export_audit(dir, |row| {
        serde_json::to_writer(&mut out, row)?;
        out.write_all(b"\n")
    });
    exported?;
    out.flush()?;
    Ok(Exit::Done)
}

fn audit_table(rows: &[AuditListed]) -> String {
    let rows = rows.iter().map(|row| {
        vec![
            plain(row.sequence.to_string()),
            plain(time(&row.time)),
            plain(&row.actor),
            plain(&row.action),
            maybe(row.workspace.as_deref()),
            plain(&row.object),
            plain(&row.detail),
        ]
    });
    table(
        &[
            "#",
            "TIME (UTC)",
            "WHO",
            "WHAT",
            "WORKSPACE",
            "OBJECT",
            "NAME",
        ],
        rows,
        "Nothing was done yet.",
    )
}
